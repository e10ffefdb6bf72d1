#!/usr/bin/python3
"""Checks that each header compiles alone: headers.py [FOLDER...] -- CC FLAGS...

FOLDERs say which headers (all of the project's under them; those for the
assembler only, which hold macros of its own, are left out).
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import files  # noqa: E402


def compile_alone(command, header):
    result = subprocess.run(
        command + ['-fsyntax-only', '-x', 'c', '-include', header,
                   '/dev/null'],
        cwd=files.ROOT, capture_output=True, text=True, timeout=60)
    if result.returncode == 0:
        return None
    return f'{header} does not compile alone:\n{result.stderr}'


def main(arguments):
    if '--' not in arguments:
        print('usage: headers.py [FOLDER...] -- CC FLAGS...', file=sys.stderr)
        return 64
    split = arguments.index('--')
    folders = tuple(f.rstrip('/') + '/' for f in arguments[:split])
    headers = [f for f in files.tracked()
               if f.endswith('.h') and (not folders or f.startswith(folders))
               and not files.is_assembler(f)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(
            lambda h: compile_alone(arguments[split + 1:], h), headers)
        problems = [r for r in results if r]
    for text in problems:
        print(text, file=sys.stderr)
    return 1 if problems or not headers else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
