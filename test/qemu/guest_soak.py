#!/usr/bin/python3
"""Random steps in guests: payloads of random code, calls, accesses and page
tables (guests/fuzz.c), each beside a victim whose sums must stay right.

usage: guest_soak.py [-j N]   Environment: N=runs (default 10), SEED=first
                              seed, BUILD, QEMU, V=1
A run is 1,000,000 steps of ten guests in turn from a seed of its own, on one of
several machines. A failing one prints its seed, its command line and its console; `N=1
SEED=<that seed>` repeats it. Last line: passed, failed, skipped.
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True

from context import context_from_environment  # noqa: E402
from machines import virt  # noqa: E402
from payloads import fuzz  # noqa: E402
from run import run_and_tell  # noqa: E402

STEPS, GUESTS = 1000000, 10
# What runs take in turn; by the seed.
MACHINES = ((virt(1), "main"), (virt(2, cpu="max"), "main"),
            (virt(1), "old"), (virt(2, cpu="rv64,sstc=off"), "main"),
            (virt(2), "main"), (virt(1, aia="aplic-imsic"), "main"),
            (virt(1, cpu="rva23s64"), "main"))


def run(context, seed):
    machine, qemu = MACHINES[seed % len(MACHINES)]
    if not context.qemus.old:
        qemu = "main"
    return "fuzz-seed-%d" % seed, fuzz(machine, seed, STEPS, qemu,
                                       guests=GUESTS)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-j", type=int, default=2)
    args = parser.parse_args()
    context = context_from_environment()
    count = int(os.environ.get("N") or "10")
    print("guest soak: seeds %d to %d, %d steps, QEMU %s" %
          (context.seed, context.seed + count - 1, count * STEPS,
           context.qemus.main.text()))
    return run_and_tell("guest soak", context,
                        [run(context, context.seed + i)
                         for i in range(count)], args.j)


if __name__ == "__main__":
    sys.exit(main())
