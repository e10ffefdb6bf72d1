#!/usr/bin/env python3
"""Make the kernel's symbol table from `nm -n` on standard input.

Writes assembly that defines the arrays of kernel/symbols.h. Functions only;
aliases of one address keep the first global name; an entry with an empty name
ends the text.
"""
import sys

NAMELESS = ("$", ".L")


def read_symbols(lines):
    symbols = {}
    end = None
    for line in lines:
        fields = line.split()
        if len(fields) != 3:
            continue
        address, kind, name = int(fields[0], 16), fields[1], fields[2]
        if name == "text_end":
            end = address
        if kind not in "tT" or name.startswith(NAMELESS):
            continue
        if name in ("text_start", "text_end", "head_end"):
            continue
        if address not in symbols or kind == "T":
            symbols.setdefault(address, name)
    table = sorted(symbols.items())
    if end is not None:
        table.append((end, ""))
    return table


def main():
    table = read_symbols(sys.stdin)
    steps, last = [], 0
    for address, name in table:
        if address % 2 or address - last >= 1 << 17:
            sys.exit("symbols: %s at %#x: half the step from %#x has no 16 "
                     "bits" % (name or "the end of the text", address, last))
        steps.append((address - last) // 2)
        last = address
    out = ['\t.section .symbols, "a"', "\t.balign 2"]

    def array(label, values):
        out.append(f"\t.globl {label}\n{label}:")
        out.extend(f"\t.half {v}" for v in values)

    array("symbols_count", [len(table)])
    array("symbols_step", steps)
    out.append("\t.globl symbols_text\nsymbols_text:")
    out.extend(f'\t.asciz "{name}"' for _, name in table)
    if not table:
        out.append("\t.byte 0")
    print("\n".join(out))


main()
