#!/usr/bin/env python3
"""What the daemon adds to a netboot: upload to Linux's first line through labd,
beside the same emulator, files and command line without it.

usage: overhead.py [--rounds N]

Both in turns, so that what else the machine does meets both; medians, and the
time line of the stages. labd's share is also counted in CPU time, which other
work disturbs less. The daemon syncs its database as it does by default, and
nobody asks it anything while the board boots.
"""

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import lab as L  # noqa: E402

ARGS = "console=ttyS0 earlycon=sbi"
FIRST_LINE = b"Linux version"
MARKS = {b"OpenSBI v": "firmware", b"U-Boot 2": "uboot",
         b"DHCP client bound": "dhcp", b"TFTP from server": "tftp",
         b"Starting kernel": "kernel", FIRST_LINE: "linux"}
STAGES = ("uploaded", "power", *MARKS.values())


def metric(lab, name):
    for line in lab.get("/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise AssertionError(name)


def durable(lab):
    text = lab.config.read_text()
    lab.config.write_text(text.replace("durable = no\n", "durable = yes\n"))


def emulator_line(lab, board):
    """The words that started the board's emulator."""
    path = lab.state / "run" / f"{board}.pid"
    while not path.exists():
        time.sleep(0.005)
    pid = int(path.read_text().split()[0])
    while True:  # until it is the emulator and not labd's child before exec
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"qemu" in words[0]:
            return [w.decode() for w in words[:-1]]
        time.sleep(0.005)


def bare_line(words, folder):
    """The same with files and console of our own."""
    swap = {"socket,id=console,fd=3": "stdio,id=console,signal=off"}
    return [swap.get(w, w).replace("/proc/self/fd/4", folder) for w in words]


def through(lab, body, board="virt"):
    """{stage: seconds since the upload began}, labd's CPU seconds."""
    lab.wait_board(board, "ready")
    time.sleep(0.5)  # what the last emulator left to do
    cpu = metric(lab, "process_cpu_seconds_total")
    began = time.time()
    id_ = lab.submit(body, bootargs=ARGS, timeout="120",
                     **{"pass": FIRST_LINE.decode()})
    times = {"uploaded": time.time() - began}
    j = None
    while not j or j["state"] in ("queued", "booting", "running"):
        time.sleep(1)
        j = lab.job(id_)
    cpu = metric(lab, "process_cpu_seconds_total") - cpu
    assert (j["verdict"], len(j["attempts"])) == ("pass", 1), j
    times.update((s["stage"], s["at"] - began) for s in j["stages"])
    times["linux"] = times.pop("verdict")
    return times, cpu


def bare(words):
    """{stage: seconds since its start}, the emulator's CPU seconds."""
    time.sleep(0.5)
    cpu = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    began, times = time.time(), {"uploaded": 0.0, "power": 0.0}
    q = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    try:
        for line in q.stdout:
            now = time.time() - began
            for mark, stage in MARKS.items():
                if mark in line:
                    times.setdefault(stage, now)
            if "linux" in times:
                break
    finally:
        q.kill()
        q.wait()
    assert "linux" in times, "no Linux"
    cpu = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - cpu
    return times, cpu


def prepare(lab, body, folder):
    """A first job: its files and its emulator's words, to do without labd."""
    lab.wait_board("virt", "ready")
    id_ = lab.submit(body, bootargs=ARGS, timeout="120",
                     **{"pass": FIRST_LINE.decode()})
    words = emulator_line(lab, "virt")
    for name in ("Image", "boot.scr.uimg"):
        shutil.copyfile(lab.state / "tftp" / "virt" / name,
                        os.path.join(folder, name))
    lab.wait(id_, 120)
    return bare_line(words, folder)


def measure(rounds):
    """(times and CPU through labd, of bare netboots), rounds of each."""
    body, ours, others = L.DEBIAN.read_bytes(), [], []
    folder = tempfile.mkdtemp(prefix="lab-bench-", dir="/tmp")
    lab = L.Lab("[board virt]\n")
    durable(lab)
    with lab:
        words = prepare(lab, body, folder)
        for n in range(rounds):
            for ours_first in (n % 2 == 0, n % 2 != 0):
                if ours_first:
                    ours.append(through(lab, body))
                else:
                    others.append(bare(words))
    shutil.rmtree(folder)
    return ours, others


def median(samples, stage):
    return statistics.median(times[stage] for times, _ in samples)


def spread(samples, stage):
    ordered = sorted(times[stage] for times, _ in samples)
    return ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]


def show(ours, others):
    print("%-10s %28s %28s" % ("seconds to", "through labd (quartiles)",
                               "bare (quartiles)"))
    for stage in STAGES:
        print("%-10s %12.3f (%.3f to %.3f) %12.3f (%.3f to %.3f)" % (
            stage, median(ours, stage), *spread(ours, stage),
            median(others, stage), *spread(others, stage)), flush=True)


def figures(rounds):
    """What bench.py prints and keeps."""
    if not L.DEBIAN.exists():
        return {"boot": "skipped: no Debian kernel was fetched"}
    ours, others = measure(rounds)
    show(ours, others)
    with_lab, alone = median(ours, "linux"), median(others, "linux")
    cpu = statistics.median(cpu for _, cpu in ours)
    emulator = statistics.median(cpu for _, cpu in others)
    return {"boots_of_each": rounds,
            "upload_to_linux_s": round(with_lab, 2),
            "bare_netboot_s": round(alone, 2),
            "upload_to_power_on_ms": round(1000 * median(ours, "power")),
            "overhead_percent": round(100 * (with_lab / alone - 1), 1),
            "labd_cpu_ms": round(1000 * cpu),
            "bare_netboot_cpu_ms": round(1000 * emulator),
            "cpu_overhead_percent": round(100 * cpu / emulator, 1)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    for name, value in figures(parser.parse_args().rounds).items():
        print(f"{name:32} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
