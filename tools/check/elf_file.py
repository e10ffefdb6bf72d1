"""Reads 64-bit little-endian ELF files with nothing but struct.

Source: System V ABI, "Object Files"; RISC-V ELF psABI.
"""
import struct

ET_DYN = 3
EM_RISCV = 243
SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_DYNSYM = 2, 4, 8, 11
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_TLS = 1, 2, 4, 0x400
SHN_UNDEF, SHN_ABS, SHN_COMMON = 0, 0xfff1, 0xfff2
STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2
STT_SECTION, STT_FILE = 3, 4

R_NONE, R_64, R_RELATIVE = 0, 2, 3
RELA = struct.Struct('<QQq')
# The names of all relocation types a linker or compiler of RISC-V makes.
TYPE_NAMES = {
    0: 'NONE', 1: '32', 2: '64', 3: 'RELATIVE', 4: 'COPY', 5: 'JUMP_SLOT',
    6: 'TLS_DTPMOD32', 7: 'TLS_DTPMOD64', 8: 'TLS_DTPREL32',
    9: 'TLS_DTPREL64', 10: 'TLS_TPREL32', 11: 'TLS_TPREL64', 16: 'BRANCH',
    17: 'JAL', 18: 'CALL', 19: 'CALL_PLT', 20: 'GOT_HI20',
    21: 'TLS_GOT_HI20', 22: 'TLS_GD_HI20', 23: 'PCREL_HI20',
    24: 'PCREL_LO12_I', 25: 'PCREL_LO12_S', 26: 'HI20', 27: 'LO12_I',
    28: 'LO12_S', 29: 'TPREL_HI20', 30: 'TPREL_LO12_I',
    31: 'TPREL_LO12_S', 32: 'TPREL_ADD', 33: 'ADD8', 34: 'ADD16',
    35: 'ADD32', 36: 'ADD64', 37: 'SUB8', 38: 'SUB16', 39: 'SUB32',
    40: 'SUB64', 43: 'ALIGN', 44: 'RVC_BRANCH', 45: 'RVC_JUMP',
    46: 'RVC_LUI', 51: 'RELAX', 52: 'SUB6', 53: 'SET6', 54: 'SET8',
    55: 'SET16', 56: 'SET32', 57: '32_PCREL', 58: 'IRELATIVE', 59: 'PLT32',
}


def type_name(number):
    return 'R_RISCV_' + TYPE_NAMES.get(number, str(number))


class Section:
    def __init__(self, raw):
        (self.name_at, self.type, self.flags, self.address, self.offset,
         self.size, self.link, self.info, self.align,
         self.entry_size) = struct.unpack('<IIQQQQIIQQ', raw)
        self.name = ''

    def allocated(self):
        return bool(self.flags & SHF_ALLOC)

    def holds(self, address):
        return self.address <= address < self.address + self.size


class Symbol:
    def __init__(self, raw, name):
        _, info, self.other, self.section, self.value, self.size = \
            struct.unpack('<IBBHQQ', raw)
        self.bind, self.type = info >> 4, info & 15
        self.name = name


class Relocation:
    def __init__(self, offset, info, addend):
        self.offset, self.addend = offset, addend
        self.type, self.symbol = info & 0xffffffff, info >> 32


class ElfFile:
    """An ELF file; ValueError with the reason if it is not one for RISC-V."""

    def __init__(self, path):
        with open(path, 'rb') as f:
            self.data = f.read()
        if len(self.data) < 64 or self.data[:6] != b'\x7fELF\x02\x01':
            raise ValueError('not a 64-bit little-endian ELF file')
        (self.type, machine, _, self.entry, self.segments_at, sections_at,
         self.flags, _, size, count, section_size, section_count,
         names) = struct.unpack_from('<HHIQQQIHHHHHH', self.data, 16)
        if machine != EM_RISCV:
            raise ValueError('not for RISC-V')
        self.segments = [
            struct.unpack_from('<IIQQQQQQ', self.data,
                               self.segments_at + i * size)
            for i in range(count)]
        self.sections = []
        for i in range(section_count):
            at = sections_at + i * section_size
            self.sections.append(Section(self.data[at:at + 64]))
        for s in self.sections:
            s.name = self.string(self.sections[names], s.name_at)

    def string(self, table, at):
        start = table.offset + at
        return self.data[start:self.data.index(b'\0', start)].decode()

    def content(self, section):
        if section.type == SHT_NOBITS:
            return b''
        return self.data[section.offset:section.offset + section.size]

    def section(self, name):
        for s in self.sections:
            if s.name == name:
                return s
        return None

    def symbols(self, kind=SHT_SYMTAB):
        for table in (s for s in self.sections if s.type == kind):
            raw = self.content(table)
            strings = self.sections[table.link]
            for at in range(0, len(raw), 24):
                name_at, = struct.unpack_from('<I', raw, at)
                yield Symbol(raw[at:at + 24], self.string(strings, name_at))

    def relocations(self, section):
        return [Relocation(*entry)
                for entry in RELA.iter_unpack(self.content(section))]

    def image(self):
        """The bytes of all allocated sections, as objcopy -O binary has them
        for a file linked at any address: (lowest address, bytearray)."""
        parts = [s for s in self.sections
                 if s.allocated() and s.type != SHT_NOBITS and s.size]
        base = min(s.address for s in parts)
        flat = bytearray(max(s.address + s.size for s in parts) - base)
        for s in parts:
            at = s.address - base
            flat[at:at + s.size] = self.content(s)
        return base, flat
