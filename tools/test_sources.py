#!/usr/bin/env python3
"""Print make rules for host tests: test_sources.py BUILD TEST.c...

With --plain TEST.c: just the sources it names.

A test says at its head which sources it links besides itself:
    /* Sources: kernel/mm/memmap.c lib/range.c libfdt */
`libfdt` stands for all of it: the oracle of the device-tree tests.
"""
import re
import sys

LIBFDT = ("fdt.c", "fdt_ro.c", "fdt_rw.c", "fdt_sw.c",
          "fdt_wip.c", "fdt_strerror.c", "fdt_addresses.c",
          "fdt_empty_tree.c")


def objects(build, test):
    text = open(test, encoding="utf-8").read()
    found = re.search(r"Sources:(.*?)\*/", text, re.S)
    if not found:
        sys.exit(f"{test}: no Sources: comment at its head")
    names = [test]
    for word in found.group(1).replace("*", " ").split():
        names.extend(LIBFDT if word == "libfdt" else [word])
    return [f"{build}/host/{name}.o" for name in names]


def main():
    if sys.argv[1] == "--plain":
        names = objects("", sys.argv[2])[1:]
        print(" ".join(name[len("/host/"):-len(".o")] for name in names))
        return
    build, tests = sys.argv[1], sys.argv[2:]
    for test in tests:
        name = test.split("/")[-1][:-2]
        print(f"{build}/host/{name}: " + " ".join(objects(build, test)))


main()
