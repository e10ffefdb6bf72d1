"""Boots through U-Boot, as on a real board: from the network, from memory,
compressed, with bootargs, and with `go`, which passes no device tree."""

import gzip
import os

from context import UBOOT, check_boot, check_selftest, power_off
from machines import virt
from session import Skipped

PROMPT = r"^=> "
MEMORY_AT = 0x88000000


def start(context, machine, files, more=()):
    """U-Boot at its prompt; files {name: bytes} are what TFTP has."""
    if not os.path.exists(UBOOT):
        raise Skipped("no U-Boot here (package u-boot-qemu)")
    folder = context.path("tftp-" + context.local.name.replace("/", "."))
    os.makedirs(folder, exist_ok=True)
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)
    extra = ["-netdev", "user,id=n,tftp=" + folder,
             "-device", "virtio-net-device,netdev=n", *more]
    session = context.start(machine, UBOOT, extra=extra, limit=60,
                            panic_ok=False)
    session.expect(r"Hit any key to stop autoboot")
    session.send(" ")
    session.expect(PROMPT)
    return session


def command(session, text):
    session.send(text + "\r")
    session.expect(PROMPT)


def fetch(session, name):
    """TFTP to kernel_addr_r."""
    session.send("dhcp $kernel_addr_r %s\r" % name)
    session.expect(r"Bytes transferred = [1-9]")
    session.expect(PROMPT)


def from_tftp(context):
    machine = virt(4)
    session = start(context, machine, {"Image": context.image})
    fetch(session, "Image")
    command(session, "setenv bootargs selftest")
    session.send("booti $kernel_addr_r - $fdtcontroladdr\r")
    session.expect(r"Starting kernel")
    check_boot(session, machine, 0x80200000)
    check_selftest(session, machine, 5)


def from_memory(context):
    """The Image lies in memory already; afterwards type at our shell."""
    machine = virt(1, "1G")
    loader = "loader,file=%s,addr=%#x,force-raw=on" % (context.image_path,
                                                       MEMORY_AT)
    session = start(context, machine, {}, ["-device", loader])
    session.send("booti %#x - $fdtcontroladdr\r" % MEMORY_AT)
    check_boot(session, machine, 0x80200000)
    session.send("harts\r")
    session.expect(r"\bonline\b")
    power_off(session, machine)


def compressed(context):
    machine = virt(2)
    packed = gzip.compress(context.image, mtime=0)
    session = start(context, machine, {"Image.gz": packed})
    fetch(session, "Image.gz")
    command(session, "setenv kernel_comp_addr_r 0x90000000")
    command(session, "setenv kernel_comp_size 0x1000000")
    command(session, "setenv bootargs selftest")
    session.send("booti $kernel_addr_r - $fdtcontroladdr\r")
    check_boot(session, machine, 0x80200000)
    check_selftest(session, machine, 5)


def initrd(context):
    """A ramdisk as `address:size`: the map must keep it, the kernel boots."""
    machine = virt(1)
    session = start(context, machine, {"Image": context.image,
                                       "ramdisk": b"not a bundle " * 4096})
    fetch(session, "Image")
    session.send("tftpboot 0x8a000000 ramdisk\r")
    session.expect(r"Bytes transferred = [1-9]")
    session.expect(PROMPT)
    command(session, "setenv bootargs guest=none")
    session.send("booti $kernel_addr_r 0x8a000000:$filesize "
                 "$fdtcontroladdr\r")
    check_boot(session, machine, 0x80200000)
    session.send("map\r")
    session.expect(r"^  [0-9a-f]{12}-[0-9a-f]{12} +\d+ KiB initrd\b")
    power_off(session, machine)


def go(context):
    """a0 is argc, a1 argv: no tree there, and the kernel must say so."""
    machine = virt(1)
    session = start(context, machine, {"Image": context.image})
    fetch(session, "Image")
    session.panic_ok = True
    session.send("go $kernel_addr_r\r")
    session.expect(r"^panic: device tree at 0x[0-9a-f]+: "
                   r"(bad magic|not aligned to 8 bytes)")
    session.expect_end()


def cells(context):
    yield "uboot/tftp", from_tftp
    yield "uboot/memory", from_memory
    yield "uboot/gzip", compressed
    yield "uboot/initrd", initrd
    yield "uboot/go", go
