#!/usr/bin/python3
"""Boot at random: machine, CPU, memory, harts, loader, load address, registers
and bootargs, each boot from its own seed.

usage: soak.py [-j N]     Environment: N=boots (default 1000), SEED=first seed,
                          BUILD, QEMU, V=1
Each boot checks the lines of the boot and then runs the in-kernel tests or
types at the shell. A failing one prints its seed, its command line and its
console; `N=1 SEED=<that seed>` repeats it. Last line: passed, failed, skipped.
"""

import argparse
import os
import re
import sys
import time

sys.dont_write_bytecode = True

import faults  # noqa: E402
import fdtlib  # noqa: E402
import payload  # noqa: E402
import scenarios  # noqa: E402
import uboot  # noqa: E402
from context import (check_boot, check_selftest, context_from_environment,  # noqa: E402
                     power_off)
from machines import AIA, CPUS, MEMORY, icicle, sifive_u, virt  # noqa: E402
from run import run_all  # noqa: E402
from session import Failed  # noqa: E402

# How often each way of booting is taken.
WAYS = (("plain", 25), ("address", 25), ("enter", 20), ("uboot", 8),
        ("fault", 7), ("tree", 15))

# How a kernel that was given a spoilt device tree may end; the last where it
# believed that there are registers.
TREE_PANICS = (r"(device tree|memory map|image at|boot hart|out of memory|"
               r"(load|store) access fault)")


def random_machine(rng, ram_only=False):
    roll = 1.0 if ram_only else rng.random()
    if roll < 0.08:
        return sifive_u(rng.randint(2, 5), rng.choice(("128M", "1G", "2G")))
    if roll < 0.12:
        return icicle()
    return virt(rng.choice((1, 1, 2, 3, 4, 8)), rng.choice(MEMORY),
                rng.choice(tuple(CPUS)), rng.choice(AIA))


def random_append(rng, machine):
    """Bootargs and the machine as it then is."""
    words, options = [], {}
    if rng.random() < 0.2:
        words.append("nokaslr")
    if rng.random() < 0.2:
        words.append("earlycon")
    if rng.random() < 0.1:
        words.append("loglevel=%d" % rng.randint(7, 8))
    limit = rng.choice((None, None, None, "no4lvl", "no5lvl"))
    if limit:
        words.append(limit)
        options["sv"] = min(machine.sv, {"no4lvl": 39, "no5lvl": 48}[limit])
    if rng.random() < 0.15:
        online, of = machine.harts
        words.append(rng.choice(("nosmp", "maxcpus=1")))
        options["harts"] = (1, of)
    rng.shuffle(words)
    return " ".join(words), scenarios.changed(machine, **options)


def finish(session, machine, image_at=None):
    check_boot(session, machine, image_at)
    if "selftest" in " ".join(session.argv):
        check_selftest(session, machine, 5)
        return
    session.send("harts\r")
    session.expect(r"\bonline\b")
    power_off(session, machine)


def random_end(rng, append):
    return (append + rng.choice((" selftest", " guest=none"))).strip()


def plain(context, rng):
    machine = random_machine(rng)
    append, machine = random_append(rng, machine)
    qemu = "old" if rng.random() < 0.1 and context.qemus.old and \
        machine.since <= (7, 2) else "main"
    session = context.start(machine, append=random_end(rng, append),
                            qemu=qemu, limit=90)
    finish(session, machine)


def random_address(context, rng, machine):
    start, length = machine.ram
    room = payload.image_size(context.image) + (4 << 20)
    return rng.randrange(start + (2 << 20), start + length - room, 4096)


def address(context, rng):
    machine = random_machine(rng, True)
    append, machine = random_append(rng, machine)
    at = random_address(context, rng, machine)
    kernel = context.write(context.local.name + ".elf",
                           payload.elf([(at, context.image)]))
    session = context.start(machine, kernel, random_end(rng, append),
                            limit=90)
    finish(session, machine, at)
    os.unlink(kernel)


def enter(context, rng):
    """The loader, with junk in the registers or paging on."""
    machine = random_machine(rng, True)
    append, machine = random_append(rng, machine)
    at = random_address(context, rng, machine)
    at = max(at, payload.ENTER_AT + 0x2000)
    kernel = context.enter(context.local.name, context.image, at,
                           flags=rng.randint(0, 3))
    session = context.start(machine, kernel, random_end(rng, append),
                            limit=90)
    finish(session, machine, at)
    os.unlink(kernel)


def mutated(rng, blob):
    """blob with a few bytes changed, seldom in what the header says first."""
    blob = bytearray(blob)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(8 if rng.random() < 0.2 else 40, len(blob))
        blob[at] = rng.choice((0, 0xff, rng.randrange(256),
                               blob[at] ^ 1 << rng.randrange(8)))
    return bytes(blob)


def tree(context, rng):
    """A spoilt device tree: it boots, or it says why not and ends."""
    machine = virt(rng.choice((1, 2)), "128M", aia=rng.choice(AIA))
    good = context.tree(machine)
    good.find("/chosen").set("bootargs", "earlycon guest=none")
    at, blob = 0x84000000, mutated(rng, fdtlib.build(good))
    kernel = context.enter(context.local.name, context.image, 0x80400000,
                           more=[(at, blob)], a1=at)
    session = context.start(machine, kernel, limit=60, panic_ok=True)
    seen = session.expect(r"boot: ready after|^panic: (.*)\n")
    if seen.group(1):
        session.expect_end()
        if not re.match(TREE_PANICS, seen.group(1)):
            raise Failed("no end for a bad tree: " + seen.group(1))
    os.unlink(kernel)


def any_of(module):
    def run(context, rng):
        name, function = rng.choice(list(module.cells(context)))
        context.local.name += "-" + name.replace("/", ".")
        function(context)
    return run


RUN = {"plain": plain, "address": address, "enter": enter, "tree": tree,
       "uboot": any_of(uboot), "fault": any_of(faults)}


def boot(seed):
    def run(context):
        rng = context.random("soak", seed)
        way = rng.choices([w for w, _ in WAYS], [n for _, n in WAYS])[0]
        RUN[way](context, rng)
    return "soak-seed-%d" % seed, run


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-j", type=int, default=2)
    args = parser.parse_args()
    context = context_from_environment()
    first, context.seed = context.seed, "soak"
    count = int(os.environ.get("N") or "1000")
    print("soak: seeds %d to %d, QEMU %s" %
          (first, first + count - 1, context.qemus.main.text()))
    started = time.monotonic()
    report = run_all(context, [boot(first + i) for i in range(count)], args.j)
    print("soak: %d boots in %.0f s" % (count, time.monotonic() - started))
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" %
          report.count)
    return 1 if report.count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
