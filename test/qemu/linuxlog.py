"""The default guest's Linux on a console: wait for its shell, let it answer a
command, take what its log warns of, and compare that with the log of the same
Linux booted by QEMU directly on the same machine (native()).

Answers come by /dev/kmsg, that is printed by the kernel itself: QEMU 10's
SiFive UART drops what Linux's terminal writes faster than its FIFO drains
(`-d guest_errors`: "TX FIFO overflow"), while a kernel message is polled out
and arrives whole on every console."""

import dataclasses
import os
import re
import threading

from session import Failed, Skipped

WARNING = 4     # KERN_WARNING; smaller numbers are worse
# The kernel may have a word of its own before the line ends.
INIT_OK = r"INIT-OK uptime ([0-9.]+) cpus (\d+)(?=\D)"
PROMPT = r"^\S+:\S+# "

# A kernel message is whole, but may come in the middle of a line: it overtakes
# what the terminal still has to send.
SAID = r"\[ *[0-9.]+\] %s$"

# What differs from boot to boot in the same words: numbers and addresses. A
# name like "ttyS0" keeps its digit.
NUMBER = re.compile(r"\b(0x[0-9a-fA-F]+|[0-9a-f]{8,}|\d[\d.,:]*)\b")
# Says how busy the emulating host is, not what the machine is like.
HOST = re.compile(r"hrtimer: interrupt took|clocksource: Long readout|"
                  r"workqueue: .* hogged CPU|sched: RT throttling")

_native = {}
_lock = threading.Lock()


def bundle_file(context, name):
    """A part of the default guest ("Image", "initrd", "bundle") or Skipped."""
    where = {"Image": ("debian", "Image"), "initrd": ("guest", "initrd.cpio"),
             "bundle": ("guest", "bundle.cpio")}[name]
    path = os.path.join(context.build, *where)
    if not os.path.exists(path):
        raise Skipped("no %s (make run builds it)" % path)
    return path


def shell(session, lossy=False):
    """On to the shell of the default initramfs; the CPUs that it counts.
    lossy: terminal output may miss bytes, only kernel messages are sure."""
    if lossy:
        # The terminal is open by then and keeps what is typed.
        session.expect(r"Run /init as init process$")
        return int(command(session, "nproc")[0])
    seen = session.expect(INIT_OK)
    session.expect(PROMPT)
    return int(seen.group(2))


def command(session, line):
    """Type a command; the lines it prints. The words that end the wait are
    put together by the shell, so that the echo is not taken for them."""
    session.send("echo on >/proc/sys/kernel/printk_devkmsg; { %s; } 2>&1 | "
                 "while read -r l; do echo \"<6>say-$((41 + 1)): $l\"; done "
                 ">/dev/kmsg; echo '<6>said'-$((41 + 1)) >/dev/kmsg\r" % line)
    start = session.at
    end = session.expect(SAID % "said-42").start()
    return re.findall(SAID % "say-42: (.*)", session.text[start:end], re.M)


def take(session):
    """Warnings and worse in the log of the Linux whose shell has the console,
    in order, numbers made equal."""
    size = int(command(session, "dmesg | wc -l")[0])
    if size < 50:
        raise Failed("a log of %d lines cannot be the whole" % size)
    lines = command(session, "dmesg -r | grep '^<[0-%d]>'" % WARNING)
    lines = [re.sub(r"^<\d>\[[^\]]*\] ?", "", line) for line in lines]
    return [NUMBER.sub("#", line) for line in lines if not HOST.search(line)]


def compare(log, reference):
    """What `log` (of take()) warns of and `reference` does not, each once."""
    return [line for line in dict.fromkeys(log) if line not in reference]


def check(log, reference):
    new = compare(log, reference)
    if new:
        raise Failed("warnings that a native boot has not: " +
                     " / ".join(new))


def machine_for(context, machine, qemu):
    """`machine` with firmware that Linux bears: OpenSBI before 1.3, as QEMU
    7.2 has it, can start a hart where the last start led."""
    if qemu != "old":
        return machine
    return dataclasses.replace(machine, bios=os.path.join(
        context.build, "opensbi", "fw_dynamic.bin"))


def native(context, machine, qemu="main", append="", lossy=False):
    """take() of the same Linux booted by QEMU itself on `machine`; once per
    run and command line."""
    machine = machine_for(context, machine, qemu)
    argv = context.argv(machine, bundle_file(context, "Image"), append,
                        ("-initrd", bundle_file(context, "initrd")), qemu)
    with _lock:
        turn = _native.setdefault(tuple(argv), {"lock": threading.Lock()})
    with turn["lock"]:
        if "log" not in turn:
            session = context.session(argv, limit=90)
            shell(session, lossy)
            turn["log"] = take(session)
            session.close()
    return turn["log"]
