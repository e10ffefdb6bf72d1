#!/usr/bin/env python3
"""Records the verdict engine's corpus anew: record.py [PATTERN]

Boots each case below on the real lab (QEMU, U-Boot) and writes its console,
as labd logged it, to test/lab/corpus/<case>.log and a line about it to
test/lab/corpus/index. Each case says what the contract makes of it; a run that
labd judges otherwise is not recorded, and the script fails. PATTERN picks
cases; the index keeps the lines of the others. Nothing is stripped, so a log
has the nonce of its run: the index names it.
"""

import fnmatch
import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import emulator_test as E  # noqa: E402
import lab as L  # noqa: E402

CORPUS = pathlib.Path(__file__).parent / "corpus"
LOG_MAX = 64 << 10
LIMIT = 300
HEAD = """\
# What test/lab/record.py recorded; test/host/lab_verdict_corpus_test.c reads it.
# log, the run's nonce, who decided (console, or clock and power: the console
# alone decides nothing), verdict, last stage, pass pattern, reason
"""
BUNDLE = L.BUILD / "tools" / "bundle"
BUSYBOX = L.BUILD / "debian" / "busybox"
INITRD = L.BUILD / "guest" / "initrd.cpio"
# An emulator whose network has nobody who answers DHCP.
NO_DHCP = """\
#!/bin/bash
for word; do
    case $word in user,id=net,*) word=user,id=net,ipv4=off ;; esac
    words+=("$word")
done
exec qemu-system-riscv64 "${words[@]}"
"""


def open_line():
    """An initrd whose init ends on a line that it leaves open."""
    path = L.ROOT / "tools" / "setup" / "initramfs.py"
    spec = importlib.util.spec_from_file_location("initramfs", path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    init = (b"#!/bin/busybox sh\n"
            b"/bin/busybox printf 'Begin: Loading drivers..'\n"
            b"/bin/busybox sleep 1\nexit 1\n")
    files = [(name, mode, init if name == "init" else data, device)
             for name, mode, data, device in made.entries(BUSYBOX)]
    return b"".join(made.entry(n, *f) for n, f in enumerate(files, 1)) + \
        made.entry(0, "TRAILER!!!", 0)


class Case:
    """An Image, what it is run with, and what the contract makes of it.

    meddle(lab, job) spoils the run; the console that it returns, if any, is
    recorded in place of the job's.
    """

    def __init__(self, image, verdict, reason, by="console", stage="kernel",
                 initrd=None, board="virt", meddle=None, **query):
        self.image, self.initrd = image, initrd
        self.verdict, self.reason, self.by = verdict, reason, by
        self.stage, self.board, self.meddle = stage, board, meddle
        self.query = {"timeout": "120", "silence": "30", **query}


def bundle(*guests):
    """An archive of guests, each as tools/bundle wants it."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([BUNDLE, "-o", out.name, *guests], check=True)
        return pathlib.Path(out.name).read_bytes()


def without(name):
    """The boot server loses a file before U-Boot asks for it."""
    def meddle(lab, id_):
        lab.until_stage(id_, "uboot")
        (lab.state / "tftp" / "virt" / name).unlink()
    return meddle


def emulator(folder):
    """A machine as labd starts it, for as long as nobody ends it."""
    return subprocess.Popen(
        ["qemu-system-riscv64", "-M", "virt", "-m", "1024M", "-smp", "2",
         "-nodefaults", "-display", "none", "-serial", "stdio", "-kernel",
         "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf", "-netdev",
         f"user,id=net,restrict=on,tftp={folder},bootfile=boot.scr.uimg",
         "-device", "virtio-net-device,netdev=net"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def on_without_labd(lab, id_):
    """The console of a machine that nobody switches off after the verdict."""
    lab.until_stage(id_, "uboot")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(lab.state / "tftp" / "virt", folder,
                        dirs_exist_ok=True)
        machine, log = emulator(folder), b""
        while log.count(b"Unhandled exception") < 3:
            piece = machine.stdout.read1()
            assert piece, log
            log += piece
        machine.kill()
        machine.communicate()
    return log


def cases():
    ours, debian = L.KERNEL.read_bytes(), L.DEBIAN.read_bytes()
    linux = f"image={L.DEBIAN}"
    yield "selftest", Case(ours, "pass", r"\d+ tests passed",
                           bootargs="selftest")
    yield "aloft-panic", Case(ours, "panic", "panic: .*stack.*",
                              bootargs="selftest=crash-stack-overflow")
    yield "aloft-shell", Case(ours, "timeout", "silent for 5 s", "clock",
                              silence="5", bootargs="guest=none")
    yield "aloft-guest", Case(
        ours, "pass", "pass pattern: INIT-OK .*", initrd=bundle(
            f"linux:{linux},initrd={INITRD},vcpus=2"), **{"pass": "^INIT-OK"})
    yield "aloft-guest-panics", Case(
        ours, "panic", "Kernel panic - not syncing: .*",
        initrd=bundle(f"linux:{linux}"))
    # Two guests: prefixed lines, which are no report of the kernel.
    yield "aloft-two-guests", Case(
        ours, "timeout", "silent for 8 s", "clock", silence="8",
        initrd=bundle(f"one:{linux},bootargs=quiet", f"two:{linux}"))
    yield "linux-no-root", Case(
        debian, "panic", "Kernel panic - not syncing: VFS: Unable to mount "
        "root fs .*", bootargs=E.ARGS)
    yield "linux-init", Case(
        debian, "pass", "pass pattern: INIT-OK .*", bootargs=E.ARGS,
        initrd=INITRD.read_bytes(), **{"pass": "^INIT-OK"})
    yield "linux-open-line", Case(
        debian, "panic", "Kernel panic - not syncing: Attempted to kill init! "
        ".*", bootargs=E.ARGS, initrd=open_line())
    for word, verdict, reason in (
            ("pass", "pass", "2 tests passed"),
            ("fail", "fail", "1 of 2 tests failed"),
            ("panic", "panic", "panic: out of everything"),
            ("reset", "fail", "reset after the kernel's start: OpenSBI .*"),
            ("crash", "panic", "Unhandled exception: Illegal instruction")):
        yield word, Case(L.payload(word), verdict, reason)
    yield "crash-loop", Case(
        L.payload("crash"), "panic", "Unhandled exception: Illegal "
        "instruction", meddle=on_without_labd)
    yield "loop", Case(L.payload("loop"), "timeout", "time limit of 12 s "
                       "reached", "clock", timeout="12")
    yield "silent", Case(L.payload("silent"), "timeout", "silent for 4 s",
                         "clock", silence="4")
    yield "off", Case(L.payload("off"), "fail", "the board powered itself off "
                      "before any result", "power")
    for seed, verdict, reason in E.JUNK:
        yield f"junk-{seed}", Case(
            E.junk(seed), verdict, re.escape(reason),
            "clock" if verdict == "timeout" else "console",
            silence=E.JUNK_SILENCE)
    yield "no-image", Case(L.payload("pass"), "infra", "U-Boot: .*tftp failed",
                           stage="tftp", meddle=without("Image"))
    yield "no-script", Case(
        L.payload("pass"), "infra", "no kernel within .*", "clock", "tftp",
        meddle=without("boot.scr.uimg"), timeout="20")
    yield "no-dhcp", Case(
        L.payload("pass"), "infra", "no kernel within .*", "clock", "uboot",
        board="alone", timeout="20")


def until_attempt_over(lab, id_):
    """The first attempt: an infra one is tried again, which adds nothing."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        first = (lab.job(id_)["attempts"] or [{"ended": None}])[0]
        if first["ended"] is not None:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the attempt does not end")
    log = lab.log(id_)
    lab.http("DELETE", f"/api/jobs/{id_}")
    later = lab.job(id_)["attempts"][1:]
    return first, log[:later[0]["offset"]] if later else log


def multipart(parts):
    body = b"".join(
        b'--XYZ\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' %
        (name.encode(), data) for name, data in parts.items() if data)
    return body + b"--XYZ--\r\n"


def record(lab, name, case):
    """The index's line; the log is written."""
    id_ = lab.submit(
        multipart({"image": case.image, "initrd": case.initrd}),
        board=case.board,
        headers={"Content-Type": "multipart/form-data; boundary=XYZ"},
        **case.query)
    instead = case.meddle and case.meddle(lab, id_)
    got, log = until_attempt_over(lab, id_)
    log = instead or log
    said = (got["verdict"], got["stage"], got["reason"])
    assert said[:2] == (case.verdict, case.stage), (name, said)
    assert re.fullmatch(case.reason, got["reason"]), (name, said)
    assert len(log) <= LOG_MAX, (name, len(log))
    (CORPUS / f"{name}.log").write_bytes(log)
    nonce = re.search(rb"^lab: ([0-9a-f]+) script\r*$", log, re.M)
    print(f"{name}: {len(log)} bytes, {': '.join(said)}", flush=True)
    return "\t".join((name, nonce[1].decode() if nonce else "-", case.by,
                      case.verdict, case.stage, case.query.get("pass", "-"),
                      got["reason"]))


def boards(folder):
    wrapper = folder / "no-dhcp"
    wrapper.write_text(NO_DHCP)
    wrapper.chmod(0o755)
    return (f"[board virt]\n{E.BIOS}"
            f"[board alone]\nboot_timeout = 150\nqemu = {wrapper}\n")


def main():
    pattern = f"*{sys.argv[1] if len(sys.argv) > 1 else ''}*"
    index = CORPUS / "index"
    CORPUS.mkdir(exist_ok=True)
    old = index.read_text().split("\n") if index.exists() else []
    lines = {x.split("\t")[0]: x for x in old if "\t" in x}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        with L.Lab(boards(folder), user=E.ordinary_user()) as lab:
            for name, case in cases():
                if fnmatch.fnmatch(name, pattern):
                    lines[name] = record(lab, name, case)
                    index.write_text(HEAD + "".join(
                        f"{x}\n" for _, x in sorted(lines.items())))


if __name__ == "__main__":
    main()
