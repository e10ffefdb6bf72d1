"""What is handed to QEMU as -kernel: the Image itself, the Image in a one- or
many-segment ELF (then it is loaded where the test wants; QEMU enters at the
lowest address), and the Image behind a loader that passes chosen registers."""

import os
import struct
import subprocess

KEEP = (1 << 64) - 1
JUNK, SATP = 1, 2
# Where the loader stands: the address at which firmware enters a kernel.
ENTER_AT = 0x80200000
# Where enter.S keeps its block.
BLOCK = 0xfc0
R_RISCV_RELATIVE = 3
TABLE = ("text_start", "text_end", "rodata_start", "rodata_end", "data_start",
         "data_end", "bss_start", "bss_end", "rela_start", "rela_end")


def here(*path):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), *path)


def elf(segments):
    """An ELF64 of [(address, bytes)], as the psABI's machine 243."""
    at = 64 + 56 * len(segments)
    head = b"\x7fELF\x02\x01\x01" + b"\0" * 9
    head += struct.pack("<HHIQQQIHHHHHH", 2, 243, 1, segments[0][0], 64, 0,
                        0, 64, 56, len(segments), 64, 0, 0)
    heads, body = b"", b""
    for address, data in segments:
        heads += struct.pack("<IIQQQQQQ", 1, 7, at + len(body), address,
                             address, len(data), len(data), 1)
        body += data
    return head + heads + body


def wrap(image, address, out, cross):
    """The flat file `image` as a one-section ELF at `address`, by ld."""
    script = out + ".lds"
    with open(script, "w") as f:
        f.write("SECTIONS { . = %#x; .image : { *(.data) } }" % address)
    obj = out + ".o"
    for argv in (["-m", "elf64lriscv", "-r", "-b", "binary", image, "-o",
                  obj], ["-T", script, "-e", "%#x" % address, obj, "-o",
                         out]):
        subprocess.run([cross + "ld", *argv], check=True, timeout=60)
    os.unlink(obj)
    return out


def assemble(source, out, cross):
    """A file of this folder assembled for any address, as bytes."""
    obj, flat = out + ".elf", out + ".bin"
    subprocess.run([cross + "gcc", "-march=rv64imac_zicsr_zifencei",
                    "-mabi=lp64", "-nostdlib", "-static", "-Wl,-Ttext=0",
                    "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments",
                    here(source), "-o", obj], check=True, timeout=60)
    subprocess.run([cross + "objcopy", "-O", "binary", "-j", ".text", obj,
                    flat], check=True, timeout=60)
    with open(flat, "rb") as f:
        return f.read()


def enter(code, entry, a0=KEEP, a1=KEEP, flags=0, copy=(0, 0, 0)):
    """The loader `code` with its block filled in; copy = (from, to, bytes)
    is done before the kernel is entered."""
    block = struct.pack("<7Q", entry, a0 & KEEP, a1 & KEEP, flags, *copy)
    return code[:BLOCK] + block + code[BLOCK + len(block):]


def table(image):
    """The image table right behind the header, by name (docs/boot.md)."""
    magic, version, size = struct.unpack_from("<8sII", image, 64)
    if magic != b"ALOFTIMG" or version != 1:
        raise ValueError("no image table")
    values = struct.unpack_from("<%dI" % len(TABLE), image, 80)
    return dict(zip(TABLE, values))


def rela(image):
    """[(file offset, r_offset, type, addend)] of the image's relocations."""
    t = table(image)
    return [(at,) + struct.unpack_from("<QQq", image, at)
            for at in range(t["rela_start"], t["rela_end"], 24)]


def rela_spoil(image, index, offset=None, kind=None):
    """image with one relocation's offset or type replaced."""
    at, was, info, addend = rela(image)[index]
    out = bytearray(image)
    struct.pack_into("<QQq", out, at, was if offset is None else offset,
                     info if kind is None else kind, addend)
    return bytes(out)


def image_size(image):
    return struct.unpack_from("<Q", image, 16)[0]


def text_offset(image):
    return struct.unpack_from("<Q", image, 8)[0]
