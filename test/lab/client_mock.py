#!/usr/bin/env python3
"""A daemon that misbehaves on demand, for the tests of the client.

What the real labd never does on purpose (cutting streams in mid-event,
sending bytes twice, lying about offsets, answering nonsense) is done here.
The first part of the path names the fault: http://host:port/cut/api/jobs.
Run alone it serves the page too, for looking at it: client_mock.py PORT.
"""

import base64
import http.server
import json
import pathlib
import random
import re
import ssl
import sys
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEB = ROOT / "tools/lab/web"
XTERM = ROOT / "build/xterm"
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; "
       "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
       "form-action 'none'; frame-ancestors 'none'")
STAGES = ["power", "firmware", "uboot", "dhcp", "tftp", "kernel"]


class Job:
    """One job with a console that anyone may append to."""

    def __init__(self, number, name="", user="local", state="queued"):
        self.number = number
        self.name = name
        self.user = user
        self.state = state
        self.stage = "queued"
        self.verdict = None
        self.reason = None
        self.created = time.time()
        self.started = None
        self.finished = None
        self.position = None
        self.log = bytearray()
        self.stages = []
        self.attempts = []
        self.writer = None
        self.typed = bytearray()
        self.query = {}
        self.files = {}
        self.changed = threading.Condition()

    def json(self):
        return {
            "id": self.number, "url": f"/jobs/{self.number}",
            "name": self.name, "user": self.user, "state": self.state,
            "stage": self.stage, "verdict": self.verdict,
            "reason": self.reason, "priority": 5,
            "position": self.position,
            "eta": 12.5 if self.position else None,
            "board": "virt" if self.started else None, "wanted": None,
            "timeout": 300.0, "silence": 60.0, "bootargs": "",
            "created": self.created, "started": self.started,
            "finished": self.finished, "log_size": len(self.log),
            "writer": self.writer, "stages": self.stages,
            "attempts": self.attempts,
            "image": {"hash": "ab" * 32, "size": 1234567},
        }

    def update(self, **fields):
        with self.changed:
            for key, value in fields.items():
                setattr(self, key, value)
            self.changed.notify_all()

    def enter(self, stage):
        now = time.time()
        if not self.started:
            self.started = now
            self.attempts = [{"n": 1, "board": "virt", "offset": 0,
                              "started": now, "ended": None,
                              "verdict": None, "reason": None}]
        self.stages.append({"attempt": 1, "stage": stage, "at": now})
        self.update(stage=stage, position=None,
                    state="running" if stage == "kernel" else "booting")

    def write(self, data):
        with self.changed:
            self.log += data
            self.changed.notify_all()

    def finish(self, verdict, reason):
        self.update(state="done" if verdict else "cancelled", stage="over",
                    verdict=verdict, reason=reason, finished=time.time())

    @property
    def over(self):
        return self.state in ("done", "cancelled")


class Lab:
    """The jobs, and what is to happen to a new one."""

    def __init__(self):
        self.jobs = {}
        self.script = None
        self.lock = threading.Lock()
        self.requests = []

    def add(self, **fields):
        with self.lock:
            job = Job(len(self.jobs) + 1, **fields)
            self.jobs[job.number] = job
        return job


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    @property
    def lab(self):
        return self.server.lab

    def answer(self, status, body=b"", kind="application/json", **headers):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("X-Content-Type-Options", "nosniff")
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, text, **headers):
        self.answer(status, {"error": text}, **headers)

    def route(self):
        url = urllib.parse.urlsplit(self.path)
        self.query = urllib.parse.parse_qs(url.query)
        self.fault = ""
        path = url.path
        found = re.match(r"/(\w+)(/api/.*)", path)
        if found:
            self.fault, path = found.groups()
        self.lab.requests.append((self.command, self.path,
                                  dict(self.headers.items())))
        if self.fault == "token" and \
                self.headers.get("Authorization") != "Bearer secret":
            return self.refuse(401, "a token is needed")
        if self.fault == "busy":
            return self.refuse(429, "the queue is full", Retry_After="30")
        if self.fault == "broken":
            return self.answer(500, b"<html>oops</html>", "text/html")
        if self.fault == "nonsense":
            return self.answer(200, b"\xff\x00{", "text/plain")
        if self.fault == "hang":
            time.sleep(60)
        return self.dispatch(path)

    def dispatch(self, path):
        found = re.fullmatch(r"/api/jobs/(\d+)(?:/(\w+))?", path)
        if path == "/api/jobs":
            return self.do_jobs()
        if path == "/api/boards":
            return self.answer(200, {"boards": self.server.boards})
        if path == "/api/whoami":
            return self.answer(200, {"user": "local", "role": "admin",
                                     "tokens": False})
        if found:
            job = self.lab.jobs.get(int(found.group(1)))
            if not job:
                return self.refuse(404, "no such job")
            return self.do_job(job, found.group(2))
        return self.do_static(path)

    do_GET = do_POST = do_DELETE = route

    def do_static(self, path):
        kinds = {".html": "text/html; charset=utf-8",
                 ".js": "text/javascript", ".css": "text/css"}
        if path == "/" or path.startswith("/jobs/"):
            path = "/static/index.html"
        name = pathlib.PurePath(path).name
        for folder in (WEB, XTERM):
            file = folder / name
            if path.startswith("/static/") and file.is_file():
                return self.answer(200, file.read_bytes(),
                                   kinds.get(file.suffix, "text/plain"))
        return self.refuse(404, "no such page")

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_jobs(self):
        if self.command == "GET":
            jobs = sorted(self.lab.jobs.values(), key=lambda j: -j.number)
            return self.answer(200, {"jobs": [job.json() for job in jobs]})
        if self.fault == "toolarge":
            self.close_connection = True
            return self.refuse(413, "the image is larger than 64 MiB")
        if self.fault == "slow":
            self.rfile.read(1000)
            time.sleep(60)
        job = self.lab.add(name=self.query.get("name", [""])[0])
        job.query = self.query
        job.body = self.body()
        job.kind = self.headers.get("Content-Type", "")
        job.position = 1
        if self.lab.script:
            threading.Thread(target=self.lab.script, args=(job,),
                             daemon=True).start()
        return self.answer(201, {"id": job.number, "position": 1, "eta": 5,
                                 "url": f"/jobs/{job.number}"})

    def do_job(self, job, what):
        if self.command == "DELETE":
            if job.over:
                return self.refuse(409, "the job is over")
            job.finish(None, "cancelled by local")
            return self.answer(202)
        if what is None:
            return self.answer(200, job.json())
        return getattr(self, "job_" + what)(job)

    def job_log(self, job):
        data = bytes(job.log)
        found = re.fullmatch(r"bytes=(\d*)-(\d*)",
                             self.headers.get("Range", ""))
        if not found:
            return self.answer(200, data, "application/octet-stream")
        first = int(found.group(1))
        last = min(int(found.group(2) or len(data)), len(data) - 1)
        if first >= len(data):
            return self.refuse(416, "beyond the end",
                               Content_Range=f"bytes */{len(data)}")
        return self.answer(206, data[first:last + 1],
                           "application/octet-stream",
                           Content_Range=f"bytes {first}-{last}/{len(data)}")

    def job_input(self, job):
        data = self.body()
        writer = self.headers.get("X-Lab-Writer")
        if job.state != "running":
            return self.refuse(409, "the kernel is not running yet")
        if job.writer not in (None, writer) and "take" not in self.query:
            return self.refuse(409, f"{job.writer} is writing")
        job.typed += data
        job.update(writer=writer)
        if self.server.echo:
            job.write(data.replace(b"\r", b"\r\n# "))
        return self.answer(204)

    def job_events(self, job):
        offset = int(self.headers.get("Last-Event-ID") or
                     self.query.get("from", ["0"])[0])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            self.stream(job, offset)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def event(self, kind, data):
        text = f"event: {kind}\ndata: {json.dumps(data)}\n\n"
        self.wfile.write(text.encode())

    def chunk(self, job, offset, limit):
        data = bytes(job.log[offset:offset + limit])
        end = offset + len(data)
        text = base64.b64encode(data).decode()
        return end, f"id: {end}\ndata: {text}\n\n".encode()

    def stream(self, job, offset):
        sent = None
        rounds = 0
        while True:
            with job.changed:
                state = job.json()
                state.pop("log_size")
                if state == sent and offset >= len(job.log) and \
                        not job.over:
                    job.changed.wait(15)
            if state != sent:
                self.event("state", job.json())
                sent = state
            elif offset < len(job.log):
                offset = self.stream_bytes(job, offset, rounds)
                rounds += 1
            elif job.over and not (self.fault == "noend"):
                self.event("end", job.json())
                return
            if offset is None or self.fault == "noend" and job.over:
                return

    def stream_bytes(self, job, offset, rounds):
        """Sends one event; None ends the connection."""
        rng = self.server.random
        limit = 16384 if not self.fault else rng.randint(1, 700)
        if self.fault == "twice" and offset:
            offset = max(0, offset - rng.randint(0, 500))
        end, event = self.chunk(job, offset, limit)
        if self.fault == "cut" and rounds and rng.random() < 0.15:
            self.wfile.write(event[:rng.randint(0, len(event) - 1)])
            return None
        if self.fault == "gap" and rounds > 3:
            event = event.replace(f"id: {end}".encode(),
                                  f"id: {end + 10}".encode())
        if self.fault == "garble" and rounds and rng.random() < 0.15:
            event = event.replace(b"data: ", b"data: !")
        if self.fault == "endless":
            event = b"data: " + b"A" * (8 << 20)
        self.wfile.write(event)
        return end


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port=0, tls=None):
        super().__init__(("127.0.0.1", port), Handler)
        self.lab = Lab()
        self.echo = True  # what is typed is written to the console
        self.random = random.Random(1)
        self.boards = [{"name": "virt", "state": "ready", "health": "ok",
                        "reason": None, "job": None, "power": "qemu",
                        "console": "qemu", "netboot": "user", "jobs": 3,
                        "infra": 0, "since": time.time()}]
        self.scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.thread = threading.Thread(target=self.serve_forever,
                                       args=(0.02,), daemon=True)
        self.thread.start()

    def handle_error(self, request, client_address):
        """A client that hangs up, or distrusts us, is part of the tests."""

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server_port}"


def demo(job):
    """A boot to look at."""
    for stage in STAGES:
        time.sleep(0.7)
        job.enter(stage)
        job.write(f"[{stage}]\r\n".encode())
    for line in range(200):
        job.write(b"\x1b[32m[%12.6f]\x1b[0m driver: line %d of the boot\r\n"
                  % (line / 37, line))
        time.sleep(0.02)
    job.write(b"# ")
    while b"poweroff" not in job.typed and not job.over:
        time.sleep(0.2)
    if not job.over:
        job.finish("pass", "TEST end: 12 passed, 0 failed")


def main():
    server = Server(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    server.lab.script = demo
    print(server.url, flush=True)
    server.boards.append({"name": "vf2-1", "state": "down", "health": "down",
                          "reason": "relay: no answer to FF", "job": None,
                          "power": "relay", "console": "tty",
                          "netboot": "dnsmasq", "jobs": 128, "infra": 2,
                          "since": time.time() - 4000})
    for number, (verdict, reason) in enumerate([
            ("pass", "TEST end: 142 passed, 0 failed"),
            ("panic", "Kernel panic - not syncing: VFS: Unable to mount root"),
            ("timeout", "silence: no byte for 60 s"),
            ("infra", "tftp: no request after DHCP"), (None, "cancelled"),
            ("fail", "reset loop: OpenSBI banner after the kernel")]):
        job = server.lab.add(name=f"Image-{number}", user="anna")
        for stage in STAGES:
            job.enter(stage)
        job.write(b"Linux version 6.12\r\n" * 30)
        job.finish(verdict, reason)
    try:
        server.thread.join()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
