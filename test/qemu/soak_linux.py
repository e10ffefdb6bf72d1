#!/usr/bin/python3
"""Linux as a guest, all of it: every point of the product of CPU, interrupt
controller, vcpus, harts and emulator, with its warnings compared; reboots from
inside and CPU hotplug for long.

usage: soak_linux.py [-j N]   Environment: N=how many of each (default: all
                              points, 1000 reboots, 200 rounds of hotplug),
                              SEED=the order of the points, BUILD, QEMU, V=1
Cells have the names of test/qemu/linux_guests.py; T=name repeats one, or
several. Last line: passed, failed, skipped.
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True

import linux  # noqa: E402
import linux_guests  # noqa: E402
from context import context_from_environment  # noqa: E402
from run import chosen, run_and_tell  # noqa: E402

REBOOTS, ROUNDS = 1000, 200


def cells(context, most):
    points = list(linux_guests.product(log=True))
    context.random("soak-linux").shuffle(points)
    rounds = min(most or ROUNDS, ROUNDS)
    one = [linux.Guest("eight", vcpus=8)]
    four = [linux.Guest("g%d" % i, vcpus=2) for i in range(4)]
    yield ("linux/reboots",
           linux_guests.reboots(min(most or REBOOTS, REBOOTS)))
    yield "linux/hotplug-8-on-4", linux_guests.hotplug(4, one, rounds)
    yield "linux/hotplug-4x2-on-2", linux_guests.hotplug(2, four, rounds)
    yield from points[:most]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-j", type=int, default=2)
    args = parser.parse_args()
    context = context_from_environment()
    most = int(os.environ.get("N") or "0") or None
    todo = chosen(os.environ.get("T"),
                  list(linux.tidy(cells(context, most))))
    print("soak-linux: seed %d, QEMU %s, %d cells" %
          (context.seed, context.qemus.main.text(), len(todo)))
    return run_and_tell("soak-linux", context, todo, args.j)


if __name__ == "__main__":
    sys.exit(main())
