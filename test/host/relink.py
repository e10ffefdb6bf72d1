#!/usr/bin/python3
"""The relink oracle: is a relocated image what the linker would have made?

    relink.py --image build/Image --elf build/kernel.elf \\
        --imgtool build/tools/imgtool --script kernel.lds \\
        [--count 200] [--seed 1] -- <the command that links kernel.elf>

For each of many random bases the kernel's objects are linked again with -pie
at that base, and that link's own addends are written into their words here, in
Python, knowing nothing of relocate.c. The image that relocate() (in imgtool)
made of build/Image must be the same, byte for byte, outside what only the
linker reads: .rela.dyn, .dynamic, .dynsym, .hash, .gnu.hash and the first word
of .got. Half of the bases are physical addresses A, half in the high half B;
images go Image -> A -> B -> A, and the last must be the first A again, all of
it.
"""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tools', 'check'))
from elf_file import (  # noqa: E402
    R_NONE, R_RELATIVE, SHT_RELA, ElfFile, type_name)

PAGE = 4096
# Metadata of the link itself: it holds addresses, and nothing reads it later.
METADATA = ('.rela.dyn', '.dynamic', '.dynsym', '.hash', '.gnu.hash')
GOT_RESERVED = 8  # the first word of .got: where .dynamic is
HIGH_BASE, HIGH_TOP = 0xffffffff80000000, 0xfffffffffffff000
PA_BITS = 56


class Failure(Exception):
    """What differs, in words."""


def link(arguments, script, base, where):
    """Links at base and returns the ELF file. The script must start the image
    in one place only, and assert that place in one more."""
    with open(script) as f:
        text = f.read()
    moved, count = re.subn(r'(?m)^\t\. = 0;$', f'\t. = {base:#x};', text)
    if count != 1:
        raise Failure(f'{script}: no line of its own ". = 0;"')
    moved = re.sub(r'ASSERT\(_start == 0,', f'ASSERT(_start == {base:#x},',
                   moved)
    path = os.path.join(where, 'link.lds')
    out = os.path.join(where, 'link.elf')
    with open(path, 'w') as f:
        f.write(moved)
    command = [a.replace(script, path) for a in arguments]
    if command == arguments:
        raise Failure(f'the link command does not name {script}')
    # Names and debug sections are no part of the image, and most of the time.
    subprocess.run(command + ['-Wl,--strip-all', '-o', out], check=True,
                   timeout=60)
    return ElfFile(out)


def addends_write(elf, base, image):
    """Does what a loader does with a PIE that lies where it was linked."""
    words = 0
    for section in elf.sections:
        if section.type != SHT_RELA or not section.allocated():
            continue
        for r in elf.relocations(section):
            if r.type == R_NONE:
                continue
            if r.type != R_RELATIVE:
                raise Failure(f'link at {base:#x} made a '
                              f'{type_name(r.type)}')
            value = r.addend % (1 << 64)
            at = r.offset - base
            image[at:at + 8] = value.to_bytes(8, 'little')
            words += 1
    return words


def metadata_ranges(elf):
    base, _ = elf.image()
    ranges = [(s.address - base, s.address - base + s.size)
              for s in elf.sections if s.allocated() and s.name in METADATA]
    got = elf.section('.got')
    if got is not None and got.size:
        ranges.append((got.address - base, got.address - base + GOT_RESERVED))
    return sorted(ranges)


class Oracle:
    def __init__(self, options, arguments, where):
        self.options, self.arguments, self.where = options, arguments, where
        self.elf = ElfFile(options.elf)
        self.ranges = metadata_ranges(self.elf)
        self.symbols = sorted((s.value, s.name) for s in self.elf.symbols()
                              if s.name and s.name[0] not in '.$')
        with open(options.image, 'rb') as f:
            # image_size of the header: with bss.
            self.size = int.from_bytes(f.read(24)[16:], 'little')
        self.words = 0

    def near(self, offset):
        before = [s for s in self.symbols if s[0] <= offset]
        return f'{before[-1][1]}+{offset - before[-1][0]:#x}' if before else '?'

    def relocate(self, source, base):
        out = os.path.join(self.where, f'at-{base:#x}')
        subprocess.run([self.options.imgtool, 'relocate', source, '--at',
                        f'{base:#x}', '-o', out], check=True, timeout=60)
        return out

    def expected(self, base):
        elf = link(self.arguments, self.options.script, base, self.where)
        first, image = elf.image()
        if first != base:
            raise Failure(f'link at {base:#x} begins at {first:#x}')
        if metadata_ranges(elf) != self.ranges:
            raise Failure(f'link at {base:#x} has another layout')
        words = addends_write(elf, base, image)
        if self.words and words != self.words:
            raise Failure(f'link at {base:#x} has {words} words to relocate, '
                          f'not {self.words}')
        self.words = words
        return image

    def compare(self, base, image, expected):
        if len(image) != len(expected):
            raise Failure(f'at {base:#x}: {len(image)} bytes, the link has '
                          f'{len(expected)}')
        image, expected = bytearray(image), bytearray(expected)
        for start, end in self.ranges:
            image[start:end] = expected[start:end] = bytes(end - start)
        if image == expected:
            return
        wrong = [i for i in range(len(image)) if image[i] != expected[i]]
        at = wrong[0]
        raise Failure(
            f'at {base:#x}: {len(wrong)} bytes differ, the first at offset '
            f'{at:#x} ({self.near(at)}): '
            f'{image[at & ~7:(at & ~7) + 8].hex()}, the link has '
            f'{expected[at & ~7:(at & ~7) + 8].hex()}')

    def judge(self, path, base):
        with open(path, 'rb') as f:
            image = f.read()
        self.compare(base, image, self.expected(base))
        return image

    def pair(self, low, high):
        """Image -> low -> high -> low."""
        there = self.relocate(self.options.image, low)
        first = self.judge(there, low)
        up = self.relocate(there, high)
        self.judge(up, high)
        os.remove(there)
        back = self.relocate(up, low)
        with open(back, 'rb') as f:
            if f.read() != first:
                raise Failure(f'{low:#x} -> {high:#x} -> {low:#x} does not '
                              'restore the image')
        os.remove(up)
        os.remove(back)


def bases(count, size, rng):
    """Physical addresses of all magnitudes, and any of the high half."""
    room = -(-size // PAGE) * PAGE
    for _ in range(count):
        bits = rng.randint(22, PA_BITS - 1)
        low = rng.randrange(1 << bits) & ~(PAGE - 1)
        high = rng.randrange(HIGH_BASE, HIGH_TOP - room) & ~(PAGE - 1)
        yield low, high


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    for name in ('image', 'elf', 'imgtool', 'script'):
        parser.add_argument('--' + name, required=True)
    parser.add_argument('--count', type=int, default=200)
    parser.add_argument('--seed', type=int,
                        default=int(os.environ.get('SEED', '1'), 0))
    parser.add_argument('link', nargs='+')
    options = parser.parse_args()
    rng = random.Random(options.seed)
    begin = time.monotonic()
    pairs = (options.count + 1) // 2
    print(f'SEED={options.seed}', file=sys.stderr)
    with tempfile.TemporaryDirectory() as where:
        try:
            oracle = Oracle(options, options.link, where)
            for low, high in bases(pairs, oracle.size, rng):
                oracle.pair(low, high)
        except (Failure, OSError, ValueError,
                subprocess.SubprocessError) as error:
            print(f'relink: {error}', file=sys.stderr)
            return 1
    if oracle.words == 0:
        print('relink: nothing to relocate: the test means nothing',
              file=sys.stderr)
        return 1
    print(f'relink: {2 * pairs} bases, {oracle.words} words each, '
          f'{time.monotonic() - begin:.1f} s')
    return 0


if __name__ == '__main__':
    sys.exit(main())
