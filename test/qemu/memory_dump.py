"""The image in the machine's memory, compared byte by byte with what it must
be: the file, with every relocation applied here in Python for the virtual
base that the kernel names; and the kernel's objects linked at that base
(test/host/relink.py). Nothing of relocate.c takes part."""

import json
import os
import shlex
import socket
import struct
import sys
import tempfile
import time

import payload
from context import check_boot, power_off
from machines import sifive_u, virt
from session import Failed, Skipped

sys.path.insert(0, payload.here("..", "host"))

import relink  # noqa: E402


class Monitor:
    """QEMU's machine protocol: one command, its answer, events skipped."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        until = time.monotonic() + 20
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > until:
                    raise Failed("QEMU opens no monitor")
                time.sleep(0.02)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        json.dump({"execute": name, "arguments": arguments}, self.file)
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "error" in answer:
                raise Failed("%s: %s" % (name, answer["error"]["desc"]))
            if "return" in answer:
                return answer["return"]


def relocated(image, base):
    """The flat image with base + addend in every word that .rela.dyn names;
    (bytes, set of offsets of those words)."""
    out, words = bytearray(image), set()
    for _, offset, info, addend in payload.rela(image):
        if info == 0:
            continue
        if info != payload.R_RISCV_RELATIVE:
            raise Failed("relocation type %#x in the Image" % info)
        struct.pack_into("<Q", out, offset, base + addend & (1 << 64) - 1)
        words.add(offset)
    return bytes(out), words


def compare(image, memory, load, base):
    """Code and constants equal; in data, which the kernel writes, no
    relocated word may still point to where the image was loaded."""
    table = payload.table(image)
    wanted, words = relocated(image, base)
    constant = table["rodata_end"]
    for at in range(constant):
        if memory[at] != wanted[at]:
            raise Failed("byte at image offset %#x is %#04x, not %#04x" %
                         (at, memory[at], wanted[at]))
    size, same = payload.image_size(image), 0
    for at in words:
        if at < constant:
            continue
        (now,) = struct.unpack_from("<Q", memory, at)
        (want,) = struct.unpack_from("<Q", wanted, at)
        same += now == want
        if load <= now < load + size:
            raise Failed("word at image offset %#x still points to the "
                         "physical image: %#x" % (at, now))
    if not words:
        raise Failed("the Image has no relocations")


def compare_linked(context, memory, base):
    """Code and constants are those of the same objects linked at base, but
    for what only the linker reads."""
    command = os.environ.get("KERNEL_LINK")
    if not command:
        raise Skipped("make test-qemu says how to link (KERNEL_LINK)")
    with tempfile.TemporaryDirectory() as where:
        elf = relink.link(shlex.split(command), "kernel.lds", base, where)
        wanted = bytearray(elf.image()[1])
        relink.addends_write(elf, base, wanted)
        metadata = relink.metadata_ranges(elf)
    for at in range(payload.table(context.image)["rodata_end"]):
        if memory[at] != wanted[at] and not any(
                start <= at < end for start, end in metadata):
            raise Failed("byte at image offset %#x is %#04x, linked at %#x "
                         "it is %#04x" % (at, memory[at], base, wanted[at]))


def dumped(machine, address=None, linked=False):
    def run(context):
        name = context.local.name.replace("/", ".")
        monitor = context.path(name + ".qmp")
        memory = context.path(name + ".bin")
        for stale in (monitor, memory):
            if os.path.exists(stale):
                os.unlink(stale)
        kernel = None
        if address:
            kernel = context.write(name + ".elf", payload.elf(
                [(address, context.image)]))
        session = context.start(machine, kernel, "guest=none", extra=(
            "-qmp", "unix:%s,server=on,wait=off" % monitor))
        load, base, _ = check_boot(session, machine, address)
        qmp = Monitor(monitor)
        qmp.command("stop")
        qmp.command("pmemsave", val=load, filename=memory,
                    size=len(context.image))
        qmp.command("cont")
        with open(memory, "rb") as f:
            memory = f.read()
        compare(context.image, memory, load, base)
        if linked:
            compare_linked(context, memory, base)
        power_off(session, machine)
    return run


def cells(context):
    yield "dump/virt", dumped(virt(2))
    yield "dump/linked-there", dumped(virt(1), 0x80345000, linked=True)
    yield "dump/above-4g", dumped(virt(1, "8G"), 0x1c0003000)
    yield "dump/sv39", dumped(virt(1, cpu="sifive-u54"), 0x83457000)
    yield "dump/sifive_u", dumped(sifive_u())
