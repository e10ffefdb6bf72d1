"""The machines on which the kernel must boot, and the emulators there are."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field

from session import Skipped

# Paging mode to expect, and the first QEMU that has this CPU so.
CPUS = {
    "rv64": (57, (7, 2)),
    "rv64,sv57=off": (48, (9, 0)),
    "rv64,sv48=off,sv57=off": (39, (9, 0)),
    "rv64,h=false": (57, (7, 2)),
    "rv64,svade=on": (57, (9, 0)),
    "rv64,sstc=off": (57, (9, 0)),
    "rv64,zicboz=off": (57, (9, 0)),
    "rva22s64": (39, (9, 0)),
    "rva23s64": (39, (10, 0)),
    "sifive-u54": (39, (7, 2)),
    "thead-c906": (39, (9, 0)),
    "max": (57, (9, 0)),
}
# CPUs that differ in what a guest can be given: paging mode, first QEMU, what
# the guest's ISA must name, what it must not.
GUEST_CPUS = {
    "rv64": (57, (7, 2), "sstc zicbom zicboz", "v"),
    "max": (57, (9, 0), "v sstc svpbmt zicbom zicboz", ""),
    "rva23s64": (39, (10, 0), "v sstc svpbmt zicbom zicboz", ""),
    "rv64,sstc=off": (57, (7, 2), "f d", "sstc v"),
    "rv64,svadu=off": (57, (9, 0), "sstc zicbom zicboz", "v"),
    "rv64,zicbom=off,zicboz=off": (57, (9, 0), "sstc", "v zicbom zicboz"),
    "rv64,smstateen=on": (57, (9, 0), "sstc zicbom zicboz", "v"),
    "rv64,smstateen=on,sstc=off": (57, (9, 0), "f d", "sstc v"),
    "rv64,v=on": (57, (7, 2), "sstc v zicbom zicboz", ""),
}
# For payloads that look for what nobody keeps from guests here.
OPEN_CPUS = {
    "max,smstateen=off": (57, (9, 0)),
    "rv64,d=off,zfa=off,zcd=off,zcmt=on": (57, (9, 0)),
}
SMP = (1, 2, 8)
MEMORY = ("128M", "512M", "1G", "2G", "4G", "8G", "16G")
AIA = ("none", "aplic", "aplic-imsic")
# Neither has a way to power off that firmware would know.
HALTED = r"reset: nothing here can power off this machine, halted$"
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size(text):
    return int(text[:-1]) * UNITS[text[-1]]


@dataclass(frozen=True)
class Machine:
    """A machine line and what the kernel must say about it."""
    name: str
    args: tuple
    sv: int
    harts: tuple = (1, 1)           # online, of those with an MMU
    console: str = ""               # regex behind `boot: console `
    memory: str = r"\d+"            # regex of MiB
    ram: tuple = (0x80000000, 0)    # base, bytes at the base
    console_args: tuple = ("-serial", "stdio")
    since: tuple = (7, 2)
    bios: str = ""
    dtb: str = ""
    off: str = ""                   # what it says when it cannot go off
    options: dict = field(default_factory=dict, compare=False)


def virt(smp=1, mem="512M", cpu="rv64", aia="none"):
    sv, since = {**CPUS, **GUEST_CPUS, **OPEN_CPUS}[cpu][:2]
    name = "virt-%s-smp%d-%s" % (cpu.replace(",", "-").replace("=", ""), smp,
                                 mem)
    args = ["-M", "virt", "-cpu", cpu, "-smp", str(smp), "-m", mem]
    if aia != "none":
        args[1] += ",aia=" + aia
        name += "-" + aia
    return Machine(name, tuple(args), sv, (smp, smp),
                   r"/soc/(serial|uart)@10000000 ns16550a stride 1 width 1",
                   str(size(mem) >> 20), (0x80000000, size(mem)),
                   since=since)


def sifive_u(smp=5, mem="512M"):
    """Hart 0 has no MMU; the tree says sv48, the harts take sv39."""
    return Machine("sifive_u-smp%d-%s" % (smp, mem),
                   ("-M", "sifive_u", "-smp", str(smp), "-m", mem), 39,
                   (smp - 1,) * 2, r"/soc/serial@10010000 sifive,uart0.*",
                   str(size(mem) >> 20), (0x80000000, size(mem)),
                   off=HALTED)


def icicle(smp=5):
    """Debian's own tree: word-wide UART, a memory node that is not there."""
    return Machine("icicle-smp%d" % smp,
                   ("-M", "microchip-icicle-kit", "-smp", str(smp), "-m",
                    "2G"), 39, (smp - 1, 4),
                   r"/soc/serial@20100000 ns16550a stride 4 width 4",
                   ram=(0x80000000, 0x40000000),
                   console_args=("-serial", "null", "-serial", "stdio"),
                   bios="opensbi-riscv64-generic-fw_dynamic.bin",
                   dtb="debian/dtbs/microchip/mpfs-icicle-kit.dtb",
                   off=HALTED)


@dataclass
class Qemu:
    path: str
    version: tuple

    def text(self):
        return ".".join(map(str, self.version))


def _qemu(path):
    try:
        out = subprocess.run([path, "--version"], capture_output=True,
                             text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"version (\d+)\.(\d+)\.(\d+)", out)
    return Qemu(path, tuple(map(int, found.groups()))) if found else None


class Qemus:
    """The emulators of this machine: `main` runs what names no version."""

    def __init__(self, build):
        system = shutil.which("qemu-system-riscv64")
        system = _qemu(system) if system else None
        fetched = _qemu(os.path.join(build, "qemu", "qemu-system-riscv64"))
        named = os.environ.get("QEMU")
        self.main = _qemu(named) if named else fetched or system
        if not self.main:
            raise SystemExit("run: no qemu-system-riscv64 %s(make deps)" %
                             ("at QEMU=%s " % named if named else ""))
        self.old = system if system and system.version < (9, 0) else None

    def version(self, path):
        for qemu in (self.main, self.old):
            if qemu and qemu.path == path:
                return qemu.version
        raise KeyError(path)

    def choose(self, which, since):
        """The emulator for a cell, or Skipped with the reason."""
        qemu = self.old if which == "old" else self.main
        if not qemu:
            raise Skipped("no QEMU before 9 here")
        if qemu.version[:2] < since[:2]:
            raise Skipped("needs QEMU %d.%d, this is %s" %
                          (since + (qemu.text(),)))
        return qemu
