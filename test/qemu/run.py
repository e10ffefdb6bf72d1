#!/usr/bin/python3
"""Boot the kernel in the emulator, in every way that we promise.

usage: run.py [--list] [-j N]
Environment: BUILD=dir (default build/ of this project), T=pattern (a part of
the name, or a glob), SEED=n, QEMU=path, V=1 (show each as it passes).
The last line is `N passed, N failed, N skipped`; non-zero if any failed. A
failing one shows why, the end of its console and the line to repeat it by.
"""

import argparse
import fnmatch
import os
import queue
import shlex
import signal
import sys
import threading
import time
import traceback

sys.dont_write_bytecode = True

import bundles  # noqa: E402
import consoles  # noqa: E402
import faults  # noqa: E402
import guests  # noqa: E402
import handover  # noqa: E402
import linux_guests  # noqa: E402
import memory_dump  # noqa: E402
import payloads  # noqa: E402
import scenarios  # noqa: E402
import uboot  # noqa: E402
from context import context_from_environment  # noqa: E402
from session import Failed, Skipped, kill_all  # noqa: E402

SOURCES = (scenarios, uboot, faults, memory_dump, linux_guests, guests,
           bundles, payloads, consoles, handover)


class Report:
    """Counts and words, one scenario at a time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.count = {"passed": 0, "failed": 0, "skipped": 0}
        self.verbose = os.environ.get("V") == "1"

    def add(self, verdict, name, why, seconds, sessions):
        with self.lock:
            self.count[verdict] += 1
            if verdict == "failed":
                print("FAIL %s: %s" % (name, why))
                for session in sessions:
                    print("  " + shlex.join(session.argv))
                    print(session.tail())
            elif verdict == "skipped":
                print("SKIP %s: %s" % (name, why))
            elif self.verbose:
                print("PASS %s (%.1f s)" % (name, seconds))
            sys.stdout.flush()


def run_one(context, report, name, function):
    """One scenario; whatever it started has ended when this returns."""
    context.local.sessions, context.local.name = [], name
    started = time.monotonic()
    why = ""
    try:
        function(context)
        verdict = "passed"
    except Skipped as reason:
        verdict, why = "skipped", str(reason)
    except Failed as reason:
        verdict, why = "failed", str(reason)
    except Exception:  # a defect of the test, shown whole
        verdict, why = "failed", traceback.format_exc()
    finally:
        for session in context.local.sessions:
            session.close()
    report.add(verdict, name, why, time.monotonic() - started,
               context.local.sessions)


def worker(context, report, todo):
    while True:
        try:
            name, function = todo.get_nowait()
        except queue.Empty:
            return
        run_one(context, report, name, function)


def chosen(pattern, names):
    if not pattern:
        return names
    return [(name, f) for name, f in names
            if pattern in name or fnmatch.fnmatch(name, pattern)]


def interrupted(number, frame):
    kill_all()
    os._exit(128 + number)


def run_all(context, cells, jobs):
    """Run [(name, function)] on `jobs` threads; the Report."""
    report, todo = Report(), queue.SimpleQueue()
    for cell in cells:
        todo.put(cell)
    threads = [threading.Thread(target=worker, args=(context, report, todo))
               for _ in range(jobs)]
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, interrupted)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return report


def run_and_tell(part, context, cells, jobs):
    """run_all(), then the closing lines; the exit status."""
    started = time.monotonic()
    report = run_all(context, cells, jobs)
    print("%s: %.0f s" % (part, time.monotonic() - started))
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" %
          report.count)
    return 1 if report.count["failed"] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("-j", type=int, default=2)
    args = parser.parse_args()
    context = context_from_environment()
    cells = [cell for source in SOURCES for cell in source.cells(context)]
    cells = chosen(os.environ.get("T"), cells)
    if args.list:
        print("\n".join(name for name, _ in cells))
        return 0
    if not cells:
        print("no boot is named like T=%s" % os.environ.get("T"))
        return 1
    print("test-qemu: seed %d, QEMU %s, %d scenarios" %
          (context.seed, context.qemus.main.text(), len(cells)))
    return run_and_tell("test-qemu", context, cells, args.j)


if __name__ == "__main__":
    sys.exit(main())
