#!/usr/bin/env python3
"""Print make rules for host tests: test_sources.py BUILD TEST.c...

With --plain TEST.c: just the sources it names.

A test says at its head which sources it links besides itself:
    /* Sources: kernel/mm/memmap.c lib/range.c libfdt */
`libfdt`, `zlib` and `sodium` stand for what is used of the fetched libraries.
"""
import os
import re
import sys

# Words that stand for several files, and the folders these lie in under BUILD.
LIBRARIES = {
    "libfdt": ("libfdt", ("fdt.c", "fdt_ro.c", "fdt_rw.c", "fdt_sw.c",
                          "fdt_wip.c", "fdt_strerror.c", "fdt_addresses.c",
                          "fdt_empty_tree.c")),
    "zlib": ("zlib", ("infback.c", "inffast.c", "inftrees.c")),
    "sodium": ("sodium", ("crypto_core/hchacha20/core_hchacha20.c",
                          "crypto_stream/chacha20/ref/chacha20_ref.c")),
}


def sources(test):
    """The (folder, file) pairs of what the test links; no folder: the root."""
    text = open(test, encoding="utf-8").read()
    found = re.search(r"Sources:(.*?)\*/", text, re.S)
    if not found:
        sys.exit(f"{test}: no Sources: comment at its head")
    for word in found.group(1).replace("*", " ").split():
        folder, files = LIBRARIES.get(word, ("", (word,)))
        for name in files:
            yield folder, name


def main():
    if sys.argv[1] == "--plain":
        build = os.environ.get("BUILD", "build")
        print(" ".join(f"{build}/{folder}/{name}" if folder else name
                       for folder, name in sources(sys.argv[2])))
        return
    build, tests = sys.argv[1], sys.argv[2:]
    for test in tests:
        name = test.split("/")[-1][:-2]
        linked = [test] + [source for _, source in sources(test)]
        print(f"{build}/host/{name}: " +
              " ".join(f"{build}/host/{source}.o" for source in linked))


main()
