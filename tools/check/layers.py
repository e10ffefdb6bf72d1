#!/usr/bin/python3
"""Checks who includes whom, and the rules that a grep can see.

Layers (docs/tour.md): lib <- arch/*.h <- kernel <- {drivers, arch/riscv}.
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import files  # noqa: E402

# Who (the first that fits) may include what, by prefix; itself always. Tests
# and the lab's C tests may include anything.
ALLOWED = (
    ('lib/', ()),
    ('arch/riscv/', ('lib/', 'arch/', 'kernel/')),
    ('arch/', ('lib/',)),
    ('kernel/', ('lib/', 'arch/*.h')),
    ('drivers/', ('lib/', 'arch/*.h', 'kernel/')),
    ('tools/imgtool/', ('lib/', 'arch/riscv/boot/relocate.h')),
    # It judges bundles by the kernel's own code.
    ('tools/bundle/', ('lib/', 'kernel/guest/bundle.h',
                       'kernel/guest/loader.h')),
    ('tools/', ('lib/', 'tools/')),
    ('test/', ('',)),
)
# No CSR, so that the host can run it. A trailing dot ends the module's name.
PURE = ('arch/riscv/boot/relocate.', 'arch/riscv/boot/layout.',
        'arch/riscv/mm/pte.', 'arch/riscv/mm/pagetable.',
        'arch/riscv/guest/decode.')
CSR_HEADERS = ('arch/riscv/csr.h', 'arch/riscv/cpu.h')
# The only code that knows of guests.
GUEST_USERS = ('kernel/guest/', 'arch/riscv/guest/', 'arch/riscv/trap.',
               'arch/riscv/asm-offsets.c', 'kernel/main.c', 'kernel/shell.c',
               'kernel/selftests.c', 'arch/riscv/selftests.c', 'tools/bundle/',
               'test/')
FDT_USERS = ('kernel/fdt/', 'kernel/guest/', 'test/')

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)
CONDITION = re.compile(r'^\s*#\s*(?:if|ifdef|ifndef)\b(.*)', re.M)


def fits(target, rule):
    if rule.endswith('*.h'):
        return os.path.dirname(target) + '/' == rule[:-3]
    return target.startswith(rule)


def layer_problem(path, target):
    for prefix, allowed in ALLOWED:
        if path.startswith(prefix):
            if target.startswith(prefix) or any(fits(target, rule)
                                                for rule in allowed):
                return None
            return f'{prefix[:-1]} must not include {target}'
    return None


def rule_problems(path, target):
    yield layer_problem(path, target)
    if path.startswith(PURE) and target in CSR_HEADERS:
        yield f'is tested on the host, must not include {target}'
    if '/guest/' in target and not path.startswith(GUEST_USERS):
        yield f'only guest code, the trap entry and main include {target}'
    if target.endswith('_priv.h') and \
            os.path.dirname(target) != os.path.dirname(path):
        yield f'{target} is private to its folder'


def include_problems(path, text, known):
    first = None
    for kind, target in INCLUDE.findall(text):
        first = first or target
        if kind == '<':
            if target.startswith('libfdt') and not path.startswith(FDT_USERS):
                yield f'only kernel/fdt reads device trees, not <{target}>'
            continue
        if target.startswith('libfdt'):
            if not path.startswith(FDT_USERS):
                yield f'only kernel/fdt reads device trees, not "{target}"'
            continue
        # Made from asm-offsets.c; its path is from build/include.
        if target == 'arch/riscv/asm-offsets.h':
            continue
        if target not in known:
            yield f'"{target}" is not a path from the root'
        yield from (p for p in rule_problems(path, target) if p)
    own = path[:-1] + 'h'
    if path.endswith('.c') and own in known and first != own:
        yield f'does not include its own header first ({own})'


def style_problems(path, text):
    if path.endswith('.h') and not re.search(r'^#pragma once$', text, re.M):
        yield 'has no #pragma once'
    if not path.endswith('.c') or path.startswith('test/'):
        return
    for condition in CONDITION.findall(text):
        if 'DEBUG' not in condition:
            yield f'#if in a .c file:{condition}'
    if re.search(r'^extern\b', text, re.M):
        yield 'extern in a .c file'


def main():
    known = set(files.tracked())
    bad = 0
    for path in sorted(known):
        if not path.endswith(('.c', '.h', '.S')):
            continue
        text = files.read(path)
        problems = list(include_problems(path, text, known))
        problems += style_problems(path, text)
        for problem in problems:
            print(f'{path}: {problem}', file=sys.stderr)
            bad += 1
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
