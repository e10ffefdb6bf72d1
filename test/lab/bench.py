#!/usr/bin/env python3
"""The lab's figures: CPU time of the daemon by its own getrusage, ratios
measured in one run. Prints a table, writes its part of BUILD/bench.json.

usage: bench.py [--viewers N] [--seconds S] [--rounds N]
"""

import argparse
import base64
import multiprocessing
import os
import pathlib
import selectors
import shutil
import socket
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "bench"))
import lab as L  # noqa: E402
import overhead  # noqa: E402
import results  # noqa: E402
import simboard as S  # noqa: E402
from overhead import metric  # noqa: E402

BAUD_BYTES = 11520  # 115200 baud, 8N1
LINE = 96
SAMPLED = 20        # viewers whose latency is measured
UPLOAD = 200 << 20
# {figure: (goal, whether at least that)}
GOALS = {"cpu_percent_of_a_core": (15, False), "resident_mb": (40, False),
         "latency_p99_ms": (50, False), "upload_mb_per_s": (200, True),
         "upload_to_linux_s": (8, False), "overhead_percent": (5, False)}


def resident(lab):
    text = pathlib.Path(f"/proc/{lab.process.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) * 1024


class StampBoard(S.Board):
    """Prints at 115200 baud; every line begins with the time it left."""

    def kernel(self, words):
        end = time.monotonic() + float(words[1])
        due = time.monotonic()
        while time.monotonic() < end:
            line = b"@%.6f " % time.monotonic()
            self.write(line.ljust(LINE - 2, b".") + b"\r\n")
            due += LINE / BAUD_BYTES
            yield max(0, due - time.monotonic())
        yield from super().kernel(["pass"])


def watch(port, id_, count, results):
    """One process with all viewers; sends back bytes seen and latencies."""
    select = selectors.DefaultSelector()
    request = (f"GET /api/jobs/{id_}/events HTTP/1.1\r\n"
               f"Host: 127.0.0.1:{port}\r\n\r\n").encode()
    total, late, rest = 0, [], {}
    for n in range(count):
        s = socket.create_connection(("127.0.0.1", port))
        s.sendall(request)
        s.setblocking(False)
        select.register(s, selectors.EVENT_READ, n)
    results.put("ready")
    open_count = count
    while open_count:
        for key, _ in select.select(5):
            data = key.fileobj.recv(262144)
            total += len(data)
            if not data or (b"event: end" in data and key.data >= SAMPLED):
                select.unregister(key.fileobj)
                key.fileobj.close()
                open_count -= 1
            elif key.data < SAMPLED:
                now = time.monotonic()
                data = rest.pop(key.data, b"") + data
                lines = data.split(b"\n")
                rest[key.data] = lines.pop()
                late += stamps(lines, now)
                if b"event: end" in data:
                    select.unregister(key.fileobj)
                    key.fileobj.close()
                    open_count -= 1
    results.put((total, sorted(late)))


def stamps(lines, now):
    """Seconds since each stamped line in these event lines left its board."""
    found = []
    for line in lines:
        if not line.startswith(b"data: ") or line.startswith(b"data: {"):
            continue
        text = base64.b64decode(line[6:])
        for piece in text.split(b"@")[1:]:
            if b" " in piece:
                found.append(now - float(piece.split(b" ")[0]))
    return found


def bench_viewers(count, seconds):
    folder = tempfile.mkdtemp(prefix="lab-bench-", dir="/tmp")
    board = StampBoard("sim0", folder)
    sim = S.Sim(folder, 0)
    sim.boards.append(board)
    lab = L.Lab(board.config(), "viewers_max = 5000\n", folder).start()
    results = multiprocessing.Queue()
    id_ = lab.submit(L.image(f"stamp {seconds + 6}"), timeout="600",
                     silence="60")
    lab.wait(id_, until=("running",))
    before = resident(lab)
    viewers = multiprocessing.Process(target=watch,
                                      args=(lab.port, id_, count, results))
    viewers.start()
    assert results.get(timeout=60) == "ready"
    time.sleep(1)
    cpu, wall = metric(lab, "process_cpu_seconds_total"), time.monotonic()
    time.sleep(seconds)
    cpu = metric(lab, "process_cpu_seconds_total") - cpu
    wall = time.monotonic() - wall
    memory = resident(lab)
    total, late = results.get(timeout=120)
    viewers.join()
    lab.close()
    sim.close()
    return {
        "viewers": count,
        "cpu_percent_of_a_core": round(100 * cpu / wall, 1),
        "viewer_bytes_per_cpu_second": round(
            count * BAUD_BYTES * wall / cpu),
        "resident_mb": round(memory / 1e6, 1),
        "resident_before_mb": round(before / 1e6, 1),
        "latency_p50_ms": round(1000 * late[len(late) // 2], 1),
        "latency_p99_ms": round(1000 * late[int(len(late) * 0.99)], 1),
        "samples": len(late),
    }


def bench_upload():
    folder = tempfile.mkdtemp(prefix="lab-bench-", dir="/tmp")
    sim = S.Sim(folder, 1)
    lab = L.Lab(sim.config(), "image_max = 1G\n", folder).start()
    path = os.path.join(folder, "Image")
    with open(path, "wb") as out:
        out.write(L.image("pass", UPLOAD))
    copy = min(timed(lambda: shutil.copyfile(path, path + ".copy"))
               for _ in range(3))

    def post():
        with open(path, "rb") as body:
            lab.wait(lab.submit(body, headers={
                "Content-Length": str(UPLOAD)}), until=(
                    "queued", "booting", "running", "done"))

    best = min(timed(post) for _ in range(3))
    lab.close()
    sim.close()
    return {"upload_mb_per_s": round(UPLOAD / 1e6 / best),
            "cp_mb_per_s": round(UPLOAD / 1e6 / copy),
            "upload_to_cp": round(best / copy, 2)}


def timed(function):
    began = time.monotonic()
    function()
    return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=9)
    a = parser.parse_args()
    figures = {}
    for part in (lambda: bench_viewers(a.viewers, a.seconds), bench_upload,
                 lambda: overhead.figures(a.rounds)):
        for name, value in part().items():
            figures[name] = entry(name, value)
    results.keep(L.BUILD, lab=figures)
    return 0


def entry(name, value):
    """Prints a figure; how it is kept."""
    goal, least = GOALS.get(name, (None, False))
    if goal is None:
        print(f"{name:32} {value}", flush=True)
        return {"value": value, "goal": None}
    met = value >= goal if least else value <= goal
    print(f"{name:32} {value:<10} {'≥' if least else '≤'} {goal:<6} "
          f"{'ok' if met else 'MISSED'}", flush=True)
    return {"value": value, "goal": goal, "met": met}


if __name__ == "__main__":
    sys.exit(main())
