#!/usr/bin/python3
"""Checks what runs before relocation: early.py head.S.o relocate.c.o ...

Until the image is relocated, code reaches everything relative to itself: no
relocation of these objects may ask for an address, directly or through a
global offset table, and the C ones call nothing but each other.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from elf_file import (  # noqa: E402
    SHN_UNDEF, SHT_RELA, STB_LOCAL, ElfFile, type_name)

# Distances between places of the image, or offsets from tp: the same wherever
# it lies. ADD and SUB come in pairs: together a difference.
RELATIVE_TYPES = {
    'R_RISCV_' + name for name in (
        'NONE', 'BRANCH', 'JAL', 'CALL', 'CALL_PLT', 'PCREL_HI20',
        'PCREL_LO12_I', 'PCREL_LO12_S', 'RVC_BRANCH', 'RVC_JUMP', 'RELAX',
        'ALIGN', 'ADD8', 'ADD16', 'ADD32', 'ADD64', 'SUB8', 'SUB16', 'SUB32',
        'SUB64', 'SET6', 'SUB6', 'SET8', 'SET16', 'SET32', '32_PCREL',
        'TPREL_HI20', 'TPREL_LO12_I', 'TPREL_LO12_S', 'TPREL_ADD')}


def relocation_problems(elf):
    for table in (s for s in elf.sections if s.type == SHT_RELA):
        home = elf.sections[table.info]
        if not home.allocated():
            continue
        names = list(elf.symbols())
        for r in elf.relocations(table):
            name = type_name(r.type)
            if name not in RELATIVE_TYPES:
                yield (f'{home.name}+{r.offset:#x} needs an address before '
                       f'relocation: {name} {names[r.symbol].name}')


def calls(elf):
    """Names that this object calls."""
    names = list(elf.symbols())
    for table in (s for s in elf.sections if s.type == SHT_RELA):
        for r in elf.relocations(table):
            if type_name(r.type) in ('R_RISCV_CALL', 'R_RISCV_CALL_PLT',
                                     'R_RISCV_JAL'):
                if names[r.symbol].section == SHN_UNDEF:
                    yield names[r.symbol].name


def main(paths):
    if not paths:
        print('usage: early.py OBJECT...', file=sys.stderr)
        return 64
    files = [(path, ElfFile(path)) for path in paths]
    defined = {s.name for _, elf in files for s in elf.symbols()
               if s.section != SHN_UNDEF and s.bind != STB_LOCAL}
    problems = []
    for path, elf in files:
        problems += [f'{path}: {text}' for text in relocation_problems(elf)]
        # Assembly leaves for relocated C at a place of its own choosing.
        if '.S.' in path:
            continue
        problems += [f'{path}: calls {name}, which may need relocation'
                     for name in sorted(set(calls(elf)) - defined)]
    for text in problems:
        print(text, file=sys.stderr)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
