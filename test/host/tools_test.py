#!/usr/bin/python3
"""imgtool as a command, and the checks of the build: each must be able to
fail. Wants build/Image, build/kernel.elf, build/tools/imgtool and the cross
compiler; BUILD and CROSS_COMPILE as in the Makefile."""
import gzip
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
CHECK = os.path.join(ROOT, 'tools', 'check')
sys.path[:0] = [CHECK, os.path.join(ROOT, 'test', 'bench')]
sys.dont_write_bytecode = True
import docs  # noqa: E402
import layers  # noqa: E402
import results  # noqa: E402
from elf_file import SHT_RELA, ElfFile  # noqa: E402

BUILD = os.path.join(ROOT, os.environ.get('BUILD', 'build'))
CC = os.environ.get('CROSS_COMPILE', 'riscv64-linux-gnu-') + 'gcc'
IMGTOOL = os.path.join(BUILD, 'tools', 'imgtool')
BUNDLE = os.path.join(BUILD, 'tools', 'bundle')
IMAGE = os.path.join(BUILD, 'Image')
ELF = os.path.join(BUILD, 'kernel.elf')
DEBIAN = os.path.join(BUILD, 'debian', 'Image')
FLAGS = ['-march=rv64imac', '-mabi=lp64', '-ffreestanding', '-O2', '-c']


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def read(path):
    with open(path, 'rb') as f:
        return f.read()


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as f:
            f.write(content)
        return path


class Bundle(Folder):
    """bundle, with cpio as the other opinion."""

    def make(self, *guests):
        out = os.path.join(self.folder, 'out.cpio')
        return out, run(BUNDLE, '-o', out, *guests)

    def unpack(self, archive):
        result = subprocess.run(['cpio', '-idm', '--quiet'], timeout=60,
                                input=read(archive), cwd=self.folder,
                                capture_output=True)
        self.assertEqual((result.returncode, result.stderr), (0, b''))

    def refused(self, text, *guests, status=1):
        out, result = self.make(*guests)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(text, result.stderr)
        self.assertFalse(os.path.exists(out))

    def test_cpio_reads_what_it_writes(self):
        initrd = self.file('files,with=comma', b'odd!!')
        out, result = self.make(
            f'a:image={IMAGE},initrd={initrd},memory=64M,vcpus=3',
            f'b:image={IMAGE},bootargs=console=ttyS0,115200 quiet,'
            'autostart=no')
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        self.unpack(out)
        guests = os.path.join(self.folder, 'guests')
        self.assertEqual(read(os.path.join(guests, 'a', 'Image')),
                         read(IMAGE))
        self.assertEqual(read(os.path.join(guests, 'a', 'initrd')), b'odd!!')
        self.assertEqual(read(os.path.join(guests, 'a', 'config')),
                         b'memory = 64M\nvcpus = 3\n')
        self.assertEqual(read(os.path.join(guests, 'b', 'config')),
                         b'bootargs = console=ttyS0,115200 quiet\n'
                         b'autostart = no\n')

    def test_it_reads_what_cpio_writes(self):
        for name in 'ab':
            os.makedirs(os.path.join(self.folder, 'guests', name))
        image = self.file('guests/a/Image', gzip.compress(read(IMAGE)))
        os.link(image, os.path.join(self.folder, 'guests/b/Image'))
        self.file('guests/b/config', b'bootargs = "x y"\n')
        names = run('find', self.folder, '-mindepth', '1', '-printf',
                    './%P\n').stdout
        packed = subprocess.run(['cpio', '-o', '-H', 'newc', '--quiet'],
                                input=names.encode(), cwd=self.folder,
                                capture_output=True, timeout=60)
        path = self.file('by-hand.cpio', packed.stdout)
        result = run(BUNDLE, '-l', path)
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        for line in ('a: 256 MiB, 1 vcpu, autostart yes, Image',
                     'b: 256 MiB, 1 vcpu, autostart yes, Image',
                     '(gzip), bootargs ""x y""'):
            self.assertIn(line, result.stdout)

    def test_an_image_alone_is_listed(self):
        result = run(BUNDLE, '-l', IMAGE)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('linux: 256 MiB, 1 vcpu', result.stdout)

    def test_quotes_keep_a_value_together(self):
        out, result = self.make(f'a:image={IMAGE},bootargs="x,memory=1M",'
                                'vcpus=2')
        self.assertEqual(result.returncode, 0, result.stderr)
        listed = run(BUNDLE, '-l', out).stdout
        self.assertIn('256 MiB, 2 vcpus', listed)
        self.assertIn('bootargs "x,memory=1M"', listed)

    def test_what_the_kernel_refuses_is_not_written(self):
        junk = self.file('junk', b'no kernel at all' * 10)
        torn = self.file('torn.gz', gzip.compress(read(IMAGE))[:-9])
        good = f'image={IMAGE}'
        self.refused('guest a: refused, Image: not a RISC-V Image',
                     f'a:image={junk}')
        self.refused('gzip data is cut short', f'a:image={torn}')
        self.refused('guests/a/config: line 1: memory is not a multiple',
                     f'a:{good},memory=3M')
        self.refused("more than the guest's memory", f'a:{good},memory=2M')
        self.refused("a guest's name is 1 to 31", f'a.b:{good}')
        self.refused('guests/a/Image: is there twice', f'a:{good}',
                     f'a:{good}')
        self.refused('control character', f'a:{good},bootargs=a\x1bb')
        self.refused('a line break in a value', f'a:{good},bootargs="x\n'
                     'autostart = no"', status=64)

    def test_wrong_usage_is_told(self):
        good = f'image={IMAGE}'
        self.refused("no ':'", 'a', status=64)
        self.refused('no image=FILE', 'a:vcpus=1', status=64)
        self.refused('unknown key', f'a:{good}', f'b:cpus=1,{good}',
                     status=64)
        self.refused('a key is there twice', f'a:{good},{good}', status=64)
        self.refused('a quote is not closed', f'a:{good},bootargs="x',
                     status=64)
        self.refused('something follows a closing quote',
                     f'a:{good},bootargs="x"y', status=64)
        self.refused('No such file', 'a:image=/nowhere', status=2)
        self.refused('not a regular file', 'a:image=/', status=2)
        self.assertEqual(run(BUNDLE).returncode, 64)
        self.assertEqual(run(BUNDLE, '-o', 'x').returncode, 64)
        self.assertEqual(run(BUNDLE, '--help').returncode, 0)


class Initramfs(Folder):
    def test_cpio_lists_what_is_in_it(self):
        busybox = self.file('busybox', b'binary')
        out = os.path.join(self.folder, 'out.cpio')
        script = os.path.join(ROOT, 'tools', 'setup', 'initramfs.py')
        result = run(sys.executable, script, busybox, out)
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(out, 'rb') as archive:
            listed = subprocess.run(['cpio', '-itv', '--quiet'],
                                    stdin=archive, capture_output=True,
                                    text=True, timeout=60)
        self.assertEqual((listed.returncode, listed.stderr), (0, ''))
        for pattern in (r'-rwxr-xr-x .* bin/busybox\n', r'-rwxr-xr-x .* init\n',
                        r'crw------- .* 5, +1 .* dev/console\n',
                        r'-rw-r--r-- .* etc/inittab\n'):
            self.assertRegex(listed.stdout, pattern)


class Imgtool(Folder):
    def test_our_image_is_good(self):
        result = run(IMGTOOL, 'info', IMAGE)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn('ok    they can be applied', result.stdout)
        self.assertIn(' 0 of other types', result.stdout)

    def test_debians_kernel_is_good(self):
        if not os.path.exists(DEBIAN):
            self.skipTest('no Debian kernel here')
        result = run(IMGTOOL, 'info', DEBIAN)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn('relocations: not recorded', result.stdout)
        self.assertIn('EFI application', result.stdout)
        self.assertRegex(result.stdout, r'\.text .* r-x')

    def test_a_packed_image_is_good(self):
        path = self.file('Image.gz', gzip.compress(read(IMAGE)))
        result = run(IMGTOOL, 'info', path)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn('(gzip: ', result.stdout)

    def test_a_bad_image_ends_in_1(self):
        bent = bytearray(read(IMAGE))
        bent[16:24] = bytes(8)
        path = self.file('bent', bytes(bent))
        result = run(IMGTOOL, 'info', path)
        self.assertEqual(result.returncode, 1)
        self.assertIn('FAIL  image_size is given', result.stdout)
        # The worst of several files counts.
        self.assertEqual(run(IMGTOOL, 'info', path, IMAGE).returncode, 1)

    def test_no_file_ends_in_2_and_no_sense_in_64(self):
        self.assertEqual(run(IMGTOOL, 'info', '/nonexistent').returncode, 2)
        for wrong in ([], ['info'], ['relocate', IMAGE], ['bake', IMAGE],
                      ['relocate', IMAGE, '--at', '0x80200800'],
                      ['relocate', IMAGE, '--at', '80200000x'],
                      ['relocate', IMAGE, '--at', '-4096'],
                      ['relocate', IMAGE, '--at', '0xfffffffffffff000']):
            self.assertEqual(run(IMGTOOL, *wrong).returncode, 64, wrong)

    def test_relocate_writes_the_words_of_the_table(self):
        out = os.path.join(self.folder, 'out')
        base = 0xffffffff9a3c5000
        result = run(IMGTOOL, 'relocate', IMAGE, '--at', hex(base), '-o', out)
        self.assertEqual(result.returncode, 0, result.stderr)
        image, moved = bytearray(read(IMAGE)), read(out)
        start, end = struct.unpack_from('<II', image, 64 + 48)
        count = 0
        for at in range(start, end, 24):
            offset, kind, addend = struct.unpack_from('<QQQ', image, at)
            if kind == 3:
                word = (base + addend) % (1 << 64)
                struct.pack_into('<Q', image, offset, word)
                count += 1
        self.assertGreater(count, 10)
        self.assertEqual(bytes(image), moved)

    def test_relocate_reports_the_entry(self):
        bent = bytearray(read(IMAGE))
        start, = struct.unpack_from('<I', bent, 64 + 48)
        struct.pack_into('<Q', bent, start + 24 * 3 + 8, 5)
        path = self.file('bent', bytes(bent))
        result = run(IMGTOOL, 'relocate', path, '--at', '0x1000')
        self.assertEqual(result.returncode, 1)
        self.assertIn('entry 3 (type 0x5', result.stderr)
        self.assertEqual(os.listdir(self.folder), ['bent'])


class ElfCheck(Folder):
    """tools/check/elf.py over the kernel, and over kernels bent here."""

    def bent(self, change):
        elf = ElfFile(ELF)
        data = bytearray(elf.data)
        change(elf, data)
        path = self.file('bent.elf', bytes(data))
        return run(os.path.join(CHECK, 'elf.py'), path)

    def complains(self, change, text):
        result = self.bent(change)
        self.assertEqual(result.returncode, 1, text)
        self.assertIn(text, result.stderr)

    @staticmethod
    def entry(elf):
        return next(s for s in elf.sections
                    if s.type == SHT_RELA and s.allocated()).offset + 24

    @staticmethod
    def symbol_at(elf, name):
        table = elf.section('.symtab')
        for i, symbol in enumerate(elf.symbols()):
            if symbol.name == name:
                return table.offset + 24 * i
        raise AssertionError(name)

    def test_the_kernel_is_good(self):
        result = self.bent(lambda elf, data: None)
        self.assertEqual((result.returncode, result.stderr), (0, ''))

    def test_another_relocation_type(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<Q', data, self.entry(elf) + 8, 2 | 1 << 32), 'R_RISCV_64')

    def test_a_misaligned_word(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<Q', data, self.entry(elf),
            elf.section('.data').address + 4), 'not aligned')

    def test_a_word_in_code(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<Q', data, self.entry(elf),
            elf.section('.text').address), 'lies in code')

    def test_a_word_in_bss(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<Q', data, self.entry(elf),
            elf.section('.bss').address + 8), 'is not in the file')

    def test_a_word_in_the_table(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<Q', data, self.entry(elf),
            elf.section('.rela.dyn').address), 'lies in .rela.dyn')

    def test_an_addend_out_of_the_image(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<q', data, self.entry(elf) + 16, -8), 'points out of the image')

    def test_an_undefined_symbol(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<BBH', data, self.symbol_at(elf, 'kernel_main') + 4, 0x12, 0, 0),
            'undefined symbol kernel_main')

    def test_a_weak_undefined_symbol(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<BBH', data, self.symbol_at(elf, 'kernel_main') + 4, 0x22, 0, 0),
            'undefined weak symbol kernel_main')

    def test_an_absolute_symbol(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<H', data, self.symbol_at(elf, 'kernel_main') + 6, 0xfff1),
            'absolute symbol kernel_main would slide')

    def test_a_header_that_is_not_there(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<I', data, elf.section('.head').offset + 56, 0),
            'no Image header at offset 0')

    def test_a_wrong_image_size(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<Q', data, elf.section('.head').offset + 16, 4096),
            'image_size is not image_end')

    def test_a_wrong_image_table(self):
        self.complains(lambda elf, data: struct.pack_into(
            '<I', data, elf.section('.head').offset + 64 + 16, 4096),
            'image table is not what the symbols say')

    def test_a_writable_and_executable_section(self):
        def change(elf, data):
            index = elf.sections.index(elf.section('.text'))
            at, = struct.unpack_from('<Q', data, 40)
            struct.pack_into('<Q', data, at + 64 * index + 8, 7)
        self.complains(change, 'writable and executable')

    def test_a_file_that_is_no_elf(self):
        path = self.file('x', b'nothing')
        result = run(os.path.join(CHECK, 'elf.py'), path)
        self.assertEqual(result.returncode, 1)


class EarlyCheck(Folder):
    """tools/check/early.py over code that must not run before relocation."""

    def compiled(self, name, text, *flags):
        path = self.file(name, text.encode())
        out = path + '.o'
        subprocess.run([CC, *FLAGS, *flags, path, '-o', out], check=True,
                       timeout=60)
        return out

    def judge(self, *objects):
        return run(os.path.join(CHECK, 'early.py'), *objects)

    def test_relative_code_is_good(self):
        result = self.judge(self.compiled(
            'a.c', 'static int x; int f(void) { return x++; }',
            '-mcmodel=medany', '-fno-pic'))
        self.assertEqual((result.returncode, result.stderr), (0, ''))

    def test_absolute_code(self):
        result = self.judge(self.compiled(
            'a.c', 'static int x; int f(void) { return x++; }',
            '-mcmodel=medlow', '-fno-pic'))
        self.assertEqual(result.returncode, 1)
        self.assertIn('R_RISCV_HI20', result.stderr)

    def test_code_through_the_got(self):
        result = self.judge(self.compiled(
            'a.c', 'extern int x; int f(void) { return x++; }', '-fPIC'))
        self.assertEqual(result.returncode, 1)
        self.assertIn('R_RISCV_GOT_HI20 x', result.stderr)

    def test_a_table_of_pointers(self):
        result = self.judge(self.compiled(
            'a.c', 'extern int x, y; int *const t[] = { &x, &y };\n'
            'int *f(int i) { return t[i]; }', '-mcmodel=medany', '-fno-pic'))
        self.assertEqual(result.returncode, 1)
        self.assertIn('R_RISCV_64 x', result.stderr)

    def test_a_call_out(self):
        source = 'void g(void); void f(void) { g(); g(); }'
        alone = self.compiled('a.c', source, '-mcmodel=medany', '-fno-pic')
        result = self.judge(alone)
        self.assertEqual(result.returncode, 1)
        self.assertIn('calls g', result.stderr)
        other = self.compiled('b.c', 'void g(void) {}', '-mcmodel=medany',
                              '-fno-pic')
        self.assertEqual(self.judge(alone, other).returncode, 0)


class LayerCheck(unittest.TestCase):
    KNOWN = {'lib/range.h', 'kernel/mm/page.h', 'kernel/mm/page.c',
             'arch/riscv/csr.h', 'arch/mmu.h', 'drivers/uart/8250.h',
             'kernel/guest/vm.h', 'kernel/mm/page_priv.h'}

    def problems(self, path, text):
        return ' '.join([*layers.include_problems(path, text, self.KNOWN),
                         *layers.style_problems(path, text)])

    def test_what_goes_down_is_good(self):
        self.assertEqual(self.problems(
            'kernel/mm/page.c', '#include "kernel/mm/page.h"\n'
            '#include "arch/mmu.h"\n#include "lib/range.h"\n'), '')

    def test_what_goes_up_is_not(self):
        for path, target in (('lib/range.c', 'kernel/mm/page.h'),
                             ('kernel/main.c', 'drivers/uart/8250.h'),
                             ('kernel/main.c', 'arch/riscv/csr.h'),
                             ('arch/mmu.h', 'kernel/mm/page.h'),
                             ('drivers/a/a.c', 'arch/riscv/csr.h')):
            self.assertIn('must not include', self.problems(
                path, f'#pragma once\n#include "lib/range.h"\n'
                f'#include "{target}"\n'), path)

    def test_pure_code_reads_no_csr(self):
        self.assertIn('tested on the host', self.problems(
            'arch/riscv/mm/pagetable.c', '#include "arch/riscv/csr.h"\n'))

    def test_guests_private_parts_and_trees_have_their_users(self):
        for target, text in (('"kernel/guest/vm.h"', 'only guest code'),
                             ('"kernel/mm/page_priv.h"', 'is private'),
                             ('"libfdt.h"', 'only kernel/fdt'),
                             ('<libfdt.h>', 'only kernel/fdt'),
                             ('"page.h"', 'not a path from the root')):
            self.assertIn(text, self.problems('drivers/uart/x.c',
                                              f'#include {target}\n'))

    def test_what_a_grep_sees(self):
        self.assertIn('#if in a .c', self.problems('lib/a.c', '#ifdef X\n'))
        self.assertIn('extern', self.problems('lib/a.c', 'extern int x;\n'))
        self.assertIn('#pragma once', self.problems('lib/a.h', 'int x;\n'))
        self.assertIn('its own header first', self.problems(
            'kernel/mm/page.c', '#include "lib/range.h"\n'
            '#include "kernel/mm/page.h"\n'))
        self.assertEqual(self.problems('lib/a.c', '#ifdef DEBUG\n'), '')


class Results(Folder):
    def test_each_part_leaves_the_other(self):
        path = os.path.join(self.folder, 'bench.json')
        results.keep(self.folder, lab={'a': 1})
        results.keep(self.folder, qemu='10', figures={'b': 2})
        results.keep(self.folder, lab={'a': 3})
        with open(path) as f:
            self.assertEqual(json.load(f), {
                'lab': {'a': 3}, 'qemu': '10', 'figures': {'b': 2}})

    def test_a_torn_file_is_replaced(self):
        with open(os.path.join(self.folder, 'bench.json'), 'w') as f:
            f.write('{"lab": ')
        results.keep(self.folder, lab={})
        self.assertEqual(read(os.path.join(self.folder, 'bench.json')),
                         b'{\n "lab": {}\n}\n')


class DocsCheck(unittest.TestCase):
    def test_braces_are_opened(self):
        self.assertEqual(docs.braces('lib/{image,range}.h'),
                         ['lib/image.h', 'lib/range.h'])

    def test_paths_are_looked_for(self):
        self.assertFalse(docs.missing('lib/image.h'))
        self.assertFalse(docs.missing('test/host/*_test.c'))
        self.assertTrue(docs.missing('lib/no_such_file.h'))


if __name__ == '__main__':
    unittest.main(verbosity=int(os.environ.get('V') or 1))
