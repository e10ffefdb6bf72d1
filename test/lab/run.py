#!/usr/bin/env python3
"""All tests of the lab. T=pattern picks cases by name, SEED= another sequence.

Last line: N passed, N failed, N skipped.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import lab as L  # noqa: E402

HERE = pathlib.Path(__file__).parent
LIMIT = 480  # seconds of one program; a hang
TAPS = ("emulator_tap", "emulator", "dnsmasq")
SUM = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)


def own_cases(module, part=""):
    """Of a module's cases all, or those of one of its PARTS."""
    done = __import__(module)
    return L.run_cases([c for c in done.CASES
                        if not part or c[1] in done.PARTS[part]],
                       os.environ.get("T"))


def as_root():
    """What goes before a command that makes taps; nothing where root is."""
    try:
        if os.geteuid() == 0 or subprocess.run(
                ["sudo", "-n", "true"], capture_output=True, check=False,
                stdin=subprocess.DEVNULL).returncode:
            return []
    except OSError:
        return []
    passed = [f"{n}={os.environ[n]}" for n in ("PATH", "BUILD", "T", "SEED",
                                               "V") if n in os.environ]
    # Nobody else could end it.
    return ["sudo", "-n", "env", "PYTHONDONTWRITEBYTECODE=1", *passed,
            "timeout", str(LIMIT - 5)]


def start(*command, before=()):
    return subprocess.Popen([*before, sys.executable, *map(str, command)],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)


def finish(name, process):
    """Another program's own count; what it printed if something failed."""
    since = time.monotonic()
    try:
        text, _ = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        text = process.communicate()[0] + f"\n{name}: over {LIMIT} s"
    found = SUM.findall(text)
    counts = tuple(map(int, found[-1])) if found else (0, 0, 0)
    if not found or process.returncode and not counts[1]:
        counts = (counts[0], counts[1] + 1, counts[2])
    print(f"{name}: {time.monotonic() - since:.0f} s", flush=True)
    if counts[1] or counts[2] or os.environ.get("V"):
        print(f"--- {name}\n{text[-6000:]}")
    return counts


def run_lane(programs):
    return [finish(name, start(*command, before=as_root()
                               if name in TAPS else ()))
            for name, *command in programs]


def main():
    if len(sys.argv) > 1:
        counts = own_cases(*sys.argv[1:])
        print("%d passed, %d failed, %d skipped" % counts)
        return counts[1] != 0
    print(f"seed {os.environ.get('SEED') or 1}", flush=True)
    words = [os.environ["T"]] if os.environ.get("T") else []
    client = L.BUILD / "tools" / "lab"
    lanes = [  # side by side: most of the time each waits for a board
        [("emulator_tap", __file__, "emulator_test", "tap"),
         ("dnsmasq", __file__, "dnsmasq_test"),
         ("client", HERE / "client_test.py", client, *words),
         ("client_labd", HERE / "client_labd_test.py", client, L.LABD,
          *words),
         ("kill", __file__, "kill_test")],
        [("daemon", __file__, "daemon_test", "even")],
        [("daemon_odd", __file__, "daemon_test", "odd")],
        [("web", HERE / "web_test.py", L.LABD, *words),
         ("emulator", __file__, "emulator_test", "rest")],
    ]
    if not words or words[0] in "sweep":
        lanes[-1].append(("sweep", HERE / "sweep.py"))
    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        total = [c for lane in pool.map(run_lane, lanes) for c in lane]
    sums = [sum(column) for column in zip(*total)]
    print("%d passed, %d failed, %d skipped" % tuple(sums))
    return sums[1] != 0


sys.exit(main())
