"""Debian's Linux in guests: bundles of it, and typing at its shell."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

import linuxlog
import payload
from context import check_boot
from machines import size
from session import Failed


@dataclass(frozen=True)
class Guest:
    """One Linux of a bundle: its config, and files beside the default
    initramfs's as ((path, file), ...)."""
    name: str = "linux"
    memory: str = "256M"
    vcpus: int = 1
    bootargs: str = ""
    autostart: bool = True
    files: tuple = ()

    def config(self):
        return "\n".join(("memory = " + self.memory,
                          "vcpus = %d" % self.vcpus,
                          "bootargs = " + self.bootargs,
                          "autostart = " + ("yes" if self.autostart else
                                            "no"), ""))


def archive(folder):
    """The tree at `folder` as cpio(1) packs it, hard links and all."""
    names = sorted(os.path.relpath(os.path.join(at, name), folder)
                   for at, folders, files in os.walk(folder)
                   for name in folders + files)
    return subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"],
                          input="\n".join(names).encode(), cwd=folder,
                          check=True, stdout=subprocess.PIPE,
                          timeout=60).stdout


def initrd(context, guest, folder):
    """The default initramfs, and behind it an archive of guest.files."""
    with open(linuxlog.bundle_file(context, "initrd"), "rb") as f:
        data = f.read()
    if not guest.files:
        return data
    for path, source in guest.files:
        to = os.path.join(folder, path)
        os.makedirs(os.path.dirname(to))
        shutil.copy(source, to)
    return data + archive(folder)


def bundle_base(context):
    return context.path("bundle-" + context.local.name.replace("/", "."))


def bundle(context, *guests):
    """A bundle for this scenario. The guests' Images are one file with hard
    links, so that many need no more room than one."""
    base = bundle_base(context)
    image = linuxlog.bundle_file(context, "Image")
    shutil.rmtree(base, ignore_errors=True)
    for guest in guests:
        at = os.path.join(base, "guests", guest.name)
        os.makedirs(at)
        os.link(image, os.path.join(at, "Image"))
        with open(os.path.join(at, "initrd"), "wb") as f:
            f.write(initrd(context, guest,
                           os.path.join(base, "files", guest.name)))
        with open(os.path.join(at, "config"), "w") as f:
            f.write(guest.config())
    shutil.rmtree(os.path.join(base, "files"), ignore_errors=True)
    with open(base + ".cpio", "wb") as f:
        f.write(archive(base))
    shutil.rmtree(base)
    return base + ".cpio"


def tidy(cells):
    """The cells, which leave their large bundle there only if they fail."""
    def tidied(function):
        def run(context):
            function(context)
            if os.path.exists(bundle_base(context) + ".cpio"):
                os.unlink(bundle_base(context) + ".cpio")
        return run

    for name, function in cells:
        yield name, tidied(function)


def user_file(context, name):
    """A file of test/qemu/user for the initramfs; a .c is compiled."""
    source = payload.here("user", name)
    if not name.endswith(".c"):
        return source
    out = context.path("user-" + name[:-2])
    subprocess.run([context.cross + "gcc", "-march=rv64imafdc_zicsr",
                    "-mabi=lp64d", "-O2", "-ffreestanding", "-nostdlib",
                    "-static", "-fno-stack-protector", "-Wall", "-Wextra",
                    "-Werror", source, "-o", out], check=True, timeout=60)
    return out


def start(context, machine, *guests, limit=150, qemu="main", extra=()):
    """The machine with a bundle of `guests`, up to ready."""
    session = context.start(machine, qemu=qemu, limit=limit,
                            extra=("-initrd", bundle(context, *guests),
                                   *extra))
    check_boot(session, machine)
    return session


def to_shell(session, guest):
    """The attached guest's shell, with all its CPUs."""
    cpus = linuxlog.shell(session)
    if cpus != guest.vcpus:
        raise Failed("%d CPUs in Linux, %d vcpus" % (cpus, guest.vcpus))


def command(session, line):
    """Type at the terminal of the attached guest's shell; the echo and what
    it printed. It must succeed."""
    start = session.at
    session.send(line + '; echo "="$?=\r')
    seen = session.expect(r"=(\d+)=")
    text = session.text[start:seen.start()]
    if seen.group(1) != "0":
        raise Failed("in the guest: %s: status %s: %s" %
                     (line, seen.group(1), text))
    session.expect(linuxlog.PROMPT)
    return text


def attach(session, name):
    """From Aloft's shell to that of a guest that has reached it."""
    session.send("console %s\r" % name)
    session.expect(r"^\[%s; Ctrl-\] leaves\]$" % name)
    session.send("\r")
    session.expect(linuxlog.PROMPT)


def detach(session):
    session.send("\x1d")
    session.expect(r"^aloft> ")


def extensions(session):
    """The ISA of every CPU of the attached guest, as sets of names."""
    text = command(session, "grep '^isa' /proc/cpuinfo")
    words = re.findall(r"^isa\s*: rv64([a-z]+)((?:_[a-z0-9]+)*)$", text, re.M)
    return [set(letters) | set(more.split("_")[1:])
            for letters, more in words]


def power_off(session, name):
    """poweroff in the attached guest ends it."""
    session.send("poweroff -f\r")
    session.expect(r"guest %s: stopped, powered off$" % name)
    session.expect(r"^aloft> ")


def memory(session):
    """By `mem` at Aloft's shell: objects of the heap, and KiB free, of which
    the heap may keep a page for each size of object."""
    session.send("mem\r")
    blocks = session.expect(r"^free blocks: (.*)\n").group(1)
    heap = session.expect(r"^heap: (\d+) objects, (\d+) slabs\n")
    session.expect(r"^aloft> ")
    free = sum(int(n) * size(many + unit) >> 10 for n, many, unit in
               re.findall(r"(\d+) x (\d+) ([KMG])iB", blocks))
    return int(heap.group(1)), free + 4 * int(heap.group(2))
