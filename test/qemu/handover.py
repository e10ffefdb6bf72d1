"""Handover: the machine goes to a guest, on machines without the hypervisor
extension at start, elsewhere by the shell's command. Debian's Linux must come
up as if a boot loader had started it; a payload looks at what state it gets
the machine in; what cannot be done is refused and everything goes on."""

import gzip
import os
import subprocess

import guests
import linuxlog
import uboot
from context import check_boot, power_off
from machines import sifive_u, virt
from session import Failed

# To the end of the line: what is half there is no address.
GIVEN = (r"guest %s: gets the machine, Linux Image [0-9.]+ MiB at "
         r"0x([0-9a-f]+)\n")


def bundle(context, *specs):
    """A bundle of name:key=value,... as tools/bundle takes them."""
    out = context.path(context.local.name.replace("/", ".") + ".cpio")
    tool = os.path.join(context.build, "tools", "bundle")
    subprocess.run([tool, "-o", out, *specs], check=True, timeout=60)
    return out


def debian(context, name, more=""):
    return "%s:image=%s,initrd=%s%s" % (
        name, linuxlog.bundle_file(context, "Image"),
        linuxlog.bundle_file(context, "initrd"), more)


def check_linux(context, session, machine, qemu="main", lossy=False):
    """Its shell, all CPUs, a command answered, no warning of its own."""
    cpus = linuxlog.shell(session, lossy)
    if cpus != machine.harts[0]:
        raise Failed("%d CPUs, not %d" % (cpus, machine.harts[0]))
    if linuxlog.command(session, "echo answer-$((6 * 7))") != ["answer-42"]:
        raise Failed("a command was not answered")
    linuxlog.check(linuxlog.take(session),
                   linuxlog.native(context, machine, qemu, lossy=lossy))


def at_start(machine, qemu="main", lossy=False):
    """The bundle that boots as a guest, on a machine without H."""
    def run(context):
        session = context.start(
            linuxlog.machine_for(context, machine, qemu),
            extra=("-initrd", linuxlog.bundle_file(context, "bundle")),
            qemu=qemu, limit=90)
        check_boot(session, machine)
        place = session.expect(GIVEN % "linux").group(1)
        # As a loader would: the first 2 MiB are the firmware's.
        if place != "80200000":
            raise Failed("Linux at 0x" + place)
        check_linux(context, session, machine, qemu, lossy)
    return run


def from_uboot(context):
    """As on VisionFive 2: booti with the bundle as ramdisk, no H. U-Boot's
    reservation of the bundle must not outlive it."""
    machine = virt(2, "1G", "rv64,h=false")
    file, at = linuxlog.bundle_file(context, "bundle"), 0x90000000
    loader = "loader,file=%s,addr=%#x,force-raw=on" % (file, at)
    session = uboot.start(context, machine, {"Image": context.image},
                          ("-device", loader))
    uboot.fetch(session, "Image")
    session.send("booti $kernel_addr_r %#x:%x $fdtcontroladdr\r" %
                 (at, os.path.getsize(file)))
    check_boot(session, machine, 0x80200000)
    session.expect(GIVEN % "linux")
    if linuxlog.shell(session) != 2:
        raise Failed("not all CPUs")
    total = linuxlog.command(session, "grep MemTotal /proc/meminfo")[0]
    # 1 GiB less what Debian's kernel itself takes; the bundle has 31 MiB.
    if int(total.split()[1]) < (1 << 20) - 85 * 1024:
        raise Failed("memory is missing: " + total)


def packed(context):
    """A gzip'd Image, bootargs, and a second guest that finds no place."""
    machine = virt(2, cpu="rv64,h=false")
    image = context.path("handover-Image.gz")
    with open(linuxlog.bundle_file(context, "Image"), "rb") as f:
        data = gzip.compress(f.read(), 1, mtime=0)
    with open(image, "wb") as f:
        f.write(data)
    args = "loglevel=8 word=\"a b\""
    file = bundle(context, "other:image=%s,autostart=no" % image,
                  "linux:image=%s,initrd=%s,bootargs=%s" % (
                      image, linuxlog.bundle_file(context, "initrd"), args),
                  "third:image=" + image)
    session = context.start(machine, extra=("-initrd", file), limit=90)
    check_boot(session, machine)
    session.expect(r"guest third: not started: no hypervisor extension$")
    session.expect(GIVEN % "linux")
    session.expect(r"Kernel command line: %s$" % args)
    linuxlog.shell(session)
    if linuxlog.command(session, "cat /proc/cmdline") != [args]:
        raise Failed("not the guest's bootargs")


def by_command(context):
    """With H, typed while the guest itself and another one run."""
    machine = virt(4, "1G")
    file = bundle(context, debian(context, "linux", ",vcpus=2"),
                  debian(context, "other"))
    session = context.start(machine, extra=("-initrd", file), limit=120)
    check_boot(session, machine)
    for _ in range(2):
        session.expect(r"(linux|other)\| INIT-OK")
    session.send("handover linux\r")
    for _ in range(2):
        session.expect(r"guest (linux|other): stopped, for a handover$")
    session.expect(GIVEN % "linux")
    check_linux(context, session, machine)


def state_on(machine, append="", typed=()):
    """A payload that finds everything as after reset; with `typed` it is the
    guest "late" of three."""
    def run(context):
        image = guests.built(context, "handed")
        file = image
        if typed:
            file = bundle(context, "late:image=%s,autostart=no" % image,
                          debian(context, "linux", ",vcpus=4"),
                          debian(context, "other"))
        session = context.start(machine, append=append, limit=60,
                                extra=("-initrd", file))
        check_boot(session, machine)
        for pattern, line in typed:
            session.expect(pattern)
            session.send(line + "\r")
        session.expect(GIVEN % ("late" if typed else "linux"))
        guests.check_lines(session)
        session.expect_end()
    return run


def refused(context):
    """What cannot be done is said, and everything goes on."""
    machine = virt(2, "512M")
    file = bundle(context, debian(context, "linux"))
    with open(file, "rb") as f:
        data = f.read()
    # More bss than there is memory.
    at = data.index(b"RSC\x05") - 56
    huge = data[:at + 16] + (1 << 30).to_bytes(8, "little") + data[at + 24:]
    session = context.start(machine, append="guest=none", limit=60, extra=(
        "-initrd", context.write("handover-huge.cpio", huge)))
    check_boot(session, machine)
    session.send("handover nobody\r")
    session.expect(r"there is no guest \"nobody\"$")
    session.send("handover linux\r")
    session.expect(r"guest linux: refused, Image: no stretch of memory holds "
                   r"image_size bytes$")
    session.send("mem\r")
    session.expect(r"^pages: ")
    power_off(session, machine)


def no_hsm(context):
    """Firmware that cannot park harts: said, and the shell goes on."""
    machine = virt(3, cpu="rv64,h=false")
    bios = ("-bios", context.path("oldfw.bin"))
    session = context.start(machine, limit=60, extra=(
        *bios, "-initrd", guests.built(context, "handed")))
    check_boot(session, machine)
    session.expect(r"guest linux: refused, harts: the firmware has no HSM to "
                   r"park the others by$")
    session.send("harts\r")
    session.expect(r"cpu 2 +online")
    power_off(session, machine)


def moves(context):
    """The copying code, alone on the machine."""
    image = guests.built(context, "moves", ["arch/riscv/handover.S"])
    session = context.start(virt(1, "128M"), image)
    guests.check_lines(session)
    session.expect_end()


def none(context):
    """guest=none leaves the shell, the command does it by hand."""
    machine = virt(2, cpu="rv64,h=false")
    session = context.start(machine, append="guest=none", extra=(
        "-initrd", guests.built(context, "handed")))
    check_boot(session, machine)
    session.send("start linux\r")
    session.expect(r"this machine has no hypervisor extension$")
    session.send("handover linux\r")
    session.expect(GIVEN % "linux")
    guests.check_lines(session)
    session.expect_end()


def cells(context):
    bare = "rv64,h=false"
    yield "handover/virt", at_start(virt(4, "512M", bare))
    yield "handover/aplic", at_start(virt(2, "512M", bare, "aplic"))
    yield "handover/imsic", at_start(virt(2, "512M", bare, "aplic-imsic"))
    yield "handover/small", at_start(virt(1, "128M", bare))
    yield "handover/large", at_start(virt(2, "8G", bare))
    yield "handover/old", at_start(virt(2, "512M", bare), "old")
    yield "handover/sifive", at_start(sifive_u(), lossy=True)
    yield "handover/sifive-old", at_start(sifive_u(), "old")
    yield "handover/uboot", from_uboot
    yield "handover/packed", packed
    yield "handover/command", by_command
    running = ((r"(linux|other)\| .*Linux version", "mem"),
               (r"(linux|other)\| .*Linux version", "handover late"))
    for aia in ("none", "aplic", "aplic-imsic"):
        yield "handover/state-" + aia, state_on(virt(4, "512M", bare, aia))
        yield "handover/state-h-" + aia, state_on(virt(4, "1G", aia=aia),
                                                  typed=running)
    yield "handover/moves", moves
    yield "handover/none", none
    yield "handover/refused", refused
    yield "handover/no-hsm", no_hsm
