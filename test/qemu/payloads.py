"""What a guest can do to others: payloads that do all they can (guests/), each
beside a victim guest that sums up a pattern, while the shell must answer."""

import os
import re
import subprocess

from context import check_boot, power_off
from guests import built
from machines import virt
from session import Failed

WORDS = 8192            # of the victim's pattern
MASK = (1 << 64) - 1
# Not anchored: a line may follow the shell's prompt.
VICTIM = r"victim\| sum (\d+) ([0-9a-f]+) gap (\d+)$"
# Virtual time that goes by instructions, 8 ns each: the same on any machine.
ICOUNT = ("-icount", "shift=3,align=off,sleep=off")
# Seconds for anything that must go on; QEMU's host may be busy.
PATIENCE = 20


def splitmix(state):
    """Splitmix64, as guest.h has it."""
    while True:
        state = (state + 0x9e3779b97f4a7c15) & MASK
        z = (state ^ state >> 30) * 0xbf58476d1ce4e5b9 & MASK
        z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
        yield z ^ z >> 31


def victim_sums():
    """The checksums of even and odd rounds, worked out here."""
    row, sums = splitmix(1), [0, 0]
    for _ in range(WORDS):
        word = next(row)
        for odd in (0, 1):
            s = sums[odd]
            sums[odd] = ((s << 1 | s >> 63) ^ word ^ MASK * odd) & MASK
    return sums


SUMS = victim_sums()


def bundle(context, guests):
    """A bundle of {name: (payload, config)}; its path."""
    out = context.path(context.local.name.replace("/", ".") + ".cpio")
    images = {p: built(context, p) for p in {p for p, _ in guests.values()}}
    subprocess.run([os.path.join(context.build, "tools", "bundle"), "-o",
                    out] + ["%s:image=%s,%s" % (name, images[p], config)
                            for name, (p, config) in guests.items()],
                   check=True, timeout=60)
    return out


class Watch:
    """A machine with a victim; every line of its must be right."""

    def __init__(self, context, machine, guests, qemu="main", extra=(),
                 limit=100):
        guests = {"victim": ("victim", "memory=4M"), **guests}
        self.machine = machine
        self.session = context.start(
            machine, append="guest=victim", qemu=qemu, limit=limit,
            extra=("-initrd", bundle(context, guests), *extra))
        self.seen, self.round = 0, -1
        check_boot(self.session, machine)
        # A single guest has the console.
        self.session.expect(r"guest victim: started, 1 vcpu")
        self.session.expect(r"^sum \d+ ")
        self.shell()
        self.progress()

    def shell(self):
        self.session.send("\x1d")
        self.session.expect(r"aloft> ", PATIENCE)

    def command(self, text, answer):
        self.session.send(text + "\r")
        return self.session.expect(answer, PATIENCE)

    def check(self):
        """All the victim's whole lines so far; the longest gap in them (us).
        """
        longest, end = 0, self.session.text.rfind("\n") + 1
        text = self.session.text[self.seen:end]
        for line in re.finditer(VICTIM, text, re.M):
            number, total, gap = line.groups()
            if int(number) <= self.round:
                raise Failed("the victim is at round %s after %d" %
                             (number, self.round))
            if int(total, 16) != SUMS[int(number) % 2]:
                raise Failed("the victim's sum is wrong: " + line.group(0))
            self.round = int(number)
            longest = max(longest, int(gap))
        self.seen = max(self.seen, end)
        return longest

    def progress(self, lines=2):
        """The victim goes on, and rightly, and the shell answers."""
        for _ in range(lines):
            self.session.expect(VICTIM, PATIENCE)
        self.command("guests", r"^victim +running")
        return self.check()

    def memory_free(self):
        return self.command("mem", r"managed, (\d+) MiB free").group(1)

    def memory_is(self, free):
        """As much as before is free."""
        now = self.memory_free()
        if now != free:
            raise Failed("%s MiB free, not %s: memory is lost" % (now, free))

    def test_lines(self, name, text):
        """The TEST lines of guest `name` in `text`: all PASS, none
        missing."""
        prefix = re.escape(name) + r"\| "
        end = re.search(prefix + r"TEST end (\d+) passed, (\d+) failed$", text,
                        re.M)
        if not end:
            raise Failed("%s has not come to its end" % name)
        lines = re.findall(prefix + r"TEST (\S+) (PASS|FAIL)(.*)$", text,
                           re.M)
        wrong = [n + why for n, verdict, why in lines if verdict == "FAIL"]
        wrong += re.findall(prefix + r"(wrong: .*)$", text, re.M)
        if wrong or int(end.group(2)):
            raise Failed("%s: %d wrong: %s" % (name, len(wrong),
                                               "; ".join(wrong[:6])))
        if int(end.group(1)) != len(lines) or not lines:
            raise Failed("%s: %s, but %d lines seen" %
                         (name, end.group(0), len(lines)))

    def payload(self, name):
        """Start `name`, see it through."""
        start = self.session.at
        self.command("start " + name, r"guest %s: started" % name)
        self.session.expect(r"guest %s: stopped, powered off$" % name, 60)
        self.test_lines(name, self.session.text[start:])
        self.progress(1)

    def end(self):
        # QEMU with ICOUNT hangs at times when nothing at all runs.
        if "-icount" not in self.session.argv:
            self.command("stop victim",
                         r"guest victim: stopped, by the operator")
        self.check()
        power_off(self.session, self.machine)


# Payloads that end by themselves, with their configs; "%s" is for more
# bootargs.
DIRECTED = {
    "faults": ("faults", 'memory=4M,bootargs="memory=4194304%s"'),
    "csrs": ("csrs", "memory=4M"),
    "calls": ("calls", 'memory=4M,bootargs="memory=4194304%s"'),
    "storms": ("storms", 'memory=4M,vcpus=4,bootargs="memory=4194304%s"'),
}
# The ways of guests/lost.c.
WAYS = 15


def directed(machine, qemu="main"):
    """Each payload in turn beside the victim; what switched itself off has
    given back its memory."""
    def run(context):
        more = " seed=%d" % context.random(context.local.name).getrandbits(32)
        if qemu == "old":
            more += " walk-loads=1"
        watch = Watch(context, machine,
                      {name: (payload, config.replace("%s", more))
                       for name, (payload, config) in DIRECTED.items()}, qemu)
        free = watch.memory_free()
        for name in DIRECTED:
            watch.payload(name)
        watch.memory_is(free)
        watch.end()
    return run


def lost(machine, qemu="main"):
    """Guests of two harts each that never come to their senses, all at once;
    and then there is room again."""
    def run(context):
        names = ["lost-%d" % way for way in range(WAYS)]
        watch = Watch(context, machine,
                      {name: ("lost", 'memory=4M,vcpus=2,bootargs="way=%d"' %
                              way) for way, name in enumerate(names)}, qemu)
        free = watch.memory_free()
        for way, name in enumerate(names):
            watch.command("start " + name, r"guest %s: started" % name)
            watch.session.expect(r"%s\| lost %d$" % (name, way), PATIENCE)
            watch.progress(1)
        watch.progress(3)
        for name in names:
            watch.command("stop " + name,
                          r"guest %s: stopped, by the operator" % name)
        watch.progress(3)
        watch.memory_is(free)
        watch.end()
    return run


def reset(machine, qemu="main", extra=(), gap=None):
    """Two guests that reboot for ever: neither victim nor shell nor log
    suffers, and `stop` ends it."""
    names = ("reset-1", "reset-2")

    def run(context):
        watch = Watch(context, machine,
                      {name: ("reset", "memory=64M,vcpus=" + name[-1])
                       for name in names}, qemu, extra)
        free = watch.memory_free()
        for name in names:
            watch.command("start " + name, "guest %s: started" % name)
        longest = 0
        for _ in range(3):
            watch.session.expect("guest reset-2: stopped, rebooted")
            longest = max(longest, watch.progress())
        if gap and longest > gap:
            raise Failed("the victim stood still for %d us" % longest)
        for name in names:
            watch.command("stop " + name,
                          "guest %s: stopped, by the operator" % name)
            check_starts(watch.session.text, name)
        watch.progress(2)
        watch.memory_is(free)
        watch.end()
    return run


def check_starts(text, name):
    """Each start a second after the last."""
    times = [float(t) for t in re.findall(
        r"\[ *([0-9.]+)\] guest %s: started" % name, text)]
    if len(times) < 3 or min(b - a for a, b in zip(times, times[1:])) < 1:
        raise Failed("%s started at %s" % (name, times))


def shares(text, name):
    """(least, most) of what the harts of guest `name` counted."""
    seen = re.search(r"%s\| share least (\d+) most (\d+)$" % name, text, re.M)
    if not seen:
        raise Failed("%s says nothing of shares" % name)
    return int(seen.group(1)), int(seen.group(2))


def oversubscribed(machine, guests, harts, qemu="main", extra=(), spread=None):
    """Guests with more harts than there are: no interrupt and no timer is
    lost; with `spread`, no hart gets that much (of 1) less than another.
    Where QEMU is one thread no timer is early either."""
    names = ["smp-%d" % i for i in range(guests)]

    def run(context):
        config = ('memory=4M,vcpus=%d,bootargs="harts=%d share=%d exact=%d"' %
                  (harts, harts, 100 if spread is None else 2000,
                   extra == ICOUNT))
        watch = Watch(context, machine,
                      {name: ("smp", config) for name in names}, qemu, extra)
        for name in names:
            watch.command("start " + name, "guest %s: started" % name)
        for name in names:
            watch.session.expect(r"guest smp-\d: stopped, powered off", 60)
        watch.progress(1)
        for name in names:
            watch.test_lines(name, watch.session.text)
        for name in names if spread is not None else ():
            least, most = shares(watch.session.text, name)
            if least < most * (1 - spread):
                raise Failed("a hart of %s counted to %d, another to %d" %
                             (name, most, least))
        watch.end()
    return run


LEAK = {"leak-a": 0x5a, "leak-b": 0xc3}


def leak(machine, qemu="main"):
    """Two guests on one hart find nothing of each other: registers that have
    no copy for guests, and the memory that the other had before."""
    def run(context):
        watch = Watch(context, machine, {
            name: ("leak", 'memory=8M,bootargs="memory=%d pattern=%d"' %
                   (8 << 20, pattern))
            for name, pattern in LEAK.items()}, qemu)
        for _ in range(2):
            start = watch.session.at
            for name in LEAK:
                watch.command("start " + name, "guest %s: started" % name)
            for name in LEAK:
                watch.session.expect(r"guest leak-\w: stopped, powered off",
                                     60)
            watch.progress(1)
            for name in LEAK:
                watch.test_lines(name, watch.session.text[start:])
        watch.end()
    return run


def none(context):
    """guest=none starts no guest, not even one of that name."""
    machine = virt(1)
    session = context.start(machine, append="guest=none", extra=(
        "-initrd", bundle(context, {"none": ("victim", "memory=4M")})))
    check_boot(session, machine)
    session.expect(r"aloft> ")
    session.send("guests\r")
    session.expect(r"^none +stopped")
    session.send("start none\r")
    session.expect(r"^none\| sum \d+ ")
    session.send("stop none\r")
    session.expect(r"guest none: stopped, by the operator")
    power_off(session, machine)


FUZZ_HARTS = 12


def fuzz(machine, seed, steps, qemu="main", kinds="", guests=1):
    """`steps` random steps beside the victim, of several guests in turn: each
    loses harts as it goes, which then take time from the others."""
    each = steps // guests
    config = 'memory=8M,vcpus=%d,bootargs="seed=%d steps=%d harts=%d%s"'
    many = {"fuzz-%d" % i: ("fuzz", config % (FUZZ_HARTS, seed * guests + i,
                                              each, FUZZ_HARTS, kinds))
            for i in range(guests)}

    def one(watch, name):
        start = watch.session.at
        watch.command("start " + name, "guest %s: started" % name)
        watch.progress()
        end = None
        while not end:
            # A line every 20,000 steps, and the end.
            end = watch.session.expect(
                r"steps \d+ batches|guest %s: stopped, (.*)\n" % name,
                20 * PATIENCE).group(1)
            watch.check()
        if end.strip() != "powered off":
            raise Failed("%s has ended: %s" % (name, end))
        watch.test_lines(name, watch.session.text[start:])

    def run(context):
        watch = Watch(context, machine, many, qemu, limit=100 + steps // 300)
        free = watch.memory_free()
        for name in many:
            one(watch, name)
        watch.progress()
        watch.memory_is(free)
        watch.end()
    return run


def cells(context):
    yield "payload/rv64", directed(virt(1))
    yield "payload/nosstc", directed(virt(2, cpu="rv64,sstc=off"))
    yield "payload/max", directed(virt(2, cpu="max"))
    yield "payload/old", directed(virt(1), "old")
    yield "payload/none", none
    yield "payload/lost", lost(virt(1))
    yield "payload/lost-nosstc", lost(virt(2, cpu="rv64,sstc=off"))
    yield "payload/reset", reset(virt(1), extra=ICOUNT, gap=20000)
    yield "payload/reset-smp", reset(virt(2))
    yield "payload/smp", oversubscribed(virt(4), 1, 8)
    yield "payload/smp-guests", oversubscribed(virt(2), 4, 2)
    yield "payload/smp-exact", oversubscribed(virt(4), 1, 8, extra=ICOUNT)
    yield "payload/smp-nosstc", oversubscribed(
        virt(2, cpu="rv64,sstc=off"), 2, 4)
    # One hart: with more, ICOUNT does not let them run at the same time.
    yield "payload/smp-fair", oversubscribed(virt(1), 2, 4, extra=ICOUNT,
                                             spread=0.05)
    for name, cpu, aia in (("leak", "rv64,v=on", "none"),
                           ("leak-max", "max", "none"),
                           ("leak-open", "max,smstateen=off", "none"),
                           ("leak-jvt", "rv64,d=off,zfa=off,zcd=off,zcmt=on",
                            "none"),
                           ("leak-imsic", "rv64", "aplic-imsic")):
        yield "payload/" + name, leak(virt(1, cpu=cpu, aia=aia))
    yield "payload/leak-old", leak(virt(1), "old")
    for name, machine, steps, qemu, kinds in (
            ("fuzz", virt(2), 30000, "main", ""),
            ("fuzz-one", virt(1), 15000, "main", ""),
            ("fuzz-max", virt(2, cpu="max"), 15000, "main", ""),
            ("fuzz-nosstc", virt(2, cpu="rv64,sstc=off"), 15000, "main", ""),
            ("fuzz-old", virt(2), 15000, "old", ""),
            ("fuzz-calls", virt(2), 10000, "main", " kinds=4")):
        seed = context.random("payload", name).getrandbits(32)
        yield "payload/" + name, fuzz(machine, seed, steps, qemu, kinds)
