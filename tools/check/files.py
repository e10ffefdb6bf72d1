"""The files of the project: what git knows, or without git what is there."""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def tracked():
    """Paths from the root, sorted; new files that git would add as well."""
    try:
        out = subprocess.run(
            ['git', '-C', ROOT, 'ls-files', '-z', '--cached', '--others',
             '--exclude-standard'], capture_output=True, check=True).stdout
        found = out.decode().split('\0')[:-1]
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, inside, names in os.walk(ROOT):
            inside[:] = [d for d in inside if d not in (
                'build', '.git', '__pycache__', 'node_modules')]
            found += [os.path.relpath(os.path.join(folder, n), ROOT)
                      for n in names]
    return sorted(f for f in set(found)
                  if os.path.isfile(os.path.join(ROOT, f)))


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as f:
        return f.read()


def is_assembler(path):
    """Whether a header is for the assembler alone: directives, not C."""
    return re.search(r'^\s*\.(macro|globl|balign)\b', read(path),
                     re.M) is not None
