#!/usr/bin/python3
"""Checks that every C file is as clang-format leaves it; --fix makes it so."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import files  # noqa: E402


def main(arguments):
    # Macros for the assembler are no C that clang-format could read.
    sources = [f for f in files.tracked() if f.endswith(('.c', '.h'))
               and not files.is_assembler(f)]
    how = ['-i'] if arguments == ['--fix'] else ['--dry-run', '-Werror']
    return subprocess.run(['clang-format', *how, *sources],
                          cwd=files.ROOT).returncode


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
