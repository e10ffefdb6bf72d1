#!/usr/bin/python3
"""Checks the linked kernel: elf.py kernel.elf

What the image relies on when it relocates itself and what no test could see
if it was wrong by luck only: relocation types, undefined and absolute symbols,
the header, the image table, rights. Every broken rule is printed; any fails
the build.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from elf_file import (  # noqa: E402
    ET_DYN, R_NONE, R_RELATIVE, SHF_EXECINSTR, SHF_WRITE, SHN_ABS, SHN_UNDEF,
    SHT_DYNSYM, SHT_NOBITS, SHT_RELA, STB_LOCAL, STB_WEAK, STT_FILE, ElfFile,
    type_name)

PAGE = 4096
TEXT_OFFSET = 0x200000
TABLE = ['text_start', 'text_end', 'rodata_start', 'rodata_end', 'data_start',
         'data_end', 'bss_start', 'image_end', 'rela_start', 'rela_end']


class Checker:
    def __init__(self, elf):
        self.elf = elf
        self.problems = []
        self.by_name = {s.name: s for s in elf.symbols()}
        self.named = sorted(
            ((s.value, s.name) for s in elf.symbols()
             if s.name and s.section not in (SHN_UNDEF, SHN_ABS)
             and not s.name.startswith(('.', '$'))))

    def problem(self, text):
        self.problems.append(text)

    def near(self, address):
        """The symbol an address belongs to, for the reader of a message."""
        name = '?'
        for value, text in self.named:
            if value > address:
                break
            name = f'{text}+{address - value:#x}'
        return name

    def value(self, name):
        symbol = self.by_name.get(name)
        if symbol is None:
            self.problem(f'symbol {name} is missing')
            return 0
        return symbol.value

    def relocation(self, r, table):
        where = f'{r.offset:#x} ({self.near(r.offset)})'
        if r.type == R_NONE:
            return
        if r.type != R_RELATIVE or r.symbol:
            self.problem(f'relocation {type_name(r.type)} at {where}: the '
                         'kernel applies RELATIVE and NONE only')
            return
        if r.offset % 8:
            self.problem(f'relocated word at {where} is not aligned')
        home = [s for s in self.elf.sections
                if s.allocated() and s.holds(r.offset)]
        if not home or home[0].type == SHT_NOBITS:
            self.problem(f'relocated word at {where} is not in the file')
        elif home[0].flags & SHF_EXECINSTR:
            self.problem(f'relocated word at {where} lies in code')
        if table.holds(r.offset):
            self.problem(f'relocated word at {where} lies in {table.name}')
        end = self.by_name.get('image_end')
        if end is not None and not 0 <= r.addend <= end.value:
            self.problem(f'word at {where} points out of the image '
                         f'({r.addend:#x})')

    def relocations(self):
        tables = [s for s in self.elf.sections
                  if s.type == SHT_RELA and s.allocated()]
        if len(tables) != 1:
            self.problem(f'{len(tables)} relocation tables in the image, '
                         'not one')
        for table in tables:
            if (table.address, table.address + table.size) != (
                    self.value('rela_start'), self.value('rela_end')):
                self.problem(f'{table.name} is not [rela_start, rela_end)')
            for r in self.elf.relocations(table):
                self.relocation(r, table)

    def symbols(self):
        every = list(self.elf.symbols()) + list(self.elf.symbols(SHT_DYNSYM))
        for s in every:
            if s.section == SHN_UNDEF and s.name:
                kind = 'weak ' if s.bind == STB_WEAK else ''
                self.problem(f'undefined {kind}symbol {s.name}')
            if s.section == SHN_ABS and s.bind != STB_LOCAL and \
                    s.type != STT_FILE:
                self.problem(f'absolute symbol {s.name} would slide with '
                             'the image')

    def header(self):
        base, image = self.elf.image()
        if base != 0 or self.value('_start') != 0 or self.elf.entry != 0:
            self.problem('the image, _start and the entry are not all at 0')
            return
        offset, size, flags, version = struct.unpack_from('<QQQI', image, 8)
        if image[56:60] != b'RSC\x05' or image[48:56] != b'RISCV\0\0\0':
            self.problem('no Image header at offset 0')
        if (offset, flags, version) != (TEXT_OFFSET, 0, 2):
            self.problem(f'Image header: text_offset {offset:#x}, flags '
                         f'{flags:#x}, version {version:#x}')
        if size != self.value('image_end'):
            self.problem('Image header: image_size is not image_end')
        magic, *table = struct.unpack_from('<8sII10I', image, 64)
        if magic != b'ALOFTIMG' or table[:2] != [1, 56]:
            self.problem('no image table of version 1 after the header')
        elif table[2:] != [self.value(name) for name in TABLE]:
            self.problem('the image table is not what the symbols say')
        if len(image) > self.value('data_end'):
            self.problem('the file goes on after data_end')

    def rights(self):
        for s in self.elf.sections:
            if s.allocated() and s.flags & SHF_WRITE and \
                    s.flags & SHF_EXECINSTR:
                self.problem(f'section {s.name} is writable and executable')
            if s.allocated() and s.name.startswith(('.plt', '.iplt')) and \
                    s.size:
                self.problem(f'section {s.name}: calls go through a PLT')
        for name in ('text_end', 'rodata_end', 'image_end'):
            if self.value(name) % PAGE:
                self.problem(f'{name} is not on a page')
        for name in ('rodata_start', 'data_start'):
            if self.value(name) % PAGE:
                self.problem(f'{name} does not begin a page')

    def run(self):
        if self.elf.type != ET_DYN:
            self.problem('not linked as a PIE')
        self.header()
        self.relocations()
        self.symbols()
        self.rights()
        return self.problems


def main(arguments):
    if len(arguments) != 1:
        print('usage: elf.py kernel.elf', file=sys.stderr)
        return 64
    try:
        problems = Checker(ElfFile(arguments[0])).run()
    except (OSError, ValueError) as error:
        problems = [str(error)]
    for text in dict.fromkeys(problems):
        print(f'{arguments[0]}: {text}', file=sys.stderr)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
