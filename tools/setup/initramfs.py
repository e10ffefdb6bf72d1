#!/usr/bin/python3
"""Write the default initramfs: initramfs.py BUSYBOX OUT.cpio

A newc archive of busybox and the files of tools/setup/initramfs. Written here
because a device node in an archive must not need root; times and owners are 0,
so the same files give the same archive.
"""
import os
import stat
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "initramfs")
FOLDERS = ("bin", "dev", "etc", "proc", "root", "sbin", "sys", "tmp", "usr",
           "usr/bin", "usr/sbin")
# Where each file of initramfs/ goes, and its rights.
FILES = {"init": ("init", 0o755), "inittab": ("etc/inittab", 0o644),
         "profile": ("etc/profile", 0o644)}
CONSOLE = (5, 1)  # Linux, Documentation/admin-guide/devices.txt


def padded(data):
    return data + bytes(-len(data) % 4)


def entry(inode, name, mode, data=b"", device=(0, 0)):
    encoded = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device,
              len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return padded(header + encoded) + padded(data)


def read(path):
    with open(path, "rb") as source:
        return source.read()


def entries(busybox):
    for name in FOLDERS:
        rights = 0o1777 if name == "tmp" else 0o755
        yield name, stat.S_IFDIR | rights, b"", (0, 0)
    # Init's first words go here, before it mounts a /dev.
    yield "dev/console", stat.S_IFCHR | 0o600, b"", CONSOLE
    yield "bin/busybox", stat.S_IFREG | 0o755, read(busybox), (0, 0)
    for source, (name, rights) in FILES.items():
        yield (name, stat.S_IFREG | rights,
               read(os.path.join(HERE, source)), (0, 0))


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} BUSYBOX OUT.cpio")
    busybox, out = sys.argv[1:]
    archive = b"".join(entry(inode, *fields) for inode, fields
                       in enumerate(entries(busybox), 1))
    archive += entry(0, "TRAILER!!!", 0)
    with open(out + ".new", "wb") as target:
        target.write(archive)
    os.replace(out + ".new", out)


if __name__ == "__main__":
    main()
