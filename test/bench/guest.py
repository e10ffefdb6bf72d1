"""What guests cost: Debian's kernel with and without Aloft under it, and the
payload `switch` that looks from inside (test/qemu/guests/switch.c).

Both boots end by `after=poweroff` right behind INIT-OK and are compared by the
machine's clock, from the kernel's first instruction to the power-off. A
nanosecond of it is an instruction, or idle: the instruction counter will not do
natively, for Linux's PMU driver stops it. In a guest Aloft counts instructions
besides (`stat <guest> measure on`).

Before init is there Linux starts tests of its cryptography in threads of their
own, which go on when it is; how far they have come by then is a matter of time
slices and moves a boot by 1.4 percent (docs/performance.md). So boots are
compared with these tests, as others' are, and without them, which is exact; and
each pair has an initramfs of another size, for else where the slices fall is
the same in all of them, and what is compared is their luck.
"""

import concurrent.futures
import os
import queue
import re
import statistics
import subprocess
import time

import guests
from context import check_boot
from linux import archive
from machines import virt
from memory_dump import Monitor
from session import Failed

ICOUNT = ("-icount", "shift=0,align=off,sleep=off")
# Where the machine waits for what is typed, in real time: else QEMU can hang
# while there is nothing to do.
TYPED = ("-icount", "shift=0,align=off,sleep=on")
LIMIT = 300
AFTER = "after=poweroff"
UNTESTED = AFTER + " cryptomgr.notests=1"
# Bytes by which initramfs' differ: Linux needs 10 of its ticks for them.
SPREAD = 16 << 20
# The clock of `virt` (ACLINT), and its ticks a microsecond.
MTIME, TICKS_US = 0x200bff8, 10
# Seconds for which it is left idle.
IDLE = 20


def stamp(session, text):
    """Microseconds of the machine's clock in the log line with `text`."""
    found = session.expect(r"\[ *(\d+)\.(\d{6})\] " + text)
    return int(found.group(1)) * 1000000 + int(found.group(2))


def initramfs(context, more=0):
    """The path of the default one, with a file of `more` bytes in it."""
    path = os.path.join(context.build, "guest", "initrd.cpio")
    if not more:
        return path
    folder = context.path("bench-%d" % more)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "more"), "wb") as f:
        f.truncate(more)
    with open(path, "rb") as f:
        return context.write(folder + ".cpio", f.read() + archive(folder))


def native_machine():
    """As large as the guest."""
    return virt(1, "256M")


def entry_us(context):
    """When the firmware of the native machine enters the kernel: Aloft's ready
    by the clock, less its instructions up to there."""
    session = context.start(native_machine(), append="guest=none",
                            extra=ICOUNT)
    count = check_boot(session, native_machine())[2]
    session.at = 0
    at = stamp(session, "boot: ready")
    session.close()
    return at - count / 1000


def native_boot(context, bootargs, initrd):
    """Microseconds up to the power-off of a boot on the machine itself, by its
    clock, which stands still from then on."""
    path = context.path(context.local.name + ".qmp")
    session = context.start(
        native_machine(), append=bootargs, limit=LIMIT,
        kernel=os.path.join(context.build, "debian", "Image"),
        extra=("-initrd", initrd, "-no-shutdown", "-qmp",
               "unix:%s,server=on,wait=off" % path, *ICOUNT))
    session.expect(r"INIT-OK")
    session.expect(r"reboot: Power down$")
    monitor = Monitor(path)
    while monitor.command("query-status")["status"] != "shutdown":
        time.sleep(0.01)
    seen = monitor.command("human-monitor-command",
                           **{"command-line": "xp /1gx %#x" % MTIME})
    session.close()
    return int(seen.split()[-1], 16) / TICKS_US


def bundle(context, bootargs, initrd=None):
    """The default guest with one vcpu, other bootargs and another initramfs."""
    out = context.path("%s-bundle.cpio" % context.local.name)
    subprocess.run([os.path.join(context.build, "tools", "bundle"), "-o", out,
                    'linux:image=%s,initrd=%s,bootargs="%s"' % (
                        os.path.join(context.build, "debian", "Image"),
                        initrd or initramfs(context), bootargs)],
                   check=True, timeout=60)
    return out


def measured(context, machine, bootargs):
    """A session in which the guest has just been started, measured."""
    session = context.start(machine, append="guest=none", limit=LIMIT,
                            extra=("-initrd", bundle(context, bootargs),
                                   *TYPED))
    check_boot(session, machine)
    session.send("stat linux measure on\rstart linux\r")
    return session


def built(session):
    found = session.expect(r"built with (\d+) instructions, memory (\d+), "
                           r"files (\d+)\n")
    return [int(n) for n in found.groups()]


def guest_boot_us(context, machine, bootargs, initrd):
    """Microseconds from the start to the power-off of a guest that starts by
    itself, not measured."""
    session = context.start(machine, limit=LIMIT, extra=(
        "-initrd", bundle(context, bootargs, initrd), *ICOUNT))
    started = stamp(session, "guest linux: started")
    session.expect(r"INIT-OK")
    ended = stamp(session, "guest linux: stopped, powered off$")
    session.close()
    return ended - started


def against_native(context, machine, bootargs, boots):
    """Guest / native, of means of so many pairs of boots, and the standard
    error of that. Two at a time, for nothing here is timed."""
    initrds = [initramfs(context, i * SPREAD // boots) for i in range(boots)]
    entry, names = entry_us(context), queue.SimpleQueue()
    for n in range(2):
        names.put("bench-%d" % n)

    def prepare():
        context.local.sessions, context.local.name = [], names.get()

    def both(initrd):
        try:
            return (guest_boot_us(context, machine, bootargs, initrd),
                    native_boot(context, bootargs, initrd) - entry)
        finally:
            while context.local.sessions:
                context.local.sessions.pop().close()

    with concurrent.futures.ThreadPoolExecutor(2, initializer=prepare) as pool:
        ours, native = zip(*pool.map(both, initrds))
    whole = statistics.mean(native)
    ratio = statistics.mean(ours) / whole
    off = statistics.stdev(a - ratio * b for a, b in zip(ours, native))
    return ratio, off / boots ** 0.5 / whole


def guest_boot(context, machine):
    """{what: instructions} of a whole run that is measured."""
    session = measured(context, machine, AFTER)
    all_, memory, files = built(session)
    session.send("console linux\r")
    found = session.expect(r"measured (\d+) instructions, (\d+) of them "
                           r"Aloft's$")
    session.close()
    executed, aloft = [int(n) for n in found.groups()]
    return {"executed": executed, "aloft": aloft, "built": all_,
            "memory": memory, "files": files}


def exits(session):
    """Up time and {cause: exits}, as `stat` says."""
    session.send("stat linux\r")
    up = float(session.expect(r"^up ([0-9.]+) s\n").group(1))
    line = session.expect(r"^vcpu 0 \S+, exits: (.*)\n").group(1)
    return up, {cause: int(n)
                for cause, n in re.findall(r"(\S+) (\d+)", line)}


def exits_of_a_boot(context, machine):
    """{cause: exits} at INIT-OK, and exits a second while the guest idles."""
    session = measured(context, machine, "")
    session.send("console linux\r")
    session.expect(r"INIT-OK")
    session.expect(r"# ")
    session.send("\x1d")
    before, first = exits(session)
    time.sleep(IDLE)
    after, last = exits(session)
    session.close()
    idle = sum(last.values()) - sum(first.values())
    return first, idle / (after - before)


def switch_figures(context, machine):
    """{name: instructions} that the payload counts from inside."""
    image = guests.built(context, "switch")
    session = context.start(machine, extra=("-initrd", image, *ICOUNT),
                            limit=LIMIT)
    check_boot(session, machine)
    session.expect(r"TEST end")
    session.close()
    found = re.findall(r"bench: guest-(\S+) (\d+)$", session.text, re.M)
    if not found:
        raise Failed("the payload printed no figures")
    return {name: int(value) for name, value in found}
