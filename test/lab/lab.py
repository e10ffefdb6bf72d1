"""A labd under test: its configuration, its process, its HTTP interface."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD") or "build")
BUILD = BUILD if BUILD.is_absolute() else ROOT / BUILD
LABD = BUILD / "tools" / "labd"
PAYLOAD = BUILD / "lab-payload" / "Image"
DEBIAN = BUILD / "debian" / "Image"
KERNEL = BUILD / "Image"
BIOS = BUILD / "opensbi" / "fw_dynamic.bin"
COMMAND_OFFSET, COMMAND_SIZE = 64, 64


class Skip(Exception):
    """Raised with the reason why a case cannot run here."""


def image(command, size=4096):
    """A good Image for the simulated board; command says what it does."""
    import struct
    head = struct.pack("<IIQQQIIQQII", 0x13, 0x13, 0x200000, max(size, 4096),
                       0, 2, 0, 0, 0x5643534952, 0x05435352, 0)
    word = command.encode().ljust(COMMAND_SIZE, b"\0")
    return (head + word).ljust(size, b"\0")


def payload(command):
    """The S-mode kernel for emulated boards, told what to do."""
    data = bytearray(PAYLOAD.read_bytes())
    word = command.encode()
    assert len(word) < COMMAND_SIZE
    data[COMMAND_OFFSET:COMMAND_OFFSET + COMMAND_SIZE] = word.ljust(
        COMMAND_SIZE, b"\0")
    return bytes(data)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def until(true, what, limit=90):
    """Waits for true(); `what` is said when that is not within `limit`
    seconds, which is more than a loaded machine takes."""
    end = time.monotonic() + limit
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.01)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Lab:
    """One state folder and whatever daemon currently runs on it."""

    def __init__(self, boards="[board virt]\n", lab="", folder=None,
                 user=None):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(
            prefix="lab-test-", dir="/tmp"))
        os.chmod(self.folder, 0o755)
        self.port = free_port()
        self.state = self.folder / "state"
        self.config = self.folder / "labd.conf"
        self.config.write_text(
            f"[lab]\nlisten = 127.0.0.1:{self.port}\nstate = {self.state}\n"
            f"durable = no\ndisk_low = 1M\n{lab}\n{boards}")
        self.errors = open(self.folder / "stderr", "ab")
        self.user = user
        self.process = None
        self.labd = LABD
        if user is not None:
            # The project may lie where only its owner can look.
            self.labd = shutil.copy(LABD, self.folder / "labd")
            os.chown(self.folder, user, user)

    def start(self, wait=True):
        self.process = subprocess.Popen(
            [self.labd, "-c", self.config], stdout=subprocess.PIPE,
            stderr=self.errors, user=self.user,
            group=self.user, extra_groups=[] if self.user else None)
        line = self.process.stdout.readline() if wait else b""
        if wait and not line.startswith(b"labd: http"):
            raise AssertionError(f"labd does not start: {self.log_text()}")
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self, limit=60):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(limit)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("labd does not end on SIGTERM")
        if self.process:
            self.process.stdout.close()
            self.process = None

    def close(self):
        self.stop()
        self.errors.close()
        subprocess.run(["rm", "-rf", self.folder], check=False)

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, problem, *_):
        if problem and problem is not Skip:
            self.show()
        self.close()

    def show(self):
        """What a failure is explained by: the daemon's words, and the end of
        each console."""
        print("stderr:", self.log_text())
        for log in sorted((self.state / "logs").glob("*.log")):
            print(f"{log.name}: ...{log.read_bytes()[-400:]!r}")

    def log_text(self):
        return (self.folder / "stderr").read_text(errors="replace")[-2000:]

    def http(self, method, path, body=None, headers=None, timeout=60):
        c = http.client.HTTPConnection("127.0.0.1", self.port,
                                       timeout=timeout)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return Answer(r.status, r.headers, r.read())
        finally:
            c.close()

    def get(self, path, **headers):
        return self.http("GET", path, headers=headers)

    def submit(self, body, expect=201, headers=None, **query):
        text = urllib.parse.urlencode(query, doseq=True)
        a = self.http("POST", f"/api/jobs?{text}", body, headers)
        assert a.status == expect, (a.status, a.body)
        return a.json["id"] if expect == 201 else a.json["error"]

    def job(self, id_):
        a = self.get(f"/api/jobs/{id_}")
        assert a.status == 200, (a.status, a.body)
        return a.json

    def wait(self, id_, limit=60, until=("done", "cancelled")):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            j = self.job(id_)
            if j["state"] in until:
                return j
            assert j["state"] not in ("done", "cancelled"), j
            time.sleep(0.02)
        raise AssertionError(f"job {id_} still {j['state']} {j['stage']}: "
                             f"{self.log_text()}")

    def until_stage(self, id_, stage):
        until(lambda: stage in [s["stage"] for s in self.job(id_)["stages"]],
              f"stage {stage} not reached")

    def log(self, id_):
        return self.get(f"/api/jobs/{id_}/log").body

    def boards(self):
        return {b["name"]: b for b in self.get("/api/boards").json["boards"]}

    def wait_board(self, name, state, limit=60):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            b = self.boards()[name]
            if b["state"] == state:
                return b
            time.sleep(0.02)
        raise AssertionError(f"board {name} is {b}")

    def database(self):
        return sqlite3.connect(self.state / "lab.db", timeout=60)


def sse(lab, id_, start=0, timeout=60):
    """Follows a job's events: yields (event, id, data as text)."""
    c = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=timeout)
    try:
        c.request("GET", f"/api/jobs/{id_}/events?from={start}")
        r = c.getresponse()
        assert r.status == 200, r.status
        event, ident, data = "message", None, ""
        for line in r:
            line = line.decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("id: "):
                ident = int(line[4:])
            elif line.startswith("data: "):
                data += line[6:]
            elif line == "" and data:
                yield event, ident, data
                event, ident, data = "message", None, ""
    finally:
        c.close()


def run_cases(cases, pattern=None):
    """Runs (name, function) pairs; returns (passed, failed, skipped)."""
    import fnmatch
    import traceback
    counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    for name, function in cases:
        if pattern and not fnmatch.fnmatch(name, f"*{pattern}*"):
            continue
        began, why = time.monotonic(), ""
        try:
            function()
            result = "PASS"
        except Skip as reason:
            result, why = "SKIP", str(reason)
        except Exception:
            result, why = "FAIL", "\n" + traceback.format_exc()
        counts[result] += 1
        if result != "PASS" or os.environ.get("V"):
            print(f"{result} {name} ({time.monotonic() - began:.1f} s) {why}")
            sys.stdout.flush()
    return counts["PASS"], counts["FAIL"], counts["SKIP"]
