#!/usr/bin/python3
"""Run libFuzzer targets: run.py INPUTS TARGET...

Each gets a corpus of its own under build/fuzz, started from the project's
device trees and images, and SEED. What it finds is kept and named. Closes with
`N passed, N failed, N skipped`.
"""
import glob
import os
import subprocess
import sys

BUILD = os.environ.get("BUILD", "build")
SEEDS = {
    "fdt_fuzz": ["dtbs-qemu/*.dtb", "debian/dtbs/*/*.dtb"],
    "imgtool_fuzz": ["Image"],
}
# A device tree of a board is at most this long; more is the same again.
MAX_LENGTH = {"fdt_fuzz": 70000, "imgtool_fuzz": 200000}


def seed_corpus(name, folder):
    os.makedirs(folder, exist_ok=True)
    for pattern in SEEDS.get(name, []):
        for path in glob.glob(os.path.join(BUILD, pattern)):
            with open(path, "rb") as source:
                data = source.read(MAX_LENGTH[name])
            with open(os.path.join(folder, os.path.basename(path)),
                      "wb") as target:
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
