"""What a scenario has at hand: the build, the emulators, a folder of its own
for payloads, and the two things nearly every one does: start a machine, and
check what a good boot says."""

import os
import random
import re
import subprocess
import threading

import fdtlib
import payload
from machines import Qemus
from session import Failed, Session, Skipped

UBOOT = "/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin"


class Context:
    def __init__(self, root, build, seed):
        self.root, self.build, self.seed = root, build, seed
        self.cross = os.environ.get("CROSS_COMPILE", "riscv64-linux-gnu-")
        self.image_path = os.path.join(build, "Image")
        self.dir = os.path.join(build, "test-qemu")
        os.makedirs(self.dir, exist_ok=True)
        self.qemus = Qemus(build)
        with open(self.image_path, "rb") as f:
            self.image = f.read()
        self.code = payload.assemble("enter.S", self.path("enter"),
                                     self.cross)
        payload.assemble("oldfw.S", self.path("oldfw"), self.cross)
        self._trees, self._lock = {}, threading.Lock()
        self.local = threading.local()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def random(self, *name):
        """A generator that depends on the seed and the name alone."""
        return random.Random("%s/%s" % (self.seed, "/".join(map(str, name))))

    def argv(self, machine, kernel, append="", extra=(), qemu="main"):
        """The whole command line of a machine; Skipped if it cannot be."""
        emulator = self.qemus.choose(qemu, machine.since)
        argv = [emulator.path, *machine.args, "-display", "none",
                "-monitor", "none", "-no-reboot", *machine.console_args]
        if machine.bios:
            argv += ["-bios", machine.bios]
        if machine.dtb:
            dtb = os.path.join(self.build, machine.dtb)
            if not os.path.exists(dtb):
                raise Skipped("no %s" % machine.dtb)
            argv += ["-dtb", dtb]
        if kernel:
            argv += ["-kernel", kernel]
        if append:
            argv += ["-append", append]
        return argv + list(extra)

    def session(self, argv, limit=30, **how):
        """Start it; the runner closes it and shows it on a failure."""
        runs = self.local.sessions
        log = self.path("%s%s.log" % (self.local.name.replace("/", "."),
                                      "-%d" % len(runs) if runs else ""))
        session = Session(argv, limit, log, **how)
        session.version = self.qemus.version(argv[0])
        runs.append(session)
        return session

    def start(self, machine, kernel=None, append="", **more):
        """Start `machine` with `kernel` (default: the Image)."""
        options = {key: more.pop(key) for key in ("limit", "panic_ok", "rate")
                   if key in more}
        argv = self.argv(machine, kernel or self.image_path, append, **more)
        return self.session(argv, **options)

    def tree(self, machine, qemu="main"):
        """A fresh copy of QEMU's own device tree of `machine`, with the
        firmware's reservation that OpenSBI would add, as fdtlib.Tree."""
        emulator = self.qemus.choose(qemu, machine.since)
        key = (emulator.path, machine.args)
        with self._lock:
            if key not in self._trees:
                out = self.path("dump.dtb")
                args = list(machine.args)
                args[1] += ",dumpdtb=" + out
                subprocess.run([emulator.path, *args, "-display", "none"],
                               check=True, timeout=30, capture_output=True)
                with open(out, "rb") as f:
                    self._trees[key] = f.read()
        tree = fdtlib.parse(self._trees[key])
        keep = tree.root.add("reserved-memory")
        keep.set("#address-cells", 2).set("#size-cells", 2).set("ranges")
        firmware = keep.add("mmode_resv@80000000")
        firmware.set("reg", 0, 0x80000000, 0, 0x80000).set("no-map")
        return tree

    def enter(self, name, image, image_at, more=(), **block):
        """An ELF: the loader, the image at image_at, and [(address, bytes)];
        firmware enters the loader, the loader the image, with what `block`
        says (payload.enter)."""
        code = payload.enter(self.code, image_at, **block)
        segments = [(payload.ENTER_AT, code), (image_at, image)]
        return self.write(name + ".elf", payload.elf(segments + list(more)))


def paging(session, machine):
    """The mode to expect: before QEMU 8.0 every CPU takes Sv48, none Sv57,
    and QEMU's trees say so."""
    if "sv" in machine.options:
        return machine.options["sv"]
    return 48 if session.version < (8, 0) and not machine.dtb else machine.sv


def check_banner(session, machine, image_at=None):
    """The lines of a good boot, in order; returns (load, virtual base)."""
    seen = session.expect(r"boot: loaded at 0x([0-9a-f]+), running at "
                          r"0x([0-9a-f]+) \(sv(\d+)\), (\d+) relocations$")
    load, base = int(seen.group(1), 16), int(seen.group(2), 16)
    if image_at is not None and load != image_at:
        raise Failed("loaded at %#x, says %#x" % (image_at, load))
    if base < 0xffffffff80000000 or base % 4096:
        raise Failed("runs at %#x, not in the top 2 GiB" % base)
    sv = paging(session, machine)
    if int(seen.group(3)) != sv:
        raise Failed("runs in sv%s, not in sv%d" % (seen.group(3), sv))
    if int(seen.group(4)) < 1:
        raise Failed("no relocations were applied")
    session.expect(r"boot: console %s$" % machine.console)
    seen = session.expect(r"boot: memory (\d+) MiB, (\d+) MiB free$")
    if not re.fullmatch(machine.memory, seen.group(1)):
        raise Failed("memory %s MiB, not %s" % (seen.group(1),
                                                machine.memory))
    if int(seen.group(1)) - int(seen.group(2)) > 64:
        raise Failed("too little of the memory is free: " + seen.group(0))
    return load, base


def check_boot(session, machine, image_at=None):
    """check_banner() and on to ready; (load, base, instructions or None)."""
    load, base = check_banner(session, machine, image_at)
    online, of = machine.options.get("harts", machine.harts)
    session.expect(r"boot: harts %d of %d online, boot hart \d+$" %
                   (online, of))
    seen = session.expect(r"boot: ready after (\d+|-) instructions$")
    count = None if seen.group(1) == "-" else int(seen.group(1))
    return load, base, count


def check_off(session, machine):
    """The machine ends by itself, or says that it cannot and stays."""
    if machine.off:
        session.expect(machine.off)
    else:
        session.expect_end()
        if "reset: nothing" in session.text:
            raise Failed("it went off, having said that it cannot")


def check_selftest(session, machine, least=1):
    """TEST lines up to the second `TEST end`; every one must be PASS and the
    count must be that of the lines seen. Then the machine goes off."""
    start = session.at
    seen = session.expect(r"TEST end (\d+) passed, (\d+) failed$")
    again = session.expect(r"TEST end (\d+) passed, (\d+) failed$")
    lines = re.findall(r"^(?:\[[^\]]*\] )?TEST (\S+) (PASS|FAIL)(.*)$",
                       session.text[start:seen.start()], re.M)
    failed = [name + why for name, verdict, why in lines if verdict == "FAIL"]
    if seen.groups() != again.groups():
        raise Failed("TEST end differs: %s, %s" % (seen.groups(),
                                                   again.groups()))
    if failed:
        raise Failed("TEST FAIL: " + "; ".join(failed))
    passed = int(seen.group(1))
    if int(seen.group(2)) or passed != len(lines) or passed < least:
        raise Failed("%s, but %d lines seen" % (seen.group(0), len(lines)))
    check_off(session, machine)
    return passed


def power_off(session, machine):
    """Type it in the shell; the machine must end."""
    session.send("poweroff\r")
    check_off(session, machine)


def context_from_environment():
    root = os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    build = os.path.abspath(os.environ.get("BUILD",
                                           os.path.join(root, "build")))
    if not os.path.exists(os.path.join(build, "Image")):
        raise SystemExit("no %s/Image (make)" % build)
    return Context(root, build, int(os.environ.get("SEED") or "1"))
