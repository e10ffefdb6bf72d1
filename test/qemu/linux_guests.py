"""Debian's Linux as a guest: the product of CPUs, interrupt controllers,
vcpus, harts and emulators; several guests at once; reboots; CPU hotplug."""

import re
from dataclasses import replace

import linux
import linuxlog
import payloads
import uboot
from context import check_boot, power_off
from machines import AIA, GUEST_CPUS, virt
from scenarios import pairwise
from session import Failed

VCPUS = (1, 2, 4)
HARTS = (1, 2, 4)
# Points of the product in `make test`: QEMU of today, and Debian 12's.
SAMPLE, SAMPLE_OLD = 10, 3
OLD_CPUS = tuple(c for c, (_, since, *_) in GUEST_CPUS.items()
                 if since == (7, 2))
# Extensions that came to QEMU with 8.0.
NOT_IN_OLD = {"zicbom", "zicboz"}
REBOOTS = 20


# ---- one guest, on every kind of machine ----

def debian_on(cpu, aia, vcpus, harts, qemu="main", log=False):
    """Debian's kernel to its shell on all vcpus, with just the extensions
    that this CPU can give; a command answered; power off frees its memory.
    log: no warning that the native boot has not."""
    machine = virt(harts, "512M", cpu, aia)

    def run(context):
        guest = linux.Guest(vcpus=vcpus)
        session = linux.start(context, machine, guest, qemu=qemu)
        linux.to_shell(session, guest)
        check_extensions(session, cpu, vcpus)
        if "42" not in linux.command(session, "echo $((6 * 7))").split():
            raise Failed("no answer at the guest's shell")
        if log:
            native = virt(vcpus, "256M", cpu)
            linuxlog.check(linuxlog.take(session),
                           linuxlog.native(context, native, qemu))
        linux.power_off(session, "linux")
        check_all_free(session)
        power_off(session, machine)
    name = "%s-%s-vcpus%d-on%d" % (re.sub("[,=]", "-", cpu), aia, vcpus,
                                   harts)
    return "linux%s/%s" % ("" if qemu == "main" else "-old", name), run


def check_extensions(session, cpu, vcpus):
    """/proc/cpuinfo of every CPU against what GUEST_CPUS says."""
    found = linux.extensions(session)
    has, lacks = (set(words.split()) for words in GUEST_CPUS[cpu][2:])
    if session.version < (8, 0):
        has -= NOT_IN_OLD
    if len(found) != vcpus:
        raise Failed("/proc/cpuinfo has %d CPUs" % len(found))
    for isa in found:
        if has - isa or lacks & isa:
            raise Failed("the guest's ISA lacks %s, and has %s" %
                         (sorted(has - isa), sorted(lacks & isa)))


def product(log=False):
    """All of it."""
    for qemu, cpus in (("main", tuple(GUEST_CPUS)), ("old", OLD_CPUS)):
        for cpu in cpus:
            for aia in AIA:
                for vcpus in VCPUS:
                    for harts in HARTS:
                        yield debian_on(cpu, aia, vcpus, harts, qemu, log)


def sample(context):
    """Points of it that meet every value, and pairs as far as they go; the
    first few compare logs."""
    rng = context.random("linux")
    dimensions = (tuple(GUEST_CPUS), AIA, VCPUS, HARTS)
    for i, point in enumerate(pairwise(rng, dimensions, SAMPLE)):
        yield debian_on(*point, log=i < 3)
    dimensions = (OLD_CPUS, AIA, VCPUS, HARTS)
    for i, point in enumerate(pairwise(rng, dimensions, SAMPLE_OLD)):
        yield debian_on(*point, qemu="old", log=i < 1)


def p550(context):
    """A hart whose henvcfg and senvcfg trap, as SiFive's P550 has none: the
    firmware leaves mstateen0 zero. (With Sstc in the CPU and menvcfg.STCE
    zero QEMU 10 raises VSTIP at every write of htimedelta.)"""
    machine = virt(2, "512M", "rv64,smstateen=on,sstc=off")
    guest = linux.Guest(vcpus=2)
    session = linux.start(context, machine, guest,
                          extra=("-bios", context.path("oldfw.bin")))
    linux.to_shell(session, guest)
    for isa in linux.extensions(session):
        if isa & {"sstc", "zicbom", "zicboz", "svpbmt"} or "d" not in isa:
            raise Failed("the guest's ISA is %s" % sorted(isa))
    linux.power_off(session, "linux")
    power_off(session, machine)


def from_uboot(context):
    """booti with the bundle as ramdisk, as on a board, to the shell."""
    machine = virt(2, "1G")
    guest = linux.Guest(vcpus=2)
    at = 0x90000000
    bundle = linux.bundle(context, guest)
    with open(bundle, "rb") as f:
        size = len(f.read())
    loader = "loader,file=%s,addr=%#x,force-raw=on" % (bundle, at)
    session = uboot.start(context, machine, {"Image": context.image},
                          ("-device", loader))
    uboot.fetch(session, "Image")
    session.send("booti $kernel_addr_r %#x:%x $fdtcontroladdr\r" % (at, size))
    check_boot(session, machine, 0x80200000)
    linux.to_shell(session, guest)
    linux.command(session, "uname -r")
    linux.power_off(session, "linux")
    power_off(session, machine)


def check_all_free(session):
    """No guest runs: less than 2 MiB are in use, of hundreds."""
    session.send("mem\r")
    total, free = map(int, session.expect(
        r"^pages: (\d+) MiB managed, (\d+) MiB free$").groups())
    if free < total - 2:
        raise Failed("of %d MiB %d are free" % (total, free))


def check_memory(session, before):
    after = linux.memory(session)
    if after != before:
        raise Failed("heap objects and KiB free were %s, then %s" %
                     (before, after))


# ---- several ----

def ticks(text, name):
    """Numbers that guest `name` counted, as they came. On a busy machine a
    line may be shown in two parts, for its second came late."""
    parts = re.findall(r"%s\| (.*)$" % name, text, re.M)
    return [int(n) for n in re.findall(r"tick (\d+)", "".join(parts))]


def check_ticks(text, name, least):
    seen = ticks(text, name)
    if len(seen) < least or seen != list(range(seen[0], seen[-1] + 1)):
        raise Failed("%s counted %s" % (name, seen))


def crash(context):
    """Two guests, by turns on the console: one crashes, is restarted by hand,
    crashes and restarts itself; the other counts on without a gap."""
    machine = virt(2, "1G")
    stays = linux.Guest("stays", vcpus=2, bootargs="quiet")
    falls = linux.Guest("falls", vcpus=2, bootargs="loglevel=1 panic=0")
    session = linux.start(context, machine, stays, falls)
    for _ in range(2):
        session.expect(r"(stays|falls)\| INIT-OK .* cpus 2$")
    linux.attach(session, "stays")
    session.send("(i=0; while usleep 100000; do i=$((i + 1)); "
                 "echo tick $i; done) &\r")
    session.expect(r"^tick 3$")
    linux.detach(session)
    from_here = session.at
    linux.attach(session, "falls")
    session.send("echo c >/proc/sysrq-trigger\r")
    session.expect(r"stays\| tick \d+$")
    linux.detach(session)
    session.send("reset falls\r")
    session.expect(r"guest falls: stopped, reset by the operator$")
    session.expect(r"guest falls: started, ")
    session.expect(r"falls\| INIT-OK .* cpus 2$")
    linux.attach(session, "falls")
    linux.command(session, "echo 1 >/proc/sys/kernel/panic")
    session.send("echo c >/proc/sysrq-trigger\r")
    session.expect(r"guest falls: stopped, rebooted")
    session.expect(r"INIT-OK .* cpus 2$")
    linux.power_off(session, "falls")
    session.expect(r"stays\| tick \d+$")
    check_ticks(session.text[from_here:session.at], "stays", 10)
    linux.attach(session, "stays")
    session.send("kill $!\r")
    linux.power_off(session, "stays")
    power_off(session, machine)


def reboots(count):
    """A guest that reboots as soon as it is up, `count` times; afterwards all
    memory is free again."""
    def run(context):
        machine = virt(1, "256M")
        guest = linux.Guest(memory="128M", autostart=False,
                            bootargs="quiet after=reboot")
        session = linux.start(context, machine, guest, limit=60 + 30 * count)
        before = linux.memory(session)
        session.send("start linux\r")
        for _ in range(count):
            session.expect(r"INIT-OK uptime [0-9.]+ cpus 1(?=\D)")
            session.expect(r"guest linux: stopped, rebooted$")
            session.expect(r"guest linux: started, 1 vcpu, 128 MiB, ")
        session.send("stop linux\r")
        session.expect(r"guest linux: stopped, by the operator$")
        check_memory(session, before)
        power_off(session, machine)
    return run


def hotplug(harts, guests, rounds):
    """CPU hotplug in `guests` with more vcpus than harts, to the end."""
    def run(context):
        machine = virt(harts, "2G")
        script = linux.user_file(context, "hotplug")
        many = [replace(guest, bootargs="quiet rdinit=/hotplug rounds=%d" %
                        rounds, files=(("hotplug", script),))
                for guest in guests]
        session = linux.start(context, machine, *many, limit=300 + 60 * rounds)
        for _ in many:
            seen = session.expect(r"guest \S+: stopped, (.*)\n")
            if seen.group(1) != "powered off":
                raise Failed(seen.group(0))
        for guest in many:
            if not re.search(r"^(%s\| )?hotplug: all %d CPUs, %d rounds$" % (
                    guest.name, guest.vcpus, rounds), session.text, re.M):
                raise Failed("%s did not come to its end" % guest.name)
        power_off(session, machine)
    return run


def vector(context):
    """Vector registers of four processes in two guests whose vcpus share two
    harts: Linux switches them, and Aloft."""
    machine = virt(2, "1G", "rv64,v=on")
    program = linux.user_file(context, "vector.c")
    guests = [linux.Guest(name, vcpus=2, bootargs="quiet",
                          files=(("bin/vector", program),))
              for name in ("one", "two")]
    session = linux.start(context, machine, *guests)
    for _ in guests:
        session.expect(r"(one|two)\| INIT-OK .* cpus 2$")
    run = "{ (for i in %s; do vector $i 500 & done; wait) >/tmp/held & }"
    for guest, seeds in zip(guests, ("1 2 3", "4 5 6")):
        linux.attach(session, guest.name)
        linux.command(session, run % seeds)
        linux.detach(session)
    for guest in guests:
        linux.attach(session, guest.name)
        held = linux.command(session, "wait; cat /tmp/held")
        if held.count("vector: all held") != 3:
            raise Failed("%s: %s" % (guest.name, held))
        linux.power_off(session, guest.name)
    power_off(session, machine)


def fair(context):
    """Two guests that always have work, on one hart: by what they count, and
    by a clock of instructions, each gets half."""
    machine = virt(1)
    guests = {name: ("victim", "memory=4M") for name in ("one", "two")}
    session = context.start(machine, limit=150, extra=(
        "-initrd", payloads.bundle(context, guests), *payloads.ICOUNT))
    check_boot(session, machine)
    # Behind this both run.
    session.expect(r"guest two: started")
    start = session.at
    for _ in range(60):
        session.expect(r"\| sum \d+ .*\n")
    rounds = {name: [int(n) for n in
                     re.findall(r"%s\| sum (\d+) " % name,
                                session.text[start:session.at])]
              for name in guests}
    one, two = (seen[-1] - seen[0] if seen else 0
                for seen in rounds.values())
    if not 0.9 < one / (two or 1) < 1.1:
        raise Failed("one did %d rounds, two %d" % (one, two))
    power_off(session, machine)


def all_cells(context):
    # The longest first, for it fills one core alone.
    yield "linux/reboots", reboots(REBOOTS)
    yield from sample(context)
    yield "linux/p550", p550
    yield "linux/uboot", from_uboot
    yield "linux/vector", vector
    yield "linux/crash", crash
    yield "linux/fair", fair
    one = [linux.Guest("eight", vcpus=8)]
    four = [linux.Guest("g%d" % i, vcpus=2) for i in range(4)]
    yield "linux/hotplug-8-on-4", hotplug(4, one, 2)
    yield "linux/hotplug-4x2-on-2", hotplug(2, four, 2)


def cells(context):
    return linux.tidy(all_cells(context))
