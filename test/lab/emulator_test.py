"""labd with the real thing: QEMU, U-Boot, dnsmasq, a tap, an ordinary user.

Two daemons share the machine: one as this user with a board on a tap (real
dnsmasq) and one on QEMU's network; one as an ordinary user.
"""

import os
import pathlib
import pwd
import random
import re
import signal
import subprocess
import tempfile
import time

import lab as L

BOOT = 90  # seconds a loaded machine may take for a boot
ARGS = "console=ttyS0 earlycon=sbi"
# For Linux: with QEMU 7.2's own firmware it hangs once in a hundred times.
BIOS = f"bios = {L.BIOS}\nboot_timeout = 150\n"
WANTED = {"pass": "pass", "fail": "fail", "panic": "panic",
          "loop": "timeout", "silent": "timeout", "off": "fail",
          "reset": "fail", "crash": "panic"}
# Seeds of random bytes behind a good header, and what becomes of each: the
# first instructions are these bytes, so a machine can do but one thing.
JUNK = (
    (2, "panic", "Unhandled exception: Illegal instruction"),
    (7, "panic", "Unhandled exception: Store/AMO access fault"),
    (20, "panic", "Unhandled exception: Load access fault"),
    (70678, "timeout", "silent for 5 s"),  # begins with c.j to itself
)
JUNK_SILENCE = "5"
MACS = {"hear": "52:54:00:00:00:01", "net": "52:54:00:00:00:02"}


def equal(got, want, what=""):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


def need_tools():
    if not pathlib.Path("/usr/lib/u-boot/qemu-riscv64_smode").exists():
        raise L.Skip("no U-Boot for QEMU (package u-boot-qemu)")


def children(lab):
    """The daemon's own child processes: {name: [pid]}."""
    found = {}
    for task in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = task.read_text()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        state, parent = text[text.rindex(")") + 2:].split()[:2]
        if int(parent) == lab.process.pid and state != "Z":
            found.setdefault(name, []).append(int(text.split()[0]))
    return found


def limits_of(word):
    """Only what is to run into a limit gets a short one."""
    if word == "loop":
        return {"timeout": "25", "silence": "20"}
    return {"timeout": "150", "silence": "4" if word == "silent" else "60"}


def junk(seed):
    """An Image whose code is random bytes; its header is good."""
    entry = L.COMMAND_OFFSET + L.COMMAND_SIZE
    return L.payload("")[:entry] + random.Random(seed).randbytes(4096 - entry)


def submit_junk(lab, **query):
    return [lab.submit(junk(seed), name=f"junk {seed}", timeout="150",
                       silence=JUNK_SILENCE, **query) for seed, *_ in JUNK]


def check_junk(lab, ids):
    for id_, (seed, verdict, reason) in zip(ids, JUNK):
        j = lab.wait(id_, 3 * BOOT)
        equal((j["verdict"], j["reason"]), (verdict, reason),
              f"random bytes of seed {seed}")


def submit_ours(lab, **query):
    """Our kernel: its own tests pass, and a crash on purpose is a panic."""
    image = L.KERNEL.read_bytes()
    return [lab.submit(image, bootargs=args, timeout="150", silence="60",
                       **query)
            for args in ("selftest", "selftest=crash-stack-overflow")]


def check_ours(lab, ids):
    good, bad = (lab.wait(i, 3 * BOOT) for i in ids)
    equal(good["verdict"], "pass", good["reason"])
    log = lab.log(good["id"]).decode(errors="replace")
    passed = re.findall(r"TEST \S+ PASS", log)
    equal(good["reason"], f"{len(passed)} tests passed")
    assert len(passed) > 10, passed
    equal(bad["verdict"], "panic", bad["reason"])
    assert "stack" in bad["reason"], bad["reason"]
    assert "backtrace" in lab.log(bad["id"]).decode(errors="replace")


def confined(lab, id_):
    """The job's emulator: not root, and under seccomp (-sandbox on)."""
    lab.wait(id_, 2 * BOOT, until=("running",))
    pid = qemu_pid(lab, lab.job(id_)["board"])
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    uids = status.split("Uid:")[1].split()[:4]
    assert "0" not in uids, uids
    equal(re.search(r"Seccomp:\s+(\d)", status).group(1), "2", "Seccomp")
    equal(re.search(r"NoNewPrivs:\s+(\d)", status).group(1), "1")


def qemu_pid(lab, board):
    path = lab.state / "run" / f"{board}.pid"
    L.until(path.exists, f"no {path}")  # the emulator's first act, and whole
    return int(path.read_text().split()[0])


def qemu_of(lab):
    return [p for n, pids in children(lab).items() if n.startswith("qemu")
            for p in pids]


def ordinary_user():
    """A uid to run labd as; None: we are one ourselves."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def as_ordinary_user():
    """QEMU's network, without root: all verdicts, and what it reaches."""
    need_tools()
    user = ordinary_user()
    boards = "".join(f"[board {n}]\nboot_timeout = 150\n"
                     for n in ("one", "two"))
    with L.Lab(boards, user=user) as lab:
        status = pathlib.Path(f"/proc/{lab.process.pid}/status").read_text()
        uids = status.split("Uid:")[1].split()[:4]
        assert "0" not in uids, uids
        check_reach(lab, "10.0.2.15 10.0.2.2", ("one", "two"))
        ours = submit_ours(lab)
        ids = {w: lab.submit(L.payload(w), **limits_of(w)) for w in WANTED}
        random_bytes = submit_junk(lab)
        # It is on long enough to be looked at.
        confined(lab, ids["loop"])
        check_ours(lab, ours)
        for word, id_ in ids.items():
            j = lab.wait(id_, 3 * BOOT)
            equal(j["verdict"], WANTED[word], (word, j["reason"]))
        check_junk(lab, random_bytes)
        for name in ("one", "two"):
            lab.wait_board(name, "ready")
        equal(qemu_of(lab), [], "emulators left")


def console_lines(lab, id_):
    text = lab.log(id_).decode(errors="replace").replace("\r", "")
    return [x for x in text.split("\n") if x.startswith("NET ")]


def check_reach(lab, addresses, boards):
    """On the first board a guest answers everybody. One on the second tries
    labd's port, ssh, an outside address, the first: it gets nothing, and the
    first hears of none of it."""
    own = addresses.split()[0]
    hear = lab.submit(L.payload("hear " + addresses), timeout="150",
                      board=boards[0], **{"pass": "NET heard"})
    end, lines = time.monotonic() + 2 * BOOT, []
    while "NET listening" not in lines:
        assert time.monotonic() < end, (lines, lab.job(hear))
        time.sleep(0.1)
        lines = console_lines(lab, hear)
    mac = [x.split()[-1] for x in lines if x.startswith("NET mac")][0]
    words = f"net {addresses} {lab.port} {mac} {own}"
    tries = lab.submit(L.payload(words), timeout="150", board=boards[1],
                       **{"pass": "NET done"})
    j = lab.wait(tries, 2 * BOOT)
    equal(j["verdict"], "pass", j["reason"])
    equal(lab.http("POST", f"/api/jobs/{hear}/input", b"x").status, 204)
    equal(lab.wait(hear)["verdict"], "pass")
    tried, heard = console_lines(lab, tries), console_lines(lab, hear)
    for lines in (tried, heard):
        # The guest's driver works: both servers of its network answer.
        assert "NET dhcp answered" in lines, lines
        assert "NET arp gateway answered" in lines, lines
    for what in ("labd", "ssh", "outside", "loopback", "other board"):
        assert f"NET {what} nothing" in tried, tried
    assert "NET heard 0 frames of others" in heard, heard


def on_one_wire_boards_do_reach_each_other():
    """What the cases above rely on: had the boards a wire in common, the one
    would get an answer and the other hear it."""
    own = "10.0.2.15"
    port = L.free_port()
    with tempfile.TemporaryDirectory(prefix="lab-test-", dir="/tmp") as folder:
        def start(name, command, wire):
            path = pathlib.Path(folder) / name
            path.write_bytes(L.payload(command))
            return subprocess.Popen(
                ["timeout", "60", "qemu-system-riscv64", "-M", "virt",
                 "-m", "128M", "-display", "none", "-serial", "stdio",
                 "-monitor", "none", "-kernel", path,
                 "-netdev", f"socket,id=n,{wire}=127.0.0.1:{port}",
                 "-device", f"virtio-net-device,netdev=n,mac={MACS[name]}"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL)

        def lines(process, last):
            seen = []
            while not seen or last not in seen[-1]:
                line = process.stdout.readline().decode(errors="replace")
                assert line, seen
                seen.append(line.strip())
            return seen

        first = start("hear", f"hear {own} 10.0.2.2", "listen")
        try:
            lines(first, "NET listening")
            mac = MACS["hear"].replace(":", "")
            second = start("net", f"net {own} 10.0.2.2 80 {mac} {own}",
                           "connect")
            try:
                tried = lines(second, "NET done")
            finally:
                second.terminate()
                second.communicate()
            first.stdin.write(b"x")
            first.stdin.flush()
            heard = lines(first, "NET heard")
        finally:
            first.terminate()
            first.communicate()
    assert "NET other board ANSWERED" in tried, tried
    assert int(heard[-1].split()[2]) >= 1, heard


def two_taps(_):
    return "".join(f"[board {n}]\nnetboot = tap\nboot_timeout = 150\n"
                   for n in ("tap", "tap2"))


def start_on_tap(configuration):
    """The daemon with boards as configuration(its folder) says."""
    need_tools()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lab-test-", dir="/tmp"))
    lab = L.Lab(configuration(folder), folder=folder)
    lab.start()
    try:
        end = time.monotonic() + BOOT
        while any((b["state"], b["health"]) != ("ready", "ok")
                  for b in lab.boards().values()):
            assert time.monotonic() < end, lab.log_text()
            why = [x for x in lab.log_text().split("\n")
                   if re.match("labd: board [a-z0-9]+: ", x)]
            if why:
                raise L.Skip("no tap in a network namespace here" +
                             ("" if os.geteuid() == 0 else
                              ", and no root by sudo -n") + ": " + why[-1])
            time.sleep(0.1)
    except BaseException:
        lab.close()
        raise
    return lab


def on_a_tap_with_dnsmasq():
    """Our kernel's tests, and what a guest reaches."""
    with start_on_tap(two_taps) as lab:
        check_reach(lab, "10.77.0.2 10.77.0.1", ("tap", "tap2"))
        ours = submit_ours(lab, board="tap")
        words = {w: lab.submit(L.payload(w), board="tap", **limits_of(w))
                 for w in ("pass", "off", "loop")}
        random_bytes = submit_junk(lab, board="tap2")
        words["silent"] = lab.submit(L.payload("silent"), board="tap2",
                                     **limits_of("silent"))
        confined(lab, ours[0])
        check_ours(lab, ours)
        for word, id_ in words.items():
            j = lab.wait(id_, 3 * BOOT)
            equal(j["verdict"], WANTED[word], (word, j["reason"]))
        stages = [s["stage"] for s in j["stages"]]
        assert "dhcp" in stages and "tftp" in stages, stages
        check_junk(lab, random_bytes)
        for name, pids in children(lab).items():
            for pid in pids:
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                uid = status.split("Uid:")[1].split()[0]
                assert uid != "0", f"{name} runs as root"


def check_debian(lab, id_):
    j = lab.wait(id_, 2 * BOOT)
    equal(j["verdict"], "panic", j["reason"])
    assert "Unable to mount root" in j["reason"], j["reason"]
    return lab.log(id_)


def need_debian():
    need_tools()
    if not L.DEBIAN.exists():
        raise L.Skip("no Debian kernel was fetched")


def debian_on_a_tap_with_dnsmasq():
    need_debian()
    with start_on_tap(lambda _: "[board tap]\nnetboot = tap\n" + BIOS) as lab:
        check_debian(lab, lab.submit(L.DEBIAN.read_bytes(), bootargs=ARGS,
                                     timeout="150"))


def debian_panics_without_a_root():
    need_debian()
    with L.Lab("[board virt]\n" + BIOS, user=ordinary_user()) as lab:
        id_ = lab.submit(L.DEBIAN.read_bytes(), bootargs=ARGS, timeout="150")
        log = check_debian(lab, id_)
        assert b"Linux version" in log
        # Of the firmware that the board was given.
        version = (L.BIOS.parent / "VERSION").read_text()
        number = re.match(r"\d+\.\d+", version).group(0)
        assert f"OpenSBI v{number}".encode() in log, version
        # The backtrace behind the panic is in the log too, to its end. (What
        # comes when the other hart has stopped may come too late.)
        assert b"ret_from_fork+" in log
        assert ARGS.encode() in log, "the bootargs arrived"


def firmware_is_missing():
    need_tools()
    with L.Lab("[board virt]\nbios = /nowhere/fw.bin\n") as lab:
        j = lab.wait(lab.submit(L.payload("pass")))
        equal((j["verdict"], j["reason"]),
              ("infra", "cannot start /nowhere/fw.bin: "
               "No such file or directory"))


KILL_STAGES = ("power", "firmware", "uboot", "tftp", "kernel")


def emulator_killed_in_every_stage():
    """kill -9 of QEMU in each stage, and of labd with boards running."""
    need_tools()
    boards = "".join(f"[board {s}]\nharts = 1\nmemory = 256M\n"
                     f"boot_timeout = 150\nlinger = 100\n"
                     for s in KILL_STAGES + ("verdict",))
    with L.Lab(boards) as lab:
        decided = submit_lingering(lab, "verdict")
        ids = {s: lab.submit(L.payload("echo"), board=s, timeout="240")
               for s in KILL_STAGES}
        for stage, id_ in ids.items():
            lab.until_stage(id_, stage)
            os.kill(qemu_pid(lab, stage), signal.SIGKILL)
        for stage, id_ in ids.items():
            until_attempt(lab, id_, 2)
            first = lab.job(id_)["attempts"][0]
            equal(first["verdict"], "infra", stage)
            assert "signal 9" in first["reason"], first
        lab.until_stage(decided, "verdict")
        equal(lab.job(decided)["state"], "running", "it lingers")
        os.kill(qemu_pid(lab, "verdict"), signal.SIGKILL)
        j = lab.wait(decided)
        equal((j["verdict"], len(j["attempts"])), ("pass", 1), j)
        for id_ in ids.values():
            lab.wait(id_, 2 * BOOT, until=("running",))
        before = qemu_of(lab)
        equal(len(before), len(ids))
        lab.kill()
        lab.start()
        for name in ids:
            lab.wait_board(name, "ready")
        for pid in before:
            alive = pathlib.Path(f"/proc/{pid}/stat")
            assert not alive.exists() or " Z " in alive.read_text(), \
                "an emulator outlived the daemon"
        for id_ in ids.values():
            j = lab.job(id_)
            equal((j["verdict"], j["reason"]), ("infra", "daemon restarted"))
        id_ = lab.submit(L.payload("echo"), timeout="150")
        lab.wait(id_, BOOT, until=("running",))
        equal(lab.http("POST", f"/api/jobs/{id_}/input", b"exit").status, 204)
        equal(lab.wait(id_, BOOT)["verdict"], "pass")


def submit_lingering(lab, board):
    """Passes, and talks on as long as it has power."""
    return lab.submit(L.payload("loop"), board=board, timeout="240",
                      **{"pass": "round 3"})


def until_attempt(lab, id_, n):
    L.until(lambda: len(lab.job(id_)["attempts"]) >= n, f"no attempt {n}")


# What run.py runs side by side.
PARTS = {"tap": (on_a_tap_with_dnsmasq, debian_on_a_tap_with_dnsmasq),
         "rest": (on_one_wire_boards_do_reach_each_other,
                  firmware_is_missing, debian_panics_without_a_root,
                  emulator_killed_in_every_stage,
                  as_ordinary_user)}
CASES = [(f.__name__, f) for part in PARTS.values() for f in part]
