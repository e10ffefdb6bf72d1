#!/usr/bin/python3
"""Run libFuzzer targets: run.py INPUTS TARGET...

Each gets a corpus of its own under build/fuzz, started from the project's
device trees and images, and SEED. What it finds is kept and named. Closes with
`N passed, N failed, N skipped`.
"""
import glob
import gzip
import os
import struct
import subprocess
import sys

BUILD = os.environ.get("BUILD", "build")
SEEDS = {
    "fdt_fuzz": ["dtbs-qemu/*.dtb", "debian/dtbs/*/*.dtb"],
    "imgtool_fuzz": ["Image"],
}
# A device tree of a board is at most this long; more is the same again.
MAX_LENGTH = {"fdt_fuzz": 70000, "imgtool_fuzz": 200000, "bundle_fuzz": 4096}


def newc(name, data):
    """One entry of a cpio archive."""
    fields = (7, 0o100644, 0, 0, 2, 0, len(data), 0, 8, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + name + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def bundles():
    """Small bundles with everything in them that the readers know."""
    image = struct.pack("<IIQQQIIQQII", 0x6f, 0, 1 << 21, 1 << 20, 0, 2, 0, 0,
                        0x5643534952, 0x05435352, 0) + b"code" * 20
    config = (b"# a guest\nmemory = 64M\nvcpus = 4\nautostart = no\n"
              b"bootargs = console=ttyS0 \"a b\"\n")
    end = newc(b"TRAILER!!!", b"")
    for kernel in (image, gzip.compress(image, mtime=0)):
        yield kernel
        yield newc(b"guests/a/Image", kernel) + end
        yield (newc(b"./guests/a/config", config) +
               newc(b"guests/a/Image", b"") + newc(b"guests/a/initrd", b"x") +
               newc(b"guests/b/Image", kernel) + end)
    yield config


def seed_corpus(name, folder):
    os.makedirs(folder, exist_ok=True)
    for pattern in SEEDS.get(name, []):
        for path in glob.glob(os.path.join(BUILD, pattern)):
            with open(path, "rb") as source:
                data = source.read(MAX_LENGTH[name])
            with open(os.path.join(folder, os.path.basename(path)),
                      "wb") as target:
                target.write(data)
    if name == "bundle_fuzz":
        for number, data in enumerate(bundles()):
            with open(os.path.join(folder, f"seed-{number}"), "wb") as target:
                target.write(data)


def run(target, inputs):
    name = os.path.basename(target)
    corpus = os.path.join(BUILD, "fuzz", name + ".corpus")
    seed_corpus(name, corpus)
    command = [target, corpus, f"-runs={inputs}", "-timeout=10",
               f"-max_len={MAX_LENGTH.get(name, 65536)}", "-rss_limit_mb=2048",
               f"-seed={os.environ.get('SEED') or 1}", "-print_final_stats=1",
               f"-artifact_prefix={os.path.join(BUILD, 'fuzz', name)}-"]
    result = subprocess.run(command, capture_output=True, text=True,
                            errors="replace", timeout=120 + int(inputs) // 50)
    executed = [line.split()[-1] for line in result.stderr.splitlines()
                if "number_of_executed_units" in line]
    good = result.returncode == 0 and executed and int(executed[0]) > 0
    print(f"{'ok  ' if good else 'FAIL'} {name}: "
          f"{executed[0] if executed else 0} inputs")
    if not good:
        print(" ".join(command))
        print("\n".join(result.stderr.splitlines()[-30:]))
    return bool(good)


def main():
    inputs, targets = sys.argv[1], sys.argv[2:]
    good = sum(run(target, inputs) for target in targets)
    print(f"{good} passed, {len(targets) - good} failed, 0 skipped")
    return 0 if targets and good == len(targets) else 1


sys.exit(main())
