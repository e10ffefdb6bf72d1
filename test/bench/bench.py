#!/usr/bin/python3
"""The kernel's figures, in instructions: the same on every machine.

usage: bench.py       Environment: BUILD=dir, QEMU=path, CROSS_COMPILE,
                      BOOTS=how many of a guest and natively (default 16)
Prints a table and writes its part of build/bench.json. QEMU runs with -icount shift=0:
one virtual nanosecond is one instruction, and `instret` counts exactly.
"""

import os
import re
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "qemu"))

import guest  # noqa: E402
import payload  # noqa: E402
import results  # noqa: E402
from context import (check_boot, check_selftest,  # noqa: E402
                     context_from_environment)
from machines import virt  # noqa: E402
from session import Failed, Skipped  # noqa: E402

ICOUNT = ("-icount", "shift=0,align=off,sleep=off")
RUNS, BOOTS = 3, int(os.environ.get("BOOTS") or 16)
# Measured on the same emulator, entry to first console line (docs).
READY_ELSEWHERE = "Bao 570,000; U-Boot 2,740,000; Linux 6.12 15,100,000"


def ready(context, mem):
    """Instructions from _start to ready; the median of a few boots, for the
    seed decides where the image goes."""
    counts = []
    for _ in range(RUNS):
        machine = virt(1, mem)
        session = context.start(machine, append="guest=none", extra=ICOUNT)
        counts.append(check_boot(session, machine)[2])
        session.close()
    if None in counts:
        raise Failed("instret cannot be read here")
    return int(statistics.median(counts))


def code_of(context, function):
    """[(address, mnemonic, operands)] of a function of the kernel."""
    out = subprocess.run([context.cross + "objdump", "-d",
                          "--no-show-raw-insn", "--disassemble=" + function,
                          os.path.join(context.build, "kernel.elf")],
                         check=True, capture_output=True, text=True,
                         timeout=60).stdout
    code = re.findall(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$", out, re.M)
    return [(int(at, 16), name, rest) for at, name, rest in code]


def storing_loops(code):
    """Instructions per store of every loop without way out that stores."""
    for i, (at, name, rest) in enumerate(code):
        target = re.search(r"\b([0-9a-f]+) <", rest)
        if name[0] != "b" or not target or int(target.group(1), 16) > at:
            continue
        body = [c for c in code[:i + 1] if c[0] >= int(target.group(1), 16)]
        stores = sum(c[1] == "sd" and "(s" not in c[2] for c in body)
        inside = [c for c in body[:-1] if c[1][0] in "bj" or c[1] == "ret"]
        if stores and not inside:
            yield len(body) / stores


def inner_loop(context):
    """Instructions per entry of the loop that relocates. The compiler may
    keep run_apply() apart from relocate() (arch/riscv/boot/relocate.c)."""
    loops = [n for function in ("relocate", "run_apply")
             for n in storing_loops(code_of(context, function))]
    if not loops:
        raise Failed("no loop found in relocate()")
    return min(loops)


def kernel_figures(context):
    """What the kernel measures of itself: {name: instructions}."""
    machine = virt(2)
    session = context.start(machine, append="selftest=bench-*", extra=ICOUNT,
                            limit=120)
    check_boot(session, machine)
    check_selftest(session, machine)
    found = re.findall(r"^bench: (\S+) (\d+)$", session.text, re.M)
    if not found:
        raise Failed("the kernel printed no figures")
    return {name: int(value) for name, value in found}


def figures(context):
    """[(key, title, value, goal or None, elsewhere)]."""
    small, large = ready(context, "512M"), ready(context, "16G")
    size = payload.image_size(context.image)
    rows = [
        ("relocation_loop", "relocation: storing loop, per entry",
         inner_loop(context), 7, "OpenSBI 10, Linux 10, U-Boot 11"),
        ("ready_512m", "_start to ready, 512 MiB, 1 hart", small, 400000,
         READY_ELSEWHERE),
        ("ready_16g", "_start to ready, 16 GiB, 1 hart", large,
         int(small * 1.1), ""),
        # 96 KiB was the goal of the kernel without guests (94,336 bytes).
        ("image_bytes", "Image, bytes, guests included",
         len(context.image), 160 << 10,
         "Bao 49 KiB without FDT, OpenSBI 272 KiB, U-Boot 649 KiB"),
        ("bss_bytes", "bss, stacks and buffers, bytes",
         size - len(context.image), 256 << 10, ""),
        ("relocations", "relocations in the Image",
         len(payload.rela(context.image)), None, ""),
    ]
    titles = {"page-alloc-free": "page of 4 KiB: alloc and free",
              "ipi-round-trip": "call on another hart and its answer",
              "ipi": "IPI: firmware, trap and handler",
              "map-1g-in-2m": "map of 1 GiB in 2 MiB leaves",
              "walk": "page-table walk of one address",
              "trap-fixup": "load that faults, and its fix-up",
              "relocate-1000": "relocation: checks and stores, per entry"}
    for name, value in sorted(kernel_figures(context).items()):
        if name == "relocate-1000":
            value /= 1000
        rows.append((name.replace("-", "_"), titles.get(name, name), value,
                     None, ""))
    return rows + guest_figures(context)


def guest_figures(context):
    """The same of guests, whose boots are random: means."""
    machine = virt(1, "1G")
    if not os.path.exists(os.path.join(context.build, "debian", "Image")):
        print("bench: no guests, Debian's kernel is not here")
        return []
    boot, error = guest.against_native(context, machine, guest.AFTER, BOOTS)
    untested, untested_error = guest.against_native(context, machine,
                                                    guest.UNTESTED, BOOTS)
    runs = [guest.guest_boot(context, machine) for _ in range(RUNS)]
    ours = {key: int(statistics.mean([run[key] for run in runs]))
            for key in runs[0]}
    plain = guest.guest_boot(context, virt(1, "1G", "rv64,zicboz=off"))
    share = 100 * ours["aloft"] / ours["executed"]
    inside = guest.switch_figures(context, machine)
    causes, idle = guest.exits_of_a_boot(context, machine)
    rows = [
        ("guest_boot", "guest: boot to INIT-OK, guest / native", boot, 1.00,
         "Bao 0.997, Xvisor 0.943, KVM + kvmtool 1.463"),
        ("guest_boot_error", "  standard error, percent", 100 * error, None,
         ""),
        ("guest_untested", "  without Linux's tests beside it", untested, 1.00,
         ""),
        ("guest_untested_error", "  standard error, percent",
         100 * untested_error, None, ""),
        ("guest_share", "guest: of it Aloft's own, percent", share, 0.4,
         "Bao 0.05 without a UART, Xvisor 1.2"),
        ("guest_sbi_base", "guest: SBI BASE round trip",
         inside["sbi-base"], 120, "OpenSBI 310, Bao 242, Xvisor 739, KVM 933"),
        ("guest_set_timer", "guest: SBI set_timer round trip",
         inside["set-timer"], 40, "OpenSBI 341, Bao 242, Xvisor 760, KVM 996"),
        ("guest_uart_lsr", "guest: read of the UART's LSR",
         inside["uart-lsr"], 200, "Xvisor 1,100, KVM + kvmtool 3,607"),
        ("guest_plic", "guest: read of a PLIC priority",
         inside["plic-priority"], 200, "Bao 286"),
        ("guest_uart_thr", "guest: write of a byte to the UART",
         inside["uart-thr"], None, ""),
        ("guest_first_touch", "guest: first touch of a page",
         inside["first-touch"], 1, "Bao 4, Xvisor 16.6, KVM 4,478"),
        ("guest_built", "guest: made, 256 MiB, Zicboz", ours["built"],
         20000000, "KVM 41 M, Bao 96 M, Xvisor 165 M"),
        ("guest_zeroed", "  of it memory, zeroed", ours["memory"], None, ""),
        ("guest_copied", "  of it files copied, tree", ours["files"], None,
         ""),
        ("guest_built_plain", "guest: made, 256 MiB, no Zicboz",
         plain["built"], 50000000, ""),
        ("guest_zeroed_plain", "  of it memory, zeroed", plain["memory"],
         None, ""),
        ("guest_idle", "guest: exits a second, idle at its shell", idle, 10,
         "not published"),
    ]
    for cause, n in causes.items():
        rows.append(("guest_exits_" + cause, "guest: exits to INIT-OK, " +
                     cause, n, None, ""))
    return rows


def number(value):
    if value is None:
        return ""
    if isinstance(value, int):
        return format(value, ",")
    return format(value, ".1f" if value >= 5 else ".3f")


def show(rows):
    print("%-38s %10s %10s      %s" % ("figure", "here", "goal",
                                       "elsewhere"))
    for _, title, value, goal, elsewhere in rows:
        mark = "" if goal is None else "ok" if value <= goal else "OVER"
        print("%-38s %10s %10s %-4s %s" %
              (title, number(value), number(goal), mark, elsewhere))


def main():
    context = context_from_environment()
    context.local.sessions, context.local.name = [], "bench"
    try:
        rows = figures(context)
    except (Failed, Skipped) as reason:
        for session in context.local.sessions[-1:]:
            print(session.tail())
        raise SystemExit("bench: %s" % reason)
    finally:
        for session in context.local.sessions:
            session.close()
    show(rows)
    results.keep(context.build, qemu=context.qemus.main.text(),
                 figures={key: {"value": value, "goal": goal}
                          for key, _, value, goal, _ in rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
