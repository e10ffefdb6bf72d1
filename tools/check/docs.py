#!/usr/bin/python3
"""Checks that what the documents name is there: code by path, other pages."""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import files  # noqa: E402

TOP = ('arch', 'kernel', 'drivers', 'lib', 'tools', 'test', 'docs')
CODE = re.compile(r'`([^`\n]+)`')
LINK = re.compile(r'\]\(([^)#\s]+)[^)]*\)')
# A path of the project, by its first folder; build/ is made, not kept.
PATH = re.compile(r'(?:%s)/[\w./*{},+-]*' % '|'.join(TOP))
FENCE = re.compile(r'^```.*?^```', re.M | re.S)


def braces(path):
    """a/{b,c}.h -> a/b.h, a/c.h"""
    found = re.search(r'\{([^{}]*)\}', path)
    if not found:
        return [path]
    return [p for part in found.group(1).split(',')
            for p in braces(path[:found.start()] + part +
                            path[found.end():])]


def missing(path, base=''):
    full = os.path.join(files.ROOT, base, path.rstrip('.,/'))
    return not glob.glob(full)


def page_problems(page):
    text = FENCE.sub('', files.read(page))
    for code in CODE.findall(text):
        word = (code.split(':')[0].split() or [''])[0]
        if not PATH.fullmatch(word):
            continue
        for path in braces(word):
            if missing(path):
                yield f'names {path}, which is not there'
    for link in LINK.findall(text):
        if '://' not in link and not link.startswith('mailto:') and \
                missing(link, os.path.dirname(page)):
            yield f'links to {link}, which is not there'


def main():
    bad = 0
    for page in (f for f in files.tracked() if f.endswith('.md')):
        for problem in page_problems(page):
            print(f'{page}: {problem}', file=sys.stderr)
            bad += 1
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
