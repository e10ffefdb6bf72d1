"""Good boots: machines, paging modes, loaders' addresses and registers, the
shell on every kind of console, randomness, and what bootargs change."""

from dataclasses import replace
from itertools import combinations

import fdtlib
import payload
from context import (check_banner, check_boot, check_off, check_selftest,
                     power_off)
from machines import (AIA, CPUS, MEMORY, SMP, icicle, sifive_u, size, virt)
from session import Failed

SWEEP = 40      # load addresses
PRODUCT = 26    # machines of the product that `make test` boots
DIMENSIONS = (SMP, MEMORY, tuple(CPUS), AIA)


def pairwise(rng, dimensions, count):
    """`count` points of the product, chosen so that values, and then pairs
    of values, are met as early as a greedy choice can."""
    def pairs(point):
        return set(combinations(enumerate(point), 2))

    met, values, out = set(), set(), []
    while len(out) < count:
        best = max((tuple(rng.choice(d) for d in dimensions)
                    for _ in range(50)),
                   key=lambda p: (len(set(enumerate(p)) - values),
                                  len(pairs(p) - met)))
        met |= pairs(best)
        values |= set(enumerate(best))
        out.append(best)
    return out


def selftest_on(machine, qemu="main", append="", **more):
    """Boot, check every line, run the in-kernel tests, power off."""
    def run(context):
        session = context.start(machine, append=("selftest " + append).strip(),
                                qemu=qemu, limit=60, **more)
        check_boot(session, machine)
        check_selftest(session, machine, 5)
    return run


def product(context):
    """The sample of -smp, memory, CPU and AIA; the whole is in soak."""
    rng = context.random("product")
    for smp, mem, cpu, aia in pairwise(rng, DIMENSIONS, PRODUCT):
        machine = virt(smp, mem, cpu, aia)
        yield "machine/" + machine.name, selftest_on(machine)


def boards(context):
    """Other boards, and the emulator that Debian 12 has."""
    # Of icicle's four harts that may run the emulator may have three.
    for machine in (sifive_u(), sifive_u(2, "128M"), icicle(), icicle(4)):
        yield "machine/" + machine.name, selftest_on(machine)
    for machine in (virt(4), virt(1, "128M"), virt(2, cpu="sifive-u54"),
                    virt(2, aia="aplic"), virt(2, aia="aplic-imsic"),
                    virt(2, "8G", "rv64,h=false"), sifive_u()):
        yield "old/" + machine.name, selftest_on(machine, qemu="old")


def at_address(address, mem):
    machine = virt(1 + address // 4096 % 2, mem)

    def run(context):
        elf = payload.wrap(context.image_path, address,
                           context.path("at-%x.elf" % address), context.cross)
        session = context.start(machine, elf, "guest=none")
        check_boot(session, machine, address)
        power_off(session, machine)
    return "address/%#x" % address, run


def addresses(context):
    """4 KiB-aligned load addresses, below and above 4 GiB; QEMU keeps the
    tree in the last 4 MiB."""
    rng = context.random("address")
    room = payload.image_size(context.image) + (4 << 20)
    for address in (0x80200000, 0x80201000, 0x180001000, 0x27f000000):
        yield at_address(address, "8G")
    for i in range(SWEEP - 4):
        mem = rng.choice(("128M", "2G")) if i % 2 else "8G"
        low = 0x100000000 if mem == "8G" else 0x80200000
        top = 0x80000000 + size(mem) - room
        yield at_address(rng.randrange(low, top, 4096), mem)


def entered_with(flags):
    def run(context):
        machine = virt(2)
        kernel = context.enter("enter-%d" % flags, context.image, 0x80400000,
                               flags=flags)
        session = context.start(machine, kernel, "selftest")
        check_boot(session, machine, 0x80400000)
        check_selftest(session, machine, 5)
    return run


def entries(context):
    """Loaders that leave junk in every register but a0 and a1, or paging on;
    and our own way back to ourselves: a second image at another place."""
    yield "entry/junk-registers", entered_with(payload.JUNK)
    yield "entry/legacy-firmware", old_firmware("rv64")
    yield "entry/legacy-firmware-u54", old_firmware("sifive-u54")
    yield "entry/legacy-firmware-ghost", no_hsm
    yield "entry/paging-on", entered_with(payload.SATP | payload.JUNK)


def old_firmware(cpu):
    """Firmware with the legacy calls alone, which starts all harts at once:
    the kernel goes on with one and calls the others."""
    def run(context):
        bios = ("-bios", context.path("oldfw.bin"))
        machine = virt(3, cpu=cpu)
        session = context.start(machine, append="selftest", extra=bios)
        check_boot(session, machine)
        check_selftest(session, machine, 5)
        machine = replace(machine, console="sbi legacy")
        session = context.start(machine, append="console=sbi guest=none",
                                extra=bios)
        check_boot(session, machine)
        power_off(session, machine)
    return run


def no_hsm(context):
    """A hart in the tree that this firmware never brought."""
    machine = virt(2)
    tree = context.tree(machine)
    cpus = tree.find("/cpus")
    ghost = cpus.add("cpu@5")
    ghost.props.update(cpus.child("cpu@1").props)
    ghost.set("reg", 5).props.pop("phandle", None)
    kernel = context.enter("no-hsm", context.image, 0x80400000,
                           more=[(0x88000000, fdtlib.build(tree))],
                           a1=0x88000000)
    session = context.start(machine, kernel, extra=(
        "-bios", context.path("oldfw.bin")))
    session.expect(r"hart 5 left out: firmware has no HSM")
    session.expect(r"boot: harts 2 of 3 online")
    session.expect(r"boot: ready")
    power_off(session, machine)


def shell_on(machine, qemu="main"):
    """Type at the console: echo, answers, an unknown word, editing."""
    def run(context):
        session = context.start(machine, append="guest=none", qemu=qemu)
        check_boot(session, machine)
        session.send("help\r")
        session.expect(r"help$")
        for word in ("mem", "map", "harts", "dt", "log", "reboot",
                     "poweroff"):
            session.expect(r"^\s*%s\b" % word)
        session.send("mem\r")
        session.expect(r"mem$")
        session.expect(r"\bMiB\b")
        session.send("harts\r")
        session.expect(r"harts$")
        session.expect(r"\bonline\b")
        session.send("map\r")
        session.expect(r"map$")
        session.expect(r"(?i)image")
        session.send("frobnicate\r")
        session.expect(r"frobnicate.*help|help.*frobnicate|unknown")
        # Rubout takes back, Ctrl-U clears the line.
        session.send("nonsense\x15poweroffx\x7f\r")
        check_off(session, machine)
    return run


def shells(context):
    yield "shell/plic", shell_on(virt(2))
    yield "shell/aplic", shell_on(virt(2, aia="aplic"))
    yield "shell/imsic", shell_on(virt(2, aia="aplic-imsic"))
    yield "shell/sifive", shell_on(sifive_u())
    yield "shell/stride-4", shell_on(icicle())
    yield "shell/old", shell_on(virt(1), "old")
    console = replace(virt(1), console="sbi.*")
    yield "shell/sbi", with_args(console, "console=sbi", shell=True)
    # Firmware without DBCN: legacy putchar and getchar.
    yield "shell/sbi-legacy", with_args(console, "console=sbi", "old", True)
    yield "shell/history", history


def history(context):
    """The up arrow brings the last line back."""
    machine = virt(1)
    session = context.start(machine, append="guest=none")
    check_boot(session, machine)
    session.send("harts\r")
    session.expect(r"harts$")
    session.expect(r"\bonline\b")
    session.send("\x1b[A\r")
    session.expect(r"\bonline\b")
    power_off(session, machine)


def with_args(machine, append, qemu="main", shell=False):
    """Boot with bootargs; what is expected is in the machine."""
    def run(context):
        session = context.start(machine, append=append, qemu=qemu)
        check_boot(session, machine)
        if shell:
            session.send("help\r")
            session.expect(r"^\s*poweroff\b")
        power_off(session, machine)
    return run


def changed(machine, **options):
    """The machine, with other paging mode (sv) or harts expected."""
    return replace(machine, options=options)


def bootargs(context):
    four = virt(4)
    for name, machine, args in (
            ("no5lvl", changed(virt(1), sv=48), "no5lvl"),
            ("no4lvl", changed(virt(1), sv=39), "no4lvl"),
            ("nosmp", changed(four, harts=(1, 4)), "nosmp"),
            ("maxcpus", changed(four, harts=(2, 4)), "maxcpus=2"),
            ("earlycon", virt(1), "earlycon"),
            ("console-path", virt(1), "console=/soc/serial@10000000"),
            ("console-tty", virt(1), "console=ttyS0,115200 loglevel=7"),
            ("console-hvc", replace(virt(1), console="sbi.*"),
             "console=hvc0"),
            ("quotes", virt(1), "foo=\"a b\" -- x= = \"")):
        yield "args/" + name, with_args(machine, args)
    yield "args/panic-stay", panic_stay
    yield "args/panic-reboot", panic_reboot


def panic_stay(context):
    """panic=0: the report, and the machine stays."""
    session = context.start(virt(2), append="panic=0 selftest=crash-null-call",
                            panic_ok=True)
    session.expect(r"panic: .*null")
    session.expect(r"panic: .*stay")
    try:
        session.expect(r"OpenSBI", 1)
    except Failed:
        if session.eof:
            raise Failed("the machine ended although panic=0")
        return
    raise Failed("the machine was reset although panic=0")


def panic_reboot(context):
    """panic=1: the firmware starts again."""
    session = context.start(virt(1), append="panic=1 selftest=crash-null-call",
                            panic_ok=True)
    session.argv.remove("-no-reboot")
    session.close()
    session = context.session(session.argv, panic_ok=True)
    session.expect(r"OpenSBI v")
    session.expect(r"panic: .*null")
    session.expect(r"OpenSBI v", 10)


def reboot(context):
    """The shell's reboot goes through the firmware once more."""
    machine = virt(2)
    argv = context.argv(machine, context.image_path, "guest=none")
    argv.remove("-no-reboot")
    session = context.session(argv)
    first = check_boot(session, machine)
    session.send("reboot\r")
    session.expect(r"OpenSBI v")
    second = check_boot(session, machine)
    if first[1] == second[1]:
        raise Failed("the same base after a reboot: %#x" % first[1])
    power_off(session, machine)


def kaslr(append, many):
    """Several boots: all bases differ, or all are the same."""
    def run(context):
        machine = virt(1)
        bases = []
        for _ in range(many):
            session = context.start(machine, append=append)
            bases.append(check_banner(session, machine)[1])
            session.close()
        wanted = 1 if "nokaslr" in append else many
        if len(set(bases)) != wanted:
            raise Failed("%d bases in %d boots: %s" %
                         (len(set(bases)), many,
                          ", ".join(map(hex, bases))))
    return run


def randomness(context):
    yield "kaslr/on", kaslr("", 4)
    yield "kaslr/nokaslr", kaslr("nokaslr", 3)
    yield "kaslr/reboot", reboot


def cells(context):
    for source in (product, boards, addresses, entries, shells, bootargs,
                   randomness):
        yield from source(context)
