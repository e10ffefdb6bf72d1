"""Bundles as people make them, with cpio itself: good guests start, each bad
one is told by its file and the reason, and the bundle is the same at every
start."""

import gzip
import os
import shutil
import struct
import subprocess

from context import check_boot, power_off
from guests import built
from machines import virt


def image_with(image, **fields):
    """`image` with some fields of its header replaced."""
    places = {"text_offset": (8, "<Q"), "image_size": (16, "<Q"),
              "version": (32, "<I"), "magic2": (56, "<I")}
    out = bytearray(image)
    for name, value in fields.items():
        at, kind = places[name]
        struct.pack_into(kind, out, at, value)
    return bytes(out)


class Folder:
    """A directory that becomes a bundle by `find . | cpio -o -H newc`."""

    def __init__(self, context):
        self.path = context.path("bundle-%s" %
                                 context.local.name.split("/")[-1])
        shutil.rmtree(self.path, ignore_errors=True)

    def at(self, name):
        path = os.path.join(self.path, "guests", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def put(self, name, content):
        with open(self.at(name), "wb") as f:
            f.write(content if isinstance(content, bytes)
                    else content.encode())

    def pack(self, again=()):
        """The archive's path; the names of `again` are in it twice."""
        names = subprocess.run(["find", "."], cwd=self.path, check=True,
                               capture_output=True, text=True).stdout.split()
        names = sorted(names) + ["./guests/" + name for name in again]
        packed = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"],
                                input="\n".join(names).encode(),
                                cwd=self.path, capture_output=True,
                                check=True, timeout=60)
        with open(self.path + ".cpio", "wb") as f:
            f.write(packed.stdout)
        return self.path + ".cpio"


# Guests by what is wrong with their Image's header; what the kernel says.
BENT = {
    "magic": (dict(magic2=0), "not a RISC-V Image"),
    "version": (dict(version=1 << 16), "unknown Image header version"),
    "short": (dict(image_size=64), "file is longer than image_size"),
    "offset": (dict(text_offset=0x100001), "text_offset is not a multiple"),
    "large": (dict(image_size=1 << 40),
              "text_offset + image_size is more than the guest's memory"),
}

CONFIGS = {
    "key": ("colour = blue\n", "line 1: unknown key"),
    "twice": ("# two\nvcpus = 1\nvcpus = 1\n",
              "line 3: this key is there twice"),
    "many": ("vcpus = 65\n", "line 1: vcpus is not 1 to 64"),
    "odd": ("memory = 12K\n", "line 1: memory is not a multiple of 2M"),
    "none": ("memory = 0\n", "line 1: memory is not a multiple of 2M"),
    "number": ("memory = 99999999999999999999G\n",
               "line 1: memory is no number"),
}


def bad_ones(folder, image):
    """Guests that must not start: [(line on the console)], in any order."""
    lines = []
    for name, (fields, why) in BENT.items():
        folder.put(name + "/Image", image_with(image, **fields))
        lines.append(r"guest %s: refused, Image: %s" %
                     (name, why.replace("+", r"\+")))
    for name, (text, why) in CONFIGS.items():
        folder.put(name + "/Image", image)
        folder.put(name + "/config", text)
        lines.append(r"bundle: guests/%s/config: %s" % (name, why))
    # Damage that shows only in the end, when they have their memory.
    for name in ("torn", "tail", "rotten"):
        folder.put(name + "/config", "memory = 16M\n")
    packed = gzip.compress(image)
    folder.put("torn/Image", packed[:-9])
    lines.append("guest torn: refused, Image: gzip data is cut short")
    folder.put("tail/Image", packed + b"more")
    lines.append("guest tail: refused, Image: garbage after the gzip data")
    folder.put("rotten/Image", packed[:-8] + bytes(4) + packed[-4:])
    lines.append("guest rotten: refused, Image: gzip data is damaged")
    folder.put("huge/Image", image)
    folder.put("huge/config", "memory = 1024G\n")
    lines.append(r"guest huge: refused, memory: 1048576 MiB asked for, "
                 r"\d+ MiB free")
    folder.put("full/Image", image)
    folder.put("full/initrd", bytes(3 << 20))
    folder.put("full/config", "memory = 4M\n")
    lines.append("guest full: refused, initrd: no room beside the Image")
    folder.put("empty/initrd", "")
    lines.append("bundle: guests/empty/Image: is missing")
    folder.put("linked/Image", image)
    os.symlink("Image", folder.at("linked/initrd"))
    lines.append("bundle: guests/linked/initrd: is a symbolic link")
    folder.put("bad.name/Image", image)
    lines.append("bundle: guests/bad.name: a guest's name is 1 to 31")
    folder.put("../README", "for people")
    lines.append("bundle: README: not under guests/")
    return lines


def only_the_good_start(context):
    """Of 23 guests three are good; one of these waits to be started."""
    with open(built(context, "switch"), "rb") as f:
        image = f.read()
    folder = Folder(context)
    lines = bad_ones(folder, image)
    folder.put("good/Image", image)
    folder.put("good/config", "# by hand\n\n  bootargs = a=b # c\nmemory=64M\n"
               "vcpus = 64\n")
    os.link(folder.at("good/Image"), folder.at("twin/Image"))
    folder.put("twin/config", "autostart = no")
    folder.put("packed/Image", gzip.compress(image[:100]) +
               gzip.compress(image[100:]))
    machine = virt(2, "512M")
    folder.put("double/Image", image)
    lines.append("bundle: guests/double/Image: is there twice")
    bundle = folder.pack(again=["double/Image"])
    session = context.start(machine, extra=("-initrd", bundle), limit=60)
    check_boot(session, machine)
    start = session.at
    for line in lines:
        session.at = start
        session.expect(line)
    for name, vcpus, memory in (("good", "64 vcpus", 64),
                                ("packed", "1 vcpu", 256)):
        session.at = start
        session.expect("guest %s: started, %s, %d MiB" % (name, vcpus, memory))
        session.expect(r"%s\| TEST end \d+ passed, 0 failed" % name)
        session.expect("guest %s: stopped, powered off" % name)
    # Once more from the same bytes, and by the other name of the same file.
    for name in ("good", "twin"):
        session.send("start %s\r" % name)
        session.expect("guest %s: started" % name)
        session.expect(r"%s\| TEST end \d+ passed, 0 failed" % name)
        session.expect("guest %s: stopped, powered off" % name)
    power_off(session, machine)


def what_is_whole_starts(context):
    """An archive that breaks off: the guests before that place start."""
    with open(built(context, "switch"), "rb") as f:
        image = f.read()
    folder = Folder(context)
    folder.put("a/Image", image)
    folder.put("b/Image", image)
    path = folder.pack()
    with open(path, "rb") as f:
        packed = f.read()
    cut = packed.index(b"guests/b/Image") + len(image) // 2
    with open(path, "wb") as f:
        f.write(packed[:cut])
    machine = virt(1)
    session = context.start(machine, append="guest=a,typo",
                            extra=("-initrd", path))
    check_boot(session, machine)
    session.expect("bundle: guests/b/Image: the archive is cut short in "
                   "its data")
    session.expect("guest: guest=typo: there is no such guest")
    session.expect("guest a: started")
    session.expect(r"TEST end \d+ passed, 0 failed")
    session.expect("guest a: stopped, powered off")
    power_off(session, machine)


def cells(context):
    yield "bundle/bad-and-good", only_the_good_start
    yield "bundle/broken-off", what_is_whole_starts
