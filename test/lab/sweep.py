#!/usr/bin/env python3
"""Seeded random schedules against the real labd on simulated boards.

usage: sweep.py [--schedules N] [--seed S] [--workers W] [--seconds LIMIT]

A schedule submits some jobs, and at random moments kills the daemon, breaks
relays, cancels. When all is mended every job must have ended, once. Checked:
  - after a start every board is switched off before any is switched on;
  - no job runs on two boards at once, or has two attempts at once;
  - no accepted job is lost; each ends in one state with one verdict, which is
    the one its image asks for unless it was cancelled or met infra trouble;
  - a job has at most two attempts, the first of them infra;
  - boards are off when nothing runs;
  - the kills met every state and stage of a job (of 1,000 schedules and more).
Last line: N passed, N failed, N skipped (schedules).
"""

import argparse
import collections
import http.client
import json
import multiprocessing
import os
import pathlib
import random
import socket
import sys
import tempfile
import time
import traceback
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import lab as L  # noqa: E402
import simboard as S  # noqa: E402

BOARDS = 3
VERDICTS = {"pass": "pass", "fail": "fail", "panic": "panic",
            "reset": "fail", "loop": "timeout", "tick": "pass",
            "tftpfail": "infra"}
FAULTS = ("silent", "deaf", "stuck", "unplugged")
# What a kill can meet: a job's state and stage as the database has them
# (booting, queued: the board is not proven off yet), a board that is not yet
# off after its job, an upload under way.
ALL = ("queued", "booting queued", "booting power", "booting firmware",
       "booting uboot", "booting dhcp", "booting tftp", "running kernel",
       "booting verdict", "running verdict", "off after", "upload", "idle")
STAGES = ("queued", "power", "firmware", "uboot", "dhcp", "tftp", "kernel",
          "verdict")
COVERED = 1000  # so many schedules meet all of them


class Worker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        folder = tempfile.mkdtemp(prefix="lab-sweep-", dir="/tmp")
        os.chmod(folder, 0o755)
        self.sim = S.Sim(folder, BOARDS)
        self.lab = L.Lab(self.sim.config(dwell=0.004, boot_timeout=3,
                                         linger=0.03, relay_delay=0.004,
                                         power_timeout=0.5),
                         "board_wait = 30\nkeep_age = 1h\n", folder)
        self.serial = 0
        self.kills = self.jobs = self.faults = self.cancels = 0
        self.met = collections.Counter()
        self.start()

    def start(self):
        self.marks = [len(b.events) for b in self.sim.boards]
        for b in self.sim.boards:  # broken at any time of this daemon
            b.broken = b.fault is not None
        self.lab.start()

    def kill(self, upload=False):
        self.check_offs()
        self.lab.kill()
        self.kills += 1
        self.note(upload)
        # What the dead daemon had sent is still on the wires.
        passes = self.sim.passes
        while self.sim.passes < passes + 3:
            time.sleep(0.001)

    def note(self, upload):
        """What the kill met, by the database that it left."""
        with self.lab.database() as rows:
            met = {state if state == "queued" else f"{state} {STAGES[stage]}"
                   for state, stage in rows.execute(
                       "SELECT state, stage FROM jobs"
                       " WHERE state IN ('queued', 'booting', 'running')")}
            if rows.execute("SELECT 1 FROM boards WHERE is_on = 1 AND name NOT"
                            " IN (SELECT board FROM attempts"
                            " WHERE ended IS NULL)").fetchone():
                met.add("off after")
        self.met.update(met or {"idle"})
        self.met["upload"] += upload

    def kill_in_mid_upload(self):
        body = L.image("pass", 256 << 10)
        head = (f"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1:{self.lab.port}"
                f"\r\nContent-Length: {len(body)}\r\n\r\n").encode()
        with socket.create_connection(("127.0.0.1", self.lab.port)) as half:
            half.sendall(head + body[:self.rng.randrange(1, len(body))])
            spool, end = self.lab.state / "spool", time.monotonic() + 60
            while not any(spool.iterdir()):
                assert time.monotonic() < end, "no upload begins"
            self.kill(upload=True)
        self.start()
        assert not any(spool.iterdir()), "half an upload is kept"

    def check_offs(self):
        """Since the daemon's start: off everywhere, then on anywhere."""
        began = [b.events[m:] for b, m in zip(self.sim.boards, self.marks)]
        ons = [t for events in began for t, what in events if what == "on"]
        for b, events in zip(self.sim.boards, began):
            offs = [t for t, what in events if what == "off"]
            if ons and not b.broken:
                assert offs and min(offs) <= min(ons), [
                    (o.name, o.broken, e[:4]) for o, e in
                    zip(self.sim.boards, began)]

    def submit(self):
        # Those that end by a time limit cost time: fewer of them.
        kind = self.rng.choices(list(VERDICTS), (6, 4, 4, 4, 2, 4, 4))[0]
        self.serial += 1
        word = f"{kind} {self.rng.randrange(1, 12)} #{self.serial}"
        query = {"user": self.rng.choice("abc"), "timeout": "20",
                 "silence": "0.15" if kind == "loop" else "3", "name": kind,
                 "priority": self.rng.randrange(10)}
        if self.rng.random() < 0.2:
            query["board"] = f"sim{self.rng.randrange(BOARDS)}"
        path = "/api/jobs?" + urllib.parse.urlencode(query)
        try:
            a = self.lab.http("POST", path, L.image(word), timeout=60)
        except (OSError, http.client.HTTPException):
            return None  # killed meanwhile: not accepted
        assert a.status == 201, a.body
        self.jobs += 1
        return a.json["id"]

    def cancel(self, id_):
        a = self.lab.http("DELETE", f"/api/jobs/{id_}", timeout=60)
        assert a.status in (202, 409), a.body
        self.cancels += a.status == 202
        return a.status == 202

    def break_a_relay(self):
        b = self.rng.choice(self.sim.boards)
        fault = self.rng.choice(FAULTS)
        if fault == "unplugged":
            b.unplug(True)
        b.fault = fault
        b.broken = True
        self.faults += 1

    def mend(self):
        for b in self.sim.boards:
            b.unplug(False)

    def wait_all(self, ids):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                a = self.lab.get("/api/jobs?state=active&limit=500")
                if not a.json["jobs"]:
                    return
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                pass
            time.sleep(0.01)
        raise AssertionError(f"not over in 120 s: {self.lab.log_text()}")

    def check_job(self, id_, cancelled, troubled):
        j = self.lab.job(id_)
        attempts = j["attempts"]
        assert j["state"] == ("cancelled" if cancelled else "done"), j
        assert (j["verdict"] is None) == cancelled, j
        assert len(attempts) <= 2, j
        for before, after in zip(attempts, attempts[1:]):
            assert before["verdict"] == "infra", j
            assert before["ended"] <= after["started"], j
        assert all(a["ended"] for a in attempts), j
        if cancelled:
            return
        if attempts:
            assert attempts[-1]["verdict"] == j["verdict"], j
        want = VERDICTS[j["name"]]
        if j["verdict"] != want:
            assert j["verdict"] == "infra" and troubled, j
        if j["verdict"] == "infra" and not troubled:
            assert len(attempts) == 2, j

    def schedule(self):
        troubled, ids, cancelled = False, [], set()
        for _ in range(self.rng.randrange(1, 4)):
            ids.append(self.submit())
        for _ in range(self.rng.randrange(0, 4)):
            time.sleep(self.rng.random() * 0.03)
            what = self.rng.random()
            if what < 0.42:
                self.kill()
                self.start()
                troubled = True
            elif what < 0.45:
                self.kill_in_mid_upload()
                troubled = True
            elif what < 0.6:
                self.break_a_relay()
                troubled = True
            elif what < 0.75 and ids:
                id_ = self.rng.choice(ids)
                if self.cancel(id_):
                    cancelled.add(id_)
            else:
                ids.append(self.submit())
        self.mend()
        self.wait_all(ids)
        self.check_offs()
        for id_ in ids:
            self.check_job(id_, id_ in cancelled, troubled)
        assert not self.sim.twice, f"on two boards: {self.sim.twice}"

    def check_end(self):
        """All at rest: everything off, nothing open in the database."""
        for b in self.sim.boards:
            self.lab.wait_board(b.name, "ready")
            assert not b.on, b.name
        self.lab.stop()
        rows = self.lab.database().execute(
            "SELECT is_on, problem, down_at FROM boards").fetchall()
        assert rows == [(0, "", 0)] * BOARDS, rows
        rows = self.lab.database().execute(
            "SELECT count(*) FROM attempts WHERE ended IS NULL").fetchone()
        assert rows == (0,), rows

    def close(self):
        self.lab.close()
        self.sim.close()


def work(arguments):
    seed, count, end = arguments
    worker, done, failed, why = Worker(seed), 0, 0, ""
    try:
        while done < count and time.monotonic() < end:
            worker.schedule()
            done += 1
        worker.check_end()
    except Exception:
        failed = 1
        why = (f"worker seed {seed}, schedule {done}:\n" +
               traceback.format_exc() + worker.lab.log_text())
    finally:
        worker.close()
    return (done, failed, why, worker.kills, worker.jobs, worker.faults,
            worker.cancels, worker.met)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("SEED") or 1))
    parser.add_argument("--workers", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3600)
    a = parser.parse_args()
    began = time.monotonic()
    share = -(-a.schedules // a.workers)
    jobs = [(a.seed * 1000 + n, share, began + a.seconds)
            for n in range(a.workers)]
    with multiprocessing.Pool(a.workers) as pool:
        results = pool.map(work, jobs, chunksize=1)
    for r in results:
        if r[2]:
            print(r[2])
    done, failed = sum(r[0] for r in results), sum(r[1] for r in results)
    print(f"seed {a.seed}: {done} schedules, "
          f"{sum(r[3] for r in results)} kills, "
          f"{sum(r[4] for r in results)} jobs, "
          f"{sum(r[5] for r in results)} relay faults, "
          f"{sum(r[6] for r in results)} cancels, "
          f"{time.monotonic() - began:.0f} s")
    met = sum((r[7] for r in results), collections.Counter())
    print("kills met: " + ", ".join(f"{n} {met[n]}" for n in ALL))
    bad = failed
    if done < a.schedules and not failed:
        print(f"only {done} of {a.schedules} schedules in {a.seconds} s")
        bad += 1
    missed = [n for n in ALL if not met[n]] + sorted(set(met) - set(ALL))
    if done >= COVERED and missed:
        print(f"kills that met no, or an unknown state: {missed}")
        bad += 1
    print(f"{done} passed, {bad} failed, 0 skipped")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
