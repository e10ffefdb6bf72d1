"""labd on simulated boards: HTTP, limits, viewers, faults, security."""

import array
import base64
import fcntl
import gzip
import hashlib
import http.client
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import lab as L
import simboard as S

SEED = int(os.environ.get("SEED") or 1)


class Setting:
    """Simulated boards and a daemon on them."""

    def __init__(self, boards=2, lab="", readback=True, dialect="a0",
                 **options):
        folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
        os.chmod(folder, 0o755)
        self.sim = S.Sim(folder, boards, readback, dialect)
        self.lab = L.Lab(self.sim.config(**options), lab, folder)

    def __enter__(self):
        self.lab.start()
        return self.lab, self.sim

    def __exit__(self, *_):
        self.lab.close()
        self.sim.close()


def equal(got, want, what=""):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


def verdicts_on_a_simulated_board():
    wanted = {"pass": "pass", "fail": "fail", "panic": "panic",
              "loop": "timeout", "reset": "fail", "nofirmware": "infra",
              "tick 5": "pass"}
    with Setting() as (lab, sim):
        jobs = {w: lab.submit(L.image(w), timeout="3", silence="0.4")
                for w in wanted}
        for word, id_ in jobs.items():
            j = lab.wait(id_)
            equal(j["verdict"], wanted[word], word)
            equal(len(j["attempts"]), 2 if word == "nofirmware" else 1, word)
        assert not sim.twice


def patterns_decide_instead_of_the_selftest():
    with Setting() as (lab, _):
        a = lab.submit(L.image("tick 30"), **{"pass": "tick 0+7$"})
        b = lab.submit(L.image("tick 30"), fail="tick 0+5$")
        c = lab.submit(L.image("echo"), **{"pass": "^[$] "})
        equal(lab.wait(a)["verdict"], "pass")
        equal(lab.wait(b)["verdict"], "fail")
        equal(lab.wait(c)["verdict"], "pass", "prompt without newline")


def stages_and_times_are_told_in_order():
    with Setting() as (lab, _):
        j = lab.wait(lab.submit(L.image("pass")))
        names = [s["stage"] for s in j["stages"]]
        equal(names, ["power", "firmware", "uboot", "dhcp", "tftp", "kernel",
                      "verdict"], j)
        times = [s["at"] for s in j["stages"]]
        assert times == sorted(times) and j["started"] <= times[0]
        equal(j["attempts"][0]["offset"], 0)


def board_is_off_after_every_job():
    with Setting(1) as (lab, sim):
        for word in ("pass", "loop"):
            lab.wait(lab.submit(L.image(word), timeout="0.5", silence="0.1"))
            lab.wait_board("sim0", "ready")
            assert not sim.boards[0].on, word
        id_ = lab.submit(L.image("loop"))
        lab.wait(id_, until=("running",))
        equal(lab.http("DELETE", f"/api/jobs/{id_}").status, 202)
        j = lab.job(id_)
        equal((j["state"], j["verdict"]), ("cancelled", None))
        equal(lab.http("DELETE", f"/api/jobs/{id_}").status, 409)
        lab.wait_board("sim0", "ready")
        assert not sim.boards[0].on
        lab.wait(lab.submit(L.image("loop")), until=("running",))
        lab.stop()
        time.sleep(0.05)
        assert not sim.boards[0].on, "left on at the daemon's end"
        row = lab.database().execute("SELECT is_on FROM boards").fetchone()
        equal(row, (None,), "switched off, but nobody looked")


def verdict_stands_once_it_is_there():
    """Cancel and stop while the board lingers, still talking."""
    with Setting(1, linger=60) as (lab, sim):
        for stop in (False, True):
            id_ = lab.submit(L.image("tick 100000"), timeout="60",
                             **{"pass": "tick 000005"})
            lab.until_stage(id_, "verdict")
            equal(lab.job(id_)["state"], "running", "it lingers")
            if stop:
                lab.stop()
                lab.start()
            else:
                equal(lab.http("DELETE", f"/api/jobs/{id_}").status, 409)
            j = lab.job(id_)
            equal((j["state"], j["verdict"]), ("done", "pass"))
            lab.wait_board("sim0", "ready")
            assert not sim.boards[0].on


def cancel_in_the_linger_of_a_first_infra_ends_the_job():
    """An attempt's infra is not the job's verdict yet."""
    with Setting(1, linger=60, boot_timeout=30) as (lab, sim):
        id_ = lab.submit(L.image("tftpfail tick 100000"), timeout="60")
        lab.until_stage(id_, "verdict")
        equal(lab.job(id_)["state"], "booting", "it lingers")
        equal(lab.http("DELETE", f"/api/jobs/{id_}").status, 202)
        j = lab.job(id_)
        equal((j["state"], j["verdict"], j["reason"], j["position"]),
              ("cancelled", None, "cancelled", None))
        equal([a["verdict"] for a in j["attempts"]], ["infra"])
        assert 0 < j["log_size"] == len(lab.log(id_)), j
        lab.wait_board("sim0", "ready")
        equal(lab.job(id_)["state"], "cancelled", "not run again")


def time_limit_before_the_kernel_is_infra():
    with Setting(1, boot_timeout=50) as (lab, _):
        j = lab.wait(lab.submit(L.image("nofirmware"), timeout="0.3"))
        equal(j["verdict"], "infra")
        equal(len(j["attempts"]), 2)
        equal(j["reason"], "no kernel within the job's timeout of 0.3 s, "
                           "last stage tftp")
    with Setting(1, boot_timeout=0.3) as (lab, _):
        j = lab.wait(lab.submit(L.image("nofirmware"), timeout="50"))
        equal((j["verdict"], j["reason"]),
              ("infra", "no kernel within boot_timeout of 0.3 s, "
                        "last stage tftp"))


def failing_database_switches_every_board_off():
    with Setting(1) as (lab, sim):
        id_ = lab.submit(L.image("tick 100000"), timeout="60",
                         **{"pass": "tick 000200"})
        lab.wait(id_, until=("running",))
        assert sim.boards[0].on
        with lab.database() as rows:
            rows.execute("UPDATE attempts SET ended = 1")
        equal(lab.process.wait(60), 1)
        L.until(lambda: not sim.boards[0].on,
                "left on by a daemon that gave up")
        assert "database" in lab.log_text()


def upload_refusals_name_the_reason():
    big = 2 << 20
    good = L.image("pass")
    with Setting(1, lab=f"image_max = {big}\n") as (lab, _):
        cases = [
            (b"", 422, "empty"),
            (b"x", 422, "header"),
            (b"x" * 4096, 422, "RISC-V"),
            (good[:40], 422, "header"),
            (b"\x1f\x8b" + b"x" * 100, 422, "gzip"),
            (gzip.compress(good)[:-20], 422, "gzip"),
            (gzip.compress(good) + b"junk", 422, "gzip"),
            (gzip.compress(b"\0" * (40 << 20)), 422, "RISC-V"),
            (gzip.compress(L.image("x", 40 << 20)), 413, "image_max"),
            (good[:16] + b"\0" * 8 + good[24:], 422, "image_size"),
        ]
        for body, status, text in cases:
            why = lab.submit(body, status)
            assert text in why, (why, text)
        id_ = lab.submit(gzip.compress(good))
        same = lab.submit(good)
        a, b = lab.job(id_), lab.job(same)
        equal(a["image"]["hash"], b["image"]["hash"], "gzip or not")
        equal(a["image"]["hash"],
              hashlib.blake2b(good, digest_size=32).hexdigest())
        equal(a["image"]["size"], len(good))
        equal(os.listdir(lab.state / "spool"), [])


def parameters_are_checked():
    with Setting(1) as (lab, _):
        bad = [{"bootargs": "a'; reset; '"}, {"bootargs": "a\nb"},
               {"bootargs": "x" * 1025}, {"pass": "("}, {"fail": "a{9999}"},
               {"pass": b"\xff"},
               {"timeout": "0"}, {"timeout": "99999999"}, {"silence": "x"},
               {"priority": "12"}, {"board": "none"}, {"nonsense": "1"},
               {"user": "a/b"}, {"name": "a\x01"}]
        for query in bad:
            why = lab.submit(L.image("pass"), 422, **query)
            assert why, query
        a = lab.http("POST", "/api/jobs?name=a%00b", L.image("pass"))
        equal(a.status, 422, "NUL in the query")
        equal(lab.get("/api/jobs").json["jobs"], [], "no job was made")


def bootargs_reach_the_boot_script_in_quotes():
    text = 'console=ttyS0 a="b;c" $x `y` && reset'
    with Setting(1) as (lab, sim):
        id_ = lab.submit(L.image("loop"), bootargs=text)
        lab.wait(id_, until=("running",))
        script = (sim.boards[0].tftp / "boot.scr.uimg").read_bytes()
        assert f"\nsetenv bootargs '{text}'\n".encode() in script
        equal(lab.job(id_)["bootargs"], text)
        lab.http("DELETE", f"/api/jobs/{id_}")
        equal(os.listdir(sim.boards[0].tftp), [], "emptied after the job")


def multipart_brings_initrd_and_dtb():
    parts = {"image": L.image("loop"), "initrd": b"r" * 5000, "dtb": b"d" * 9}
    body = b""
    for name, data in parts.items():
        body += (f'--XYZ\r\nContent-Disposition: form-data; name="{name}"; '
                 f'filename="../../{name}"\r\n\r\n').encode()
        body += data + b"\r\n"
    body += b"--XYZ--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=XYZ"}
    with Setting(1) as (lab, sim):
        id_ = lab.submit(body, headers=kind)
        lab.wait(id_, until=("running",))
        tftp = sim.boards[0].tftp
        equal((tftp / "initrd").read_bytes(), parts["initrd"])
        equal((tftp / "dtb").read_bytes(), parts["dtb"])
        script = (tftp / "boot.scr.uimg").read_bytes()
        assert b"booti ${kernel_addr_r} ${lab_initrd} ${fdt_addr_r}" in script
        wrong = body.replace(b'"initrd"', b'"nonsense"')
        assert "part" in lab.submit(wrong, 422, headers=kind)
        wrong = body.replace(b'"image"', b'"dtb"')
        assert "part" in lab.submit(wrong, 422, headers=kind)


def raw(lab, data, limit=5, half_close=False):
    """Sends bytes as they are; returns what comes until the end."""
    s = socket.create_connection(("127.0.0.1", lab.port), timeout=limit)
    got = b""
    try:
        s.sendall(data)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
            if b"\r\n\r\n" in got and b"keep" in data:
                break
    except OSError:  # it has had enough of us
        pass
    s.close()
    return got


def limits_are_answered_before_the_body():
    with Setting(1, lab="image_max = 1M\n") as (lab, _):
        host = f"Host: 127.0.0.1:{lab.port}\r\nConnection: close\r\n"
        began = time.monotonic()
        got = raw(lab, f"POST /api/jobs HTTP/1.1\r\n{host}"
                       "Content-Length: 99999999\r\n\r\n".encode())
        assert b" 413 " in got.split(b"\r\n")[0], got
        assert time.monotonic() - began < 3
        got = raw(lab, f"POST /api/jobs?priority=77 HTTP/1.1\r\n{host}"
                       "Content-Length: 5000\r\n\r\n".encode())
        assert b" 422 " in got.split(b"\r\n")[0], got
        # No Content-Length: only the bytes themselves tell.
        piece = b"10000\r\n" + b"\0" * 65536 + b"\r\n"
        got = raw(lab, f"POST /api/jobs HTTP/1.1\r\n{host}"
                       "Transfer-Encoding: chunked\r\n\r\n".encode() +
                  piece * 20 + b"0\r\n\r\n")
        first = got.split(b"\r\n")[0]
        assert b" 413 " in first or b" 422 " in first, got
        got = raw(lab, f"POST /api/jobs/1/input HTTP/1.1\r\n{host}"
                       "Content-Length: 70000\r\n\r\n".encode())
        assert b" 413 " in got.split(b"\r\n")[0], got
        got = raw(lab, f"POST /api/jobs/1/input HTTP/1.1\r\n{host}"
                       "Transfer-Encoding: chunked\r\n\r\n".encode() +
                  piece * 2 + b"0\r\n\r\n")
        assert b" 413 " in got.split(b"\r\n")[0], got


def refused_uploads_leave_nothing_behind():
    """The queue fills up while an upload is on its way."""
    with Setting(1, lab="user_jobs = 1\n") as (lab, _):
        blocker = lab.submit(L.image("loop"), user="x", silence="60",
                             timeout="60")
        lab.wait(blocker, until=("running",))
        slow = L.image("slow", 200000)
        s = socket.create_connection(("127.0.0.1", lab.port), timeout=60)
        s.sendall((f"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1:{lab.port}"
                   f"\r\nConnection: close\r\n"
                   f"Content-Length: {len(slow)}\r\n\r\n").encode() +
                  slow[:1000])
        while not os.listdir(lab.state / "spool"):
            time.sleep(0.01)
        quick = lab.submit(L.image("quick"))
        s.sendall(slow[1000:])
        got = b""
        while piece := s.recv(65536):
            got += piece
        s.close()
        assert b" 429 " in got.split(b"\r\n")[0], got
        hashes = {lab.job(i)["image"]["hash"] for i in (blocker, quick)}
        equal(set(os.listdir(lab.state / "images")), hashes)
        equal(os.listdir(lab.state / "spool"), [])


def malformed_http_and_lies_do_no_harm():
    rng = random.Random(SEED)
    good = L.image("pass")
    with Setting(1, lab="request_timeout = 1\nupload_timeout = 2\n") as (
            lab, _):
        host = f"Host: 127.0.0.1:{lab.port}\r\nConnection: close\r\n"
        head = f"POST /api/jobs HTTP/1.1\r\n{host}".encode()
        for data in (b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"GET " + b"a" * 300000 + b" HTTP/1.1\r\n\r\n",
                     head + b"Content-Length: -5\r\n\r\n",
                     head + b"Content-Length: 5x\r\n\r\nhello",
                     head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                     head + b"X: " + b"y" * 300000 + b"\r\n\r\n"):
            raw(lab, data, 1, half_close=True)
        for _ in range(60):
            raw(lab, rng.randbytes(rng.randrange(1, 400)), 0.05,
                half_close=True)
        # Says more than it sends, then goes; says less than it sends.
        raw(lab, head + b"Content-Length: 9999\r\n\r\n" + good[:1000], 1,
            half_close=True)
        raw(lab, head + b"Content-Length: 60\r\n\r\n" + good, 1)
        # Gone in the middle.
        for cut in (0, 10, 70, 3000):
            s = socket.create_connection(("127.0.0.1", lab.port))
            s.sendall(head + b"Content-Length: 4096\r\n\r\n" + good[:cut])
            s.close()
        # Slow: a byte now and then must not keep it open for ever.
        for start in (b"GET / HT", head + b"Content-Length: 4096\r\n\r\n"):
            s = socket.create_connection(("127.0.0.1", lab.port))
            s.sendall(start)
            ended, began = False, time.monotonic()
            while time.monotonic() - began < 60 and not ended:
                try:
                    s.sendall(b"x")
                    if select.select([s], [], [], 0.2)[0]:
                        ended = not s.recv(4096)
                except (BrokenPipeError, ConnectionResetError):
                    ended = True
            assert ended, f"{start!r} is held open"
            s.close()
        equal(lab.get("/api/jobs").json["jobs"], [])
        equal(os.listdir(lab.state / "spool"), [])
        lab.wait(lab.submit(good))


def paths_reach_only_what_is_offered():
    with Setting(1) as (lab, _):
        for path in ("/static/../labd.conf", "/static/..%2f..%2fetc/passwd",
                     "/static/%2e%2e/lab.db", "/static//etc/passwd",
                     "/static/", "/static/index.html%00.js",
                     "/api/jobs/../../etc", "/api/jobs/1/../../x", "//",
                     "/api/jobs/99999999999999999999", "/api/jobs/1e1",
                     "/.git/config", "/xterm/xterm.js"):
            a = lab.get(path)
            assert a.status in (400, 404), (path, a.status)
            assert "error" in a.json or a.status == 400
        equal(lab.get("/api/jobs/7").status, 404)
        equal(lab.http("PUT", "/api/jobs", b"").status, 405)
        equal(lab.http("POST", "/", b"").status, 405)


def page_is_served_with_its_policy():
    with Setting(1) as (lab, _):
        for path, kind in (("/", "text/html"), ("/jobs/1", "text/html"),
                           ("/static/app.js", "text/javascript"),
                           ("/static/xterm.js", "text/javascript"),
                           ("/static/xterm.css", "text/css")):
            a = lab.get(path)
            equal(a.status, 200, path)
            assert a.headers["Content-Type"].startswith(kind)
            policy = a.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self';" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            equal(a.headers["X-Content-Type-Options"], "nosniff")
            equal(a.headers["X-Frame-Options"], "DENY")


def foreign_hosts_and_origins_are_refused():
    with Setting(1, lab="hosts = lab.example\n") as (lab, _):
        good = L.image("pass")
        own = f"http://127.0.0.1:{lab.port}"
        for host in ("evil.example", "localhost.evil.example", ""):
            equal(lab.get("/api/boards", Host=host).status, 421, host)
        for host in (f"localhost:{lab.port}", "lab.example", "[::1]:1"):
            equal(lab.get("/api/boards", Host=host).status, 200, host)
        for h in ({"Origin": "http://evil.example"}, {"Origin": "null"},
                  {"Sec-Fetch-Site": "cross-site"},
                  {"Sec-Fetch-Site": "same-site"},
                  {"Origin": own, "Sec-Fetch-Site": "cross-site"},
                  {"Origin": f"http://127.0.0.1:{lab.port + 1}"}):
            for method, path in (("POST", "/api/jobs"), ("POST", "/run"),
                                 ("DELETE", "/api/jobs/1"),
                                 ("POST", "/api/jobs/1/input"),
                                 ("POST", "/api/login")):
                body = good if method == "POST" else None
                equal(lab.http(method, path, body, h).status, 403, h)
        equal(lab.get("/api/jobs").json["jobs"], [])
        equal(lab.http("POST", "/api/jobs", good, {
            "Origin": own, "Sec-Fetch-Site": "same-origin"}).status, 201)


def token(lab, *words):
    out = subprocess.run([L.LABD, "-c", lab.config, "token", *words],
                         capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    return out.stdout.strip()


def tokens_and_roles_are_enforced():
    with Setting(1, lab="tokens = yes\n") as (lab, _):
        keys = {role: token(lab, "add", f"u-{role}", role)
                for role in ("watch", "run", "admin")}
        other = token(lab, "add", "u-other", "run")
        auth = {r: {"Authorization": f"Bearer {k}"} for r, k in keys.items()}
        good = L.image("loop")
        equal(lab.get("/").status, 200, "the page itself")
        for path in ("/api/jobs", "/api/boards", "/metrics", "/api/whoami"):
            equal(lab.get(path).status, 401, path)
            equal(lab.get(path, Authorization="Bearer x").status, 401)
            equal(lab.get(path, **auth["watch"]).status, 200)
        equal(lab.http("POST", "/api/jobs", good).status, 401)
        equal(lab.http("POST", "/api/jobs", good, auth["watch"]).status, 403)
        a = lab.http("POST", "/api/jobs?user=u-admin", good, auth["run"])
        equal(a.status, 201)
        id_ = a.json["id"]
        j = lab.get(f"/api/jobs/{id_}", **auth["watch"]).json
        equal(j["user"], "u-run", "the token's user, not the query's")
        stranger = {"Authorization": f"Bearer {other}"}
        equal(lab.http("DELETE", f"/api/jobs/{id_}", None,
                       stranger).status, 403)
        equal(lab.http("DELETE", f"/api/jobs/{id_}", None,
                       auth["watch"]).status, 403)
        equal(lab.http("POST", "/api/jobs?priority=9", good,
                       auth["run"]).status, 422)
        equal(lab.http("POST", "/api/jobs?priority=9", good,
                       auth["admin"]).status, 201)
        equal(lab.http("DELETE", f"/api/jobs/{id_}", None,
                       auth["admin"]).status, 202)
        login_by_cookie(lab, keys["watch"])
        rows = lab.database().execute("SELECT hash FROM tokens").fetchall()
        text = b"".join(r[0] for r in rows)
        for k in keys.values():
            assert k.encode() not in text and bytes.fromhex(k) not in text
        token(lab, "delete", "u-watch")
        equal(lab.get("/api/jobs", **auth["watch"]).status, 401)


def login_by_cookie(lab, key):
    a = lab.http("POST", "/api/login", json.dumps({"token": "wrong"}))
    equal(a.status, 401)
    equal(lab.http("POST", "/api/login", b"\xff{").status, 400)
    a = lab.http("POST", "/api/login", json.dumps({"token": key}))
    equal(a.status, 204)
    cookie = a.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    own = {"Cookie": cookie.split(";")[0]}
    equal(lab.get("/api/whoami", **own).json["role"], "watch")
    equal(lab.http("POST", "/api/logout", b"", own).status, 204)
    equal(lab.get("/api/whoami", **own).status, 401)


def other_addresses_demand_tokens_and_tls():
    with Setting(1) as (lab, _):
        text = lab.config.read_text()
        for extra, good in (("", False), ("tokens = yes\n", False),
                            ("tokens = yes\nbehind_proxy = yes\n", True)):
            path = lab.folder / "other.conf"
            path.write_text(text.replace("127.0.0.1:", "0.0.0.0:", 1).replace(
                "[lab]\n", f"[lab]\n{extra}"))
            done = subprocess.run([L.LABD, "-c", path, "--check"],
                                  capture_output=True, check=False)
            equal(done.returncode == 0, good, extra)
            # The option is no way around it either.
            path.write_text(text.replace("[lab]\n", f"[lab]\n{extra}"))
            done = subprocess.run(
                [L.LABD, "-c", path, "-l", "0.0.0.0:0", "--check"],
                capture_output=True, check=False)
            equal(done.returncode == 0, good, f"-l with {extra!r}")
        for words in (["-l", "0.0.0.0:0"], ["-l", "[::]:0"], ["-l", "x"],
                      ["-l", "127.0.0.1:99999"]):
            done = subprocess.run([L.LABD, *words, "--check"],
                                  capture_output=True, check=False)
            equal(done.returncode, 1, words)
            assert b"listen is not" in done.stderr, done.stderr


def tls_is_spoken():
    import ssl
    with Setting(1) as (lab, _):
        cert, key = lab.folder / "cert.pem", lab.folder / "key.pem"
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", key, "-out", cert, "-days", "2", "-subj",
             "/CN=localhost"], capture_output=True, check=False)
        if made.returncode:
            raise L.Skip("no openssl command")
        lab.stop()
        text = lab.config.read_text()
        lab.config.write_text(text.replace(
            "[lab]\n", f"[lab]\ntls_cert = {cert}\ntls_key = {key}\n"))
        lab.start()
        context = ssl.create_default_context(cafile=cert)
        context.check_hostname = False
        c = http.client.HTTPSConnection("127.0.0.1", lab.port,
                                        context=context, timeout=60)
        c.request("POST", "/run", L.image("tick 20"))
        body = c.getresponse().read()
        c.close()
        assert body.splitlines()[-1].startswith(b"lab: job 1 pass:"), body
        assert b"tick 000019" in body


def log_range_and_run_agree():
    with Setting(1) as (lab, _):
        a = lab.http("POST", "/run?" + urllib.parse.urlencode(
            {"name": "x"}), L.image("tick 40"))
        lines = a.body.splitlines()
        id_ = int(a.headers["X-Lab-Job"])
        equal(lines[-1], f"lab: job {id_} pass: 1 tests passed".encode())
        log = lab.log(id_)
        assert a.body.startswith(log)
        equal(len(log), lab.job(id_)["log_size"])
        path = f"/api/jobs/{id_}/log"
        r = lab.get(path, Range="bytes=10-19")
        equal((r.status, r.body), (206, log[10:20]))
        equal(r.headers["Content-Range"], f"bytes 10-19/{len(log)}")
        equal(lab.get(path, Range=f"bytes={len(log)}-").status, 416)
        equal(lab.get(path, Range="bytes=-5").body, log[-5:])
        equal(lab.get(path, Range="bytes=5-").body, log[5:])
        equal(lab.http("HEAD", path).headers["Content-Length"],
              str(len(log)))
        equal(lab.get(f"/api/jobs/{id_}/events?from=999999").status, 416)
        cast = lab.get(f"/api/jobs/{id_}/cast").body.decode().splitlines()
        equal(json.loads(cast[0])["version"], 2)
        events = [json.loads(line) for line in cast[1:]]
        equal("".join(e[2] for e in events).encode(), log)
        assert [e[0] for e in events] == sorted(e[0] for e in events)


def cast_has_the_time_of_each_byte():
    with Setting(1) as (lab, _):
        id_ = lab.submit(L.image("echo"), timeout="60")
        events = L.sse(lab, id_)
        seen = b""
        while not seen.endswith(b"$ "):
            event, _, data = next(events)
            seen += base64.b64decode(data) if event == "message" else b""
        time.sleep(0.5)
        equal(lab.http("POST", f"/api/jobs/{id_}/input", b"exit\r").status,
              204)
        equal(lab.wait(id_)["verdict"], "pass")
        cast = lab.get(f"/api/jobs/{id_}/cast").body.decode().splitlines()
        shown = [json.loads(line) for line in cast[1:]]
        at = [next(t for t, _, text in shown if word in text)
              for word in ("$ ", "exit")]
        assert at[1] - at[0] >= 0.5, at


def events_bring_states_bytes_and_the_end():
    with Setting(1) as (lab, _):
        id_ = lab.submit(L.image("tick 30"))
        got, states, offsets = b"", [], []
        for event, ident, data in L.sse(lab, id_):
            if event == "message":
                got += base64.b64decode(data)
                offsets.append(ident)
                equal(ident, len(got), "id is the offset after the bytes")
            elif event == "state":
                assert ident is None
                states.append(json.loads(data))
            else:
                equal(event, "end")
                last = json.loads(data)
        equal(got, lab.log(id_))
        equal(last["verdict"], "pass")
        assert "running" in [s["state"] for s in states]
        # Over: the same again, from the middle, and the end at once.
        tail = b"".join(base64.b64decode(d) for e, _, d in
                        L.sse(lab, id_, 100) if e == "message")
        equal(tail, got[100:])


def position_and_heartbeat_come_live():
    with Setting(1, lab="heartbeat = 0.3\n") as (lab, _):
        first = lab.submit(L.image("loop"), timeout="90", silence="90")
        lab.wait(first, until=("running",))
        second = lab.submit(L.image("loop"), timeout="90", silence="90")
        third = lab.submit(L.image("pass"))
        s = socket.create_connection(("127.0.0.1", lab.port), timeout=60)
        s.sendall((f"GET /api/jobs/{third}/events HTTP/1.1\r\n"
                   f"Host: 127.0.0.1:{lab.port}\r\n\r\n").encode())
        got = b""

        def until(text):
            nonlocal got
            while text not in got:
                piece = s.recv(65536)
                assert piece, got
                got += piece

        until(b'"position":2')
        until(b"\n: beat\n")
        assert b'"position":1' not in got
        lab.http("DELETE", f"/api/jobs/{second}")
        until(b'"position":1')
        lab.http("DELETE", f"/api/jobs/{first}")
        until(b"event: end")
        s.close()


class Viewer(threading.Thread):
    """Cut and resumed at random; collects every byte by offset."""

    def __init__(self, lab, id_, seed):
        super().__init__(daemon=True)
        self.lab, self.id, self.rng = lab, id_, random.Random(seed)
        self.bytes, self.cuts, self.error, self.done = b"", 0, None, False

    def run(self):
        try:
            while not self.done:
                self.follow()
        except Exception as why:
            self.error = repr(why)

    def follow(self):
        c = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=60)
        c.request("GET", f"/api/jobs/{self.id}/events",
                  headers={"Last-Event-ID": str(len(self.bytes))})
        r = c.getresponse()
        left, ident = self.rng.randrange(1, 200), None
        for line in r:
            if line.startswith(b"event: end"):
                self.done = True
            elif line.startswith(b"id: "):
                ident = int(line[4:])
            elif line.startswith(b"data: ") and ident is not None:
                self.bytes += base64.b64decode(line[6:])
                if ident != len(self.bytes):
                    raise AssertionError(f"{ident} != {len(self.bytes)}")
                ident, left = None, left - 1
                if left == 0 and self.rng.random() < 0.9:
                    self.cuts += 1
                    break
        c.close()


def fifty_viewers_cut_and_resumed_see_every_byte():
    with Setting(1) as (lab, _):
        id_ = lab.submit(L.image("tick 400"), timeout="60")
        viewers = [Viewer(lab, id_, SEED * 1000 + n) for n in range(50)]
        for v in viewers:
            v.start()
        lab.wait(id_, 60)
        log = hashlib.sha256(lab.log(id_)).hexdigest()
        for v in viewers:
            v.join(60)
            assert v.error is None, v.error
            equal(hashlib.sha256(v.bytes).hexdigest(), log)
        assert sum(v.cuts for v in viewers) > 20


def stopped_viewer_delays_nobody():
    with Setting(1) as (lab, _):
        id_ = lab.submit(L.image("flood 6000000"), timeout="60")
        request = (f"GET /api/jobs/{id_}/events HTTP/1.1\r\n"
                   f"Host: 127.0.0.1:{lab.port}\r\n\r\n").encode()
        stopped = []
        for _ in range(5):  # they never read a byte
            s = socket.create_connection(("127.0.0.1", lab.port))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(request)
            stopped.append(s)
        reader = Viewer(lab, id_, SEED)
        reader.start()
        j = lab.wait(id_)
        reader.join(60)
        equal(j["verdict"], "pass")
        equal(hashlib.sha256(reader.bytes).digest(),
              hashlib.sha256(lab.log(id_)).digest())
        began = time.monotonic()
        lab.get("/api/boards")
        assert time.monotonic() - began < 1
        for s in stopped:
            s.close()


def run_that_nobody_could_watch_makes_no_job():
    with Setting(1, lab="viewers_max = 1\n") as (lab, _):
        id_ = lab.submit(L.image("loop"), timeout="60", silence="60")
        c = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=60)
        c.request("GET", f"/api/jobs/{id_}/events")
        viewer = c.getresponse()  # its connection ends with this object
        equal(viewer.status, 200)
        equal(lab.http("POST", "/run", L.image("pass")).status, 429)
        equal([j["id"] for j in lab.get("/api/jobs").json["jobs"]], [id_])
        equal(os.listdir(lab.state / "spool"), [])
        viewer.close()


def log_ends_whole_at_its_limit():
    with Setting(1, lab="log_max = 100000\n") as (lab, _):
        j = lab.wait(lab.submit(L.image("flood 400000"), timeout="30"))
        equal((j["verdict"], j["reason"]), ("fail", "log limit"))
        equal(j["log_size"], 100000)
        equal(len(lab.log(j["id"])), 100000)


def log_limit_before_the_kernel_is_infra():
    """A line that never ends; the next attempt has room of its own."""
    limit = "log limit reached before the kernel's start"
    with Setting(1, lab="log_max = 100000\n", boot_timeout=60) as (lab, sim):
        for boots, verdict in ((1, "pass"), (2, "infra")):
            sim.boards[0].noise = [400000] * boots
            j = lab.wait(lab.submit(L.image(f"pass #{boots}"), timeout="60"))
            equal([a["verdict"] for a in j["attempts"]], ["infra", verdict])
            equal(j["attempts"][0]["reason"], limit)
            equal(j["attempts"][1]["offset"], 100000)
            assert j["log_size"] > 100000, j
        equal((j["reason"], j["log_size"]), (limit, 200000))


def verdict_stands_when_the_log_cannot_be_written():
    """Its disk runs full before the verdict, and while the board lingers."""
    if os.geteuid():
        raise L.Skip("needs root to mount a small file system")
    setting = Setting(1, linger=60)
    logs = setting.lab.state / "logs"
    logs.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16K", "tmpfs",
                       logs], capture_output=True, check=False).returncode:
        setting.sim.close()
        setting.lab.close()
        raise L.Skip("mounting a tmpfs is not allowed here")
    lab = setting.lab
    try:
        lab.start()
        j = lab.wait(lab.submit(L.image("flood 40000"), timeout="60",
                                **{"pass": "ABCDEFGH"}))
        equal((j["verdict"], len(j["attempts"])), ("pass", 1), j)
        assert 4000 < j["log_size"] < 16384, j["log_size"]
        j = lab.wait(lab.submit(L.image("flood 40000"), timeout="60"))
        equal((j["verdict"], j["reason"]),
              ("infra", "the log cannot be written"), j)
    finally:
        lab.stop()
        subprocess.run(["umount", "-l", logs], check=True)
        lab.close()
        setting.sim.close()


def input_has_one_writer_and_hands_over():
    with Setting(1) as (lab, sim):
        id_ = lab.submit(L.image("echo"), timeout="20")
        path = f"/api/jobs/{id_}/input"

        def type_as(who, data, take=""):
            return lab.http("POST", path + take, data, {"X-Lab-Writer": who})

        lab.wait(id_, until=("running",))
        equal(type_as("a", b"hel").status, 204)
        equal(type_as("a", b"lo ").status, 204)
        refused = type_as("b", b"no")
        equal((refused.status, refused.json["writer"]), (409, "a"))
        equal(type_as("b", b"yes ", "?take=1").status, 204)
        equal(type_as("a", b"no").status, 409)
        equal(lab.job(id_)["writer"], "b")
        equal(type_as("b" * 65, b"x").status, 422)
        equal(type_as("b", b"exit\r").status, 204)
        lab.wait(id_)
        assert b"hello yes exit" in lab.log(id_)
        equal(type_as("b", b"late").status, 409)


def nobody_types_before_the_kernel_runs():
    with Setting(1) as (lab, sim):
        id_ = lab.submit(L.image("nofirmware"))
        statuses, state = set(), ""
        while state != "done":
            state = lab.job(id_)["state"]
            statuses.add(lab.http("POST", f"/api/jobs/{id_}/input",
                                  b"\r").status)
        equal(statuses, {409})
        equal(sim.boards[0].typed, b"", "bytes that reached the board")


def queue_is_fair_and_bounded():
    with Setting(1, lab="queue_max = 12\nuser_jobs = 8\n") as (lab, _):
        blocker = lab.submit(L.image("loop"), user="x", timeout="30",
                             silence="30")
        lab.wait(blocker, until=("running",))
        flood = [lab.submit(L.image("pass"), user="flood") for _ in range(8)]
        a = lab.http("POST", "/api/jobs?user=flood", L.image("pass"))
        equal(a.status, 429)
        assert int(a.headers["Retry-After"]) > 0
        late = lab.submit(L.image("pass"), user="late")
        urgent = lab.submit(L.image("pass"), user="flood2", priority="9")
        equal(lab.job(urgent)["position"], 1)
        assert lab.job(late)["position"] <= 3
        for _ in range(2):
            lab.submit(L.image("pass"), user="more")
        equal(lab.http("POST", "/api/jobs?user=new",
                       L.image("pass")).status, 429, "queue full")
        lab.http("DELETE", f"/api/jobs/{blocker}")
        done = {i: lab.wait(i)["started"] for i in flood + [late, urgent]}
        order = sorted(done, key=done.get)
        equal(order[0], urgent)
        assert order.index(late) <= 3, order
        equal([i for i in order if i in flood], flood, "first in first out")


def waiting_jobs_have_a_deadline():
    with Setting(1, lab="board_wait = 0.3\nqueue_timeout = 4\n") as (
            lab, sim):
        sim.boards[0].fault = "silent"
        blocker = lab.submit(L.image("pass"))
        j = lab.wait(blocker)
        equal((j["state"], j["verdict"]), ("done", "infra"))
        assert "relay" in j["reason"], j["reason"]
        sim.boards[0].fault = None
        lab.wait_board("sim0", "ready")
        lab.submit(L.image("loop"), timeout="9", silence="9")
        j = lab.wait(lab.submit(L.image("pass")))
        equal(j["reason"], "no board was free in time")


def time_without_a_daemon_does_not_count():
    """Neither against a board that was down, nor in the queue."""
    with Setting(1, lab="board_wait = 3\nqueue_timeout = 60\n",
                 retry=1000, boot_timeout=30) as (lab, sim):

        def restart(fault):
            lab.stop()
            sim.boards[0].fault = fault
            lab.start()

        restart("silent")
        lab.wait_board("sim0", "down")
        id_ = lab.submit(L.image("pass"))
        lab.stop()
        # As if it had been so for a day, most of it without a daemon.
        with lab.database() as rows:
            for table, column in (("boards", "down_at"), ("jobs", "created")):
                rows.execute(f"UPDATE {table} SET {column} = {column} -"
                             " 86400000000")
        restart(None)
        equal(lab.wait(id_)["reason"], "1 tests passed")
        restart("silent")
        began = time.monotonic()
        equal(lab.wait(lab.submit(L.image("pass")))["verdict"], "infra")
        assert time.monotonic() - began > 2.5, "not its whole time"


def relay_fault(fault, readback):
    # Long enough that a loaded machine does not look like a silent console.
    with Setting(1, readback=readback, lab="board_wait = 30\n",
                 dwell=0.6) as (lab, sim):
        b = sim.boards[0]
        running = lab.submit(L.image("tick 100000"), timeout="60")
        lab.wait(running, until=("running",))
        if fault == "unplugged":
            b.unplug(True)
        else:
            b.fault = fault
        lab.http("DELETE", f"/api/jobs/{running}")
        down = lab.wait_board("sim0", "down")
        equal(down["health"], "down")
        assert down["reason"], down
        id_ = lab.submit(L.image("pass"))
        lab.kill()
        lab.start()
        time.sleep(1.2)
        equal(lab.job(id_)["state"], "queued", "no job on a board left on")
        if fault == "unplugged":
            b.unplug(False)
        else:
            b.fault = None
        j = lab.wait(id_)
        equal(j["verdict"], "pass", "the board came back")
        lab.wait_board("sim0", "ready")
        assert not b.on


def relay_that_stays_silent_takes_the_board_down():
    relay_fault("silent", True)


def relay_of_another_dialect_is_found_by_the_console():
    relay_fault("deaf", False)


def relay_with_a_stuck_contact_is_found_by_read_back():
    relay_fault("stuck", True)


def relay_with_a_stuck_contact_is_found_by_the_console():
    relay_fault("stuck", False)


def relay_that_is_unplugged_comes_back():
    relay_fault("unplugged", True)


def relays_of_both_dialects_switch():
    for dialect in ("a0", "d0"):
        with Setting(1, readback=False, dialect=dialect) as (lab, sim):
            equal(lab.wait(lab.submit(L.image("pass")))["verdict"], "pass")
            lab.wait_board("sim0", "ready")
            commands = [what for _, what in sim.boards[0].events]
            equal((commands.count("on"), commands[-1]), (1, "off"))


def relay_of_another_dialect_is_infra():
    """Nothing switches on: the lab's mistake, not the kernel's."""
    with Setting(1, readback=False, dialect="d0") as (lab, sim):
        lab.stop()
        text = lab.config.read_text()
        lab.config.write_text(text.replace("_dialect = d0", "_dialect = a0"))
        lab.start()
        j = lab.wait(lab.submit(L.image("pass")))
        equal((j["verdict"], j["reason"]),
              ("infra", "no kernel within boot_timeout of 1 s, last stage "
                        "power"))


def boards_on_one_relay_do_not_lock_each_other_out():
    """As an ordinary user: to root no tty is ever busy."""
    user = None if os.geteuid() else 65534
    for readback in (False, True):
        folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
        sim = S.Sim(folder, 8, readback, one_relay=True)
        for b in sim.boards:
            if user:
                os.chown(b.tftp, user, user)
            b.force_on()  # left on by a daemon that was killed
        # Silence as long is no busy machine's.
        config = sim.config(dwell=0.6, boot_timeout=60, retry=1000,
                            relay_delay=0.02)
        with L.Lab(config, folder=folder, user=user) as lab:
            one_relay_for_all(lab, sim)
        sim.close()


def one_relay_for_all(lab, sim):
    for b in sim.boards:
        lab.wait_board(b.name, "ready", 20)
        assert not b.on, f"{b.name} was left on"
    ids = [lab.submit(L.image(f"loop #{b.name}"), board=b.name, timeout="60",
                      silence="60") for b in sim.boards]
    for id_ in ids:
        lab.wait(id_, until=("running",))
        equal(len(lab.job(id_)["attempts"]), 1)
    assert all(b.on for b in sim.boards)
    lab.stop()
    sim.settle()
    equal([b.name for b in sim.boards if b.on], [], "left on at the end")
    equal(lab.log_text(), "labd: stopping, every board is switched off\n")


def silent_relay_delays_its_boards_once():
    """Not each of them, one after the other, for as long."""
    folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
    sim = S.Sim(folder, 8, one_relay=True)
    sim.boards[0].fault = "silent"
    # A second for an answer, thrice; in turns it would be 24 times.
    with L.Lab(sim.config(retry=1000), folder=folder) as lab:
        began = time.monotonic()
        for b in sim.boards:
            down = lab.wait_board(b.name, "down")
            assert "does not answer" in down["reason"], down
        assert time.monotonic() - began < 9
    sim.close()


def board_that_switches_itself_on_is_switched_off():
    """And is cold again, off for a whole dwell, before a job has it."""
    for readback in (False, True):
        with Setting(1, readback=readback, dwell=0.3) as (lab, sim):
            board = sim.boards[0]
            lab.wait_board("sim0", "ready")
            at = len(board.events)
            board.force_on()
            L.until(lambda: not board.on, f"left on, readback {readback}")
            equal(lab.wait(lab.submit(L.image("pass")))["verdict"], "pass")
            events = board.events[at + 1:]  # without its own "on"
            off = min(t for t, what in events if what == "off")
            on = min(t for t, what in events if what == "on")
            assert on - off > 0.29, f"warm: off for {on - off:.3f} s"


def infra_trouble_is_retried_once_and_not_blamed():
    with Setting(1) as (lab, sim):
        id_ = lab.submit(L.image("nofirmware"))
        j = lab.wait(id_)
        equal(j["verdict"], "infra")
        equal([a["verdict"] for a in j["attempts"]], ["infra", "infra"])
        assert "tftp" in j["reason"], j["reason"]
        assert j["attempts"][1]["offset"] > 0, "offsets into one log"
        sim.boards[0].fault = "deaf"
        id_ = lab.submit(L.image("pass"))
        time.sleep(0.2)
        sim.boards[0].fault = None
        j = lab.wait(id_)
        equal(j["verdict"], "pass", "only the relay was broken")


def board_that_reaches_no_kernel_is_used_last():
    """Beside a healthy one, which the retries go to; alone it goes on."""
    with Setting(2, boot_timeout=30, retry=6, relay_delay=0.02) as (
            lab, sim):
        sim.boards[0].no_tftp = True
        # The good one takes longer for each than the other for three.
        ids = [lab.submit(L.image(f"tick 200 #{n}"), user=f"u{n}",
                          timeout="60", silence="60") for n in range(6)]
        tried = 0
        for id_ in ids:
            j = lab.wait(id_)
            equal(j["verdict"], "pass", j["attempts"])
            equal(j["attempts"][-1]["board"], "sim1")
            tried += len(j["attempts"]) - 1
        equal(tried, 3, "jobs that it was still given")
        equal([b["health"] for b in lab.boards().values()],
              ["doubtful", "ok"])
        reason = lab.boards()["sim0"]["reason"]
        assert "last 3 attempts were infra: " in reason, reason
        # Who asks for it gets it, and has only it to be tried again on.
        id_ = lab.submit(L.image("pass"), board="sim0")
        equal([a["board"] for a in lab.wait(id_)["attempts"]],
              ["sim0", "sim0"])
        sim.boards[0].no_tftp = False
        equal(lab.wait(lab.submit(L.image("pass"), board="sim0"))["verdict"],
              "pass")
        equal(lab.boards()["sim0"]["health"], "ok")


def make_doubtful(lab, board):
    board.no_tftp = True
    for n in range(2):
        lab.wait(lab.submit(L.image(f"pass #{n}"), board=board.name))
    board.no_tftp = False


def infra_that_is_not_the_boards_fault_makes_it_no_doubt():
    """Nor does it clear one; the job's own limit stands for all of it."""
    with Setting(1, boot_timeout=30, retry=60) as (lab, sim):

        def infra_twice(word, **query):
            j = lab.wait(lab.submit(L.image(word), **query))
            equal([a["verdict"] for a in j["attempts"]], ["infra", "infra"])

        for n in range(2):
            infra_twice(f"nofirmware #{n}", timeout="0.001")
        equal(lab.boards()["sim0"]["health"], "ok")
        infra_twice("tftpfail")
        infra_twice("nofirmware", timeout="0.001")
        equal(lab.boards()["sim0"]["health"], "ok", "two in a row")
        infra_twice("tftpfail")
        infra_twice("nofirmware", timeout="0.001")
        b = lab.boards()["sim0"]
        equal((b["health"], b["infra"]), ("doubtful", 12))
        assert "last 4 attempts were infra: " in b["reason"], b


def damaged_image_makes_no_doubt_of_its_board():
    with Setting(1) as (lab, sim):
        running = lab.submit(L.image("loop"), timeout="60", silence="60")
        lab.wait(running, until=("running",))
        ids = [lab.submit(L.image(f"pass #{n}")) for n in range(3)]
        hashes = [lab.job(id_)["image"]["hash"] for id_ in ids]
        lab.kill()
        for name in hashes:
            path = lab.state / "images" / name
            path.chmod(0o644)
            path.write_bytes(b"x" * 4096)
        lab.start()
        lab.http("DELETE", f"/api/jobs/{running}")
        for id_ in ids:
            assert "damaged" in lab.wait(id_)["reason"]
        equal(lab.boards()["sim0"]["health"], "ok")


def doubtful_board_is_used_where_no_better_one_is_up():
    loop = {"timeout": "600", "silence": "600"}
    with Setting(2, boot_timeout=30, retry=6, relay_delay=0.02) as (
            lab, sim):
        make_doubtful(lab, sim.boards[0])
        equal(lab.boards()["sim0"]["health"], "doubtful")
        busy = lab.submit(L.image("loop"), board="sim1", **loop)
        lab.wait(busy, until=("running",))
        id_ = lab.submit(L.image("pass"))
        time.sleep(0.5)
        equal(lab.job(id_)["state"], "queued", "it waits for the better one")
        sim.boards[1].fault = "silent"
        lab.http("DELETE", f"/api/jobs/{busy}")
        equal(lab.wait(id_)["board"], "sim0")
    with Setting(2, boot_timeout=30, relay_delay=0.02) as (lab, sim):
        make_doubtful(lab, sim.boards[0])
        lab.submit(L.image("loop"), board="sim1", **loop)
        equal(lab.wait(lab.submit(L.image("pass")))["board"], "sim0",
              "tried again after a while")


def restart_ends_the_attempt_as_infra_and_retries():
    with Setting(1) as (lab, _):
        id_ = lab.submit(L.image("tick 60"))
        lab.wait(id_, until=("running",))
        waiting = lab.submit(L.image("pass"))
        lab.kill()
        lab.start()
        j = lab.wait(id_)
        equal([a["verdict"] for a in j["attempts"]], ["infra", "pass"])
        equal(j["attempts"][0]["reason"], "daemon restarted")
        equal(lab.wait(waiting)["verdict"], "pass")
        id_ = lab.submit(L.image("loop"), silence="20")
        for _ in range(2):
            lab.wait(id_, until=("running",))
            lab.kill()
            lab.start()
        j = lab.job(id_)
        equal((j["verdict"], j["reason"]), ("infra", "daemon restarted"))


def job_whose_log_is_unusable_does_not_stop_the_daemon():
    with Setting(1) as (lab, sim):
        broken = lab.submit(L.image("loop"), timeout="60", silence="60")
        lab.wait(broken, until=("running",))
        waiting = lab.submit(L.image("pass"))
        lab.kill()
        log = lab.state / "logs" / f"{broken}.log"
        log.unlink()
        log.mkdir()
        lab.start()
        j = lab.wait(broken)
        equal((j["verdict"], j["reason"], len(j["attempts"])),
              ("infra", "its log cannot be opened", 1))
        equal(lab.wait(waiting)["verdict"], "pass")
        log.rmdir()


def daemon_that_cannot_start_switches_every_board_off():
    def break_it(lab, how):
        text = lab.config.read_text()
        if how == "database":
            for f in lab.state.glob("lab.db*"):
                f.unlink()
            (lab.state / "lab.db").write_bytes(b"x" * 8192)
        elif how == "tls":
            lab.config.write_text(text.replace(
                "[lab]\n", "[lab]\ntls_cert = /no\ntls_key = /no\n"))
        elif how == "address":
            lab.config.write_text(re.sub(
                "listen = .*", "listen = 192.0.2.1:1\ntokens = yes\n"
                "behind_proxy = yes", text))
        elif how == "store":
            shutil.rmtree(lab.state / "spool")
            (lab.state / "spool").symlink_to("/no/such")

    for how in ("database", "tls", "address", "store"):
        for readback in (True, False):
            with Setting(2, readback=readback) as (lab, sim):
                for b in sim.boards:
                    lab.wait(lab.submit(L.image(f"loop #{b.name}"),
                                        board=b.name, timeout="60"),
                             until=("running",))
                lab.kill()
                sim.settle()
                assert all(b.on for b in sim.boards)
                break_it(lab, how)
                lab.start(wait=False)
                equal(lab.process.wait(60), 1, how)
                sim.settle()
                equal([b.name for b in sim.boards if b.on], [], how)


def failed_start_runs_power_commands_even_without_a_run_folder():
    listener = socket.create_server(("127.0.0.1", 0))
    folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
    switch = shared_file(folder, "switch")
    config = command_board(folder, listener.getsockname()[1],
                           power_off=f"sleep 0.3; echo off > {switch}")
    lab = L.Lab(config, folder=folder)
    lab.state.mkdir()
    (lab.state / "run").write_bytes(b"")
    (lab.state / "lab.db").write_bytes(b"x" * 8192)
    lab.start(wait=False)
    equal(lab.process.wait(60), 1)
    equal(open(switch).read(), "off\n", "not waited for")
    lab.close()
    listener.close()


def daemon_refused_its_folder_leaves_the_boards_alone():
    """They are those of the daemon that has it."""
    with Setting(1) as (lab, sim):
        lab.wait(lab.submit(L.image("loop"), timeout="60"),
                 until=("running",))
        done = subprocess.run([L.LABD, "-c", lab.config], timeout=60,
                              capture_output=True, check=False)
        equal(done.returncode, 1, done.stderr)
        sim.settle()
        assert sim.boards[0].on, "switched off under a running job"


def daemon_whose_address_is_taken_leaves_the_boards_alone():
    """They may be those of the daemon that has it, on another folder."""
    with Setting(1) as (lab, sim):
        id_ = lab.submit(L.image("tick 1000000"), timeout="600")
        lab.wait(id_, until=("running",))
        done = subprocess.run(
            [L.LABD, "-c", lab.config, "-s", lab.folder / "other"],
            timeout=60, capture_output=True, text=True, check=False)
        equal(done.returncode, 1, done.stderr)
        assert (f"labd: 127.0.0.1:{lab.port}: Address already in use" in
                done.stderr), done.stderr
        sim.settle()
        assert sim.boards[0].on, "switched off under a running job"
        equal(sim.boards[0].events[-1][1], "on")
        j = lab.job(id_)
        equal((j["state"], len(j["attempts"])), ("running", 1), j)


def unknown_user_to_run_as_is_named_before_any_board_is_touched():
    """Its power commands would run as root."""
    folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
    switch = shared_file(folder, "switch")
    config = command_board(folder, 1, power_off=f"id -u > {switch}")
    lab = L.Lab(config, "run_as = nobody_of_that_name\n", folder)
    for words in (["--check"], []):
        if not words and os.geteuid():
            continue  # it runs nothing as another user
        done = subprocess.run([L.LABD, "-c", lab.config, *words], timeout=60,
                              capture_output=True, text=True, check=False)
        equal(done.returncode, 1, words)
        assert "run_as = nobody_of_that_name: no such user" in done.stderr, (
            done.stderr)
        equal(open(switch).read(), "", "switched all the same")
    lab.close()


def every_signal_that_ends_it_switches_the_board_off():
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGINT):
        before = signal.signal(number, signal.SIG_DFL)
        try:
            with Setting(1) as (lab, sim):
                lab.wait(lab.submit(L.image("loop"), timeout="60"),
                         until=("running",))
                lab.process.send_signal(number)
                equal(lab.process.wait(60), 0, number)
                sim.settle()
                assert not sim.boards[0].on, f"left on by {number}"
        finally:
            signal.signal(number, before)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    try:
        with Setting(1) as (lab, _):
            lab.process.send_signal(signal.SIGHUP)
            time.sleep(0.2)
            equal(lab.wait(lab.submit(L.image("pass")))["verdict"], "pass")
    finally:
        signal.signal(signal.SIGHUP, before)


def second_daemon_on_one_state_folder_is_refused():
    with Setting(1) as (lab, _):
        done = subprocess.run([L.LABD, "-c", lab.config], timeout=60,
                              capture_output=True, check=False)
        assert done.returncode != 0
        assert b"another labd" in done.stderr, done.stderr


def on_a_small_disk(case, options=""):
    """Runs case(lab, sim, folder) with 24 MiB of disk, watermark at 8."""
    if os.geteuid():
        raise L.Skip("needs root to mount a small file system")
    folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24M", "tmpfs",
                       folder], capture_output=True, check=False).returncode:
        os.rmdir(folder)
        raise L.Skip("mounting a tmpfs is not allowed here")
    try:
        os.chmod(folder, 0o755)
        sim = S.Sim(folder, 1)
        lab = L.Lab(sim.config(), options, folder)
        text = lab.config.read_text()
        lab.config.write_text(text.replace("disk_low = 1M", "disk_low = 8M"))
        try:
            lab.start()
            case(lab, sim, folder)
        finally:
            lab.stop()
            lab.errors.close()
            sim.close()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        os.rmdir(folder)


def free_above_watermark(folder):
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize - (8 << 20)


def fill_up_to(lab, folder, spare):
    """Until so many bytes above the watermark are free."""
    with open(lab.folder / "filler", "ab") as out:
        out.write(b"x" * (free_above_watermark(folder) - spare))


def upload_begun(lab, body, part, user):
    """The connection of an upload of which part bytes are sent."""
    s = socket.create_connection(("127.0.0.1", lab.port), timeout=60)
    s.sendall((f"POST /api/jobs?user={user} HTTP/1.1\r\nHost: 127.0.0.1"
               f":{lab.port}\r\nConnection: close\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() +
              body[:part])
    return s


def answer_of(s, rest=b""):
    """The status line, once the rest of the body is sent."""
    s.sendall(rest)
    got = b""
    while data := s.recv(65536):
        got += data
    return got.split(b"\r\n")[0]


def full_disk_refuses_uploads_and_ends_jobs():
    on_a_small_disk(full_disk)


def many_slow_uploads_end_nobodys_job():
    on_a_small_disk(slow_uploads)


def slow_uploads(lab, sim, folder):
    """Each of them has little yet, all together more than there is."""
    running = lab.submit(L.image("tick 1000000"), timeout="600")
    lab.wait(running, until=("running",))
    fill_up_to(lab, folder, 3 << 20)
    body, piece = L.image("pass", 8 << 20), 250 << 10
    slow = []
    try:
        for n in range(16):
            slow.append(upload_begun(lab, body, piece, f"u{n}"))
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert free_above_watermark(folder) > 0, "crossed"
            time.sleep(0.05)
        for s in slow:
            s.sendall(body[piece:])
        answers = {answer_of(s) for s in slow}
        equal(answers, {b"HTTP/1.1 507 Insufficient Storage"})
        j = lab.job(running)
        equal((j["state"], len(j["attempts"])), ("running", 1), j)
    finally:
        for s in slow:
            s.close()
    # All that was set aside is given back.
    small = lab.submit(L.image("pass #small", 1 << 20), user="x")
    lab.http("DELETE", f"/api/jobs/{running}")
    equal(lab.wait(small)["verdict"], "pass")


def uploads_on_their_way_cost_nobody_a_job():
    on_a_small_disk(uploads_that_never_end, "image_max = 3M\n")


def until_spooled(lab, count):
    L.until(lambda: len(os.listdir(lab.state / "spool")) == count,
            f"not {count} in the spool")


def uploads_that_never_end(lab, sim, folder):
    """They fill the disk; jobs that are over, and one that runs, stay."""
    over = [lab.wait(lab.submit(L.image(f"pass #{n}", 3 << 20)))["id"]
            for n in range(2)]
    with lab.database() as rows:
        rows.execute("UPDATE jobs SET finished = finished - 61000000")
    running = lab.submit(L.image("tick 1000000"), timeout="600")
    lab.wait(running, until=("running",))
    body, part = L.image("pass #slow", 3 << 20), (3 << 20) - 1000
    fill_up_to(lab, folder, 17 << 19)
    slow = [upload_begun(lab, body, part, "slow") for _ in range(2)]
    try:
        L.until(lambda: free_above_watermark(folder) <= 3 << 20,
                "they do not fill the disk")
        lab.submit(L.image("pass #more", 3 << 20), 507)
        time.sleep(1.2)  # two ticks of what removes old jobs
        equal([j["id"] for j in lab.get("/api/jobs").json["jobs"]],
              [running] + over[::-1], "removed for uploads")
        # Below the watermark it is the uploads that go.
        fill_up_to(lab, folder, -1 << 19)
        L.until(lambda: free_above_watermark(folder) >= 0, "no room is made")
        for s in slow:
            equal(answer_of(s, body[part:]),
                  b"HTTP/1.1 507 Insufficient Storage")
        equal([j["id"] for j in lab.get("/api/jobs").json["jobs"]],
              [running] + over[::-1])
        j = lab.job(running)
        equal((j["state"], len(j["attempts"])), ("running", 1), j)
    finally:
        for s in slow:
            s.close()


def uploads_on_their_way_count_for_their_user():
    with Setting(1, lab="user_bytes = 1M\n") as (lab, _):
        body = L.image("pass #slow", 700000)
        s = upload_begun(lab, body, 1000, "a")
        until_spooled(lab, 1)
        other = L.image("loop", 500000)
        assert "too large" in lab.submit(other, 429, user="a")
        lab.submit(other, user="b")
        equal(answer_of(s, body[1000:]), b"HTTP/1.1 201 Created")
        s.close()
        s = upload_begun(lab, body, 1000, "c")
        until_spooled(lab, 1)
        s.close()
        until_spooled(lab, 0)
        lab.submit(other, user="c")


def full_disk(lab, sim, folder):
    filler = lab.folder / "filler"
    running = lab.submit(L.image("tick 100000"), timeout="60")
    lab.wait(running, until=("running",))
    # Uploads that do not fit any more while they come.
    why = lab.submit(L.image("pass", 30 << 20), 507)
    assert "full" in why, why
    equal(os.listdir(lab.state / "spool"), [])
    filler.write_bytes(b"x" * (17 << 20))
    equal(lab.http("POST", "/api/jobs", L.image("pass")).status, 507)
    j = lab.wait(running, until=("queued",))
    equal(j["attempts"][0]["verdict"], "infra")
    assert "disk" in j["attempts"][0]["reason"]
    lab.wait_board("sim0", "ready")
    assert not sim.boards[0].on
    filler.unlink()
    lab.wait(running, until=("running",))
    lab.http("DELETE", f"/api/jobs/{running}")
    equal(lab.wait(lab.submit(L.image("pass")))["verdict"], "pass")


def low_disk_makes_old_jobs_go_first():
    on_a_small_disk(old_jobs_go_first, "image_max = 3M\n")


def old_jobs_go_first(lab, sim, folder):
    """keep_bytes is larger than the disk; what ended just now stays."""
    def age(ids):
        with lab.database() as rows:
            for id_ in ids:
                rows.execute("UPDATE jobs SET finished = finished - 61000000 "
                             "WHERE id = ?", (id_,))

    def left():
        return [j["id"] for j in lab.get("/api/jobs").json["jobs"]][::-1]

    ids = [lab.wait(lab.submit(L.image(f"pass #{n}", 3 << 20)))["id"]
           for n in range(4)]
    running = lab.submit(L.image("tick 1000000"), timeout="600")
    lab.wait(running, until=("running",))
    lab.submit(L.image("pass #more", 3 << 20), 507)
    time.sleep(1.2)
    equal(left(), ids + [running])
    age(ids[:2])
    lab.submit(L.image("pass #more", 3 << 20), 507)
    L.until(lambda: ids[0] not in left(), "no room is made")
    more = lab.submit(L.image("pass #more", 3 << 20))
    # Below the watermark: before any job is ended for it.
    age(ids)
    fill_up_to(lab, folder, -1 << 20)
    L.until(lambda: free_above_watermark(folder) >= 0 and
            ids[2] not in left(), "no room is made")
    j = lab.job(running)
    equal((j["state"], len(j["attempts"])), ("running", 1), j)
    lab.http("DELETE", f"/api/jobs/{running}")
    equal(lab.wait(more)["verdict"], "pass")


def left_of(lab, limit):
    """The jobs that are left once images take no more than this."""
    L.until(lambda: sum(f.stat().st_size for f in
                        (lab.state / "images").iterdir()) <= limit,
            "no room is made")
    return [j["id"] for j in lab.get("/api/jobs").json["jobs"]]


def old_jobs_make_room():
    with Setting(1, lab="keep_bytes = 200K\n") as (lab, _):
        ids = [lab.wait(lab.submit(L.image(f"pass {n}", 100000)))["id"]
               for n in range(5)]
        lab.stop()
        lab.start()
        left = left_of(lab, 200 << 10)
        assert ids[-1] in left and ids[0] not in left, left
        equal(len(os.listdir(lab.state / "images")), len(left))
        equal(lab.get(f"/api/jobs/{ids[0]}/log").status, 404)
        lab.stop()
        text = lab.config.read_text()
        lab.config.write_text(text.replace("keep_bytes = 200K",
                                           "keep_age = 0.1"))
        lab.start()
        L.until(lambda: not lab.get("/api/jobs").json["jobs"],
                "older than keep_age")
        equal(os.listdir(lab.state / "images") + os.listdir(
            lab.state / "logs"), [])
    # What came beside the image takes room too.
    head = '--XYZ\r\nContent-Disposition: form-data; name="%s"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=XYZ"}
    with Setting(1, lab="keep_bytes = 200K\n") as (lab, _):
        ids = []
        for n in range(5):
            body = ((head % "image").encode() + L.image(f"pass {n}") +
                    b"\r\n" + (head % "initrd").encode() +
                    bytes([n]) * 100000 + b"\r\n--XYZ--\r\n")
            ids.append(lab.wait(lab.submit(body, headers=kind))["id"])
        lab.stop()
        lab.start()
        left = left_of(lab, 200 << 10)
        assert ids[-1] in left and ids[0] not in left, left
        equal(len(os.listdir(lab.state / "images")), 2 * len(left))


def add_old_jobs(lab, count, finished, log_size=0):
    """Rows of jobs that are over; returns their ids."""
    with lab.database() as rows:
        first = (rows.execute("SELECT max(id) FROM jobs").fetchone()[0]
                 or 0) + 1
        rows.executemany(
            "INSERT INTO jobs (id, name, user, wanted, bootargs, priority, "
            "timeout, silence, image, initrd, dtb, state, verdict, finished, "
            "log_size) VALUES (?, '', 'old', '', '', 5, 1, 1, '', '', '', "
            "?, 'fail', ?, ?)",
            [(first + n, ("done", "cancelled")[n % 2], finished + n, log_size)
             for n in range(count)])
    return range(first, first + count)


def old_jobs_in_the(lab):
    return lab.database().execute(
        "SELECT count(*) FROM jobs WHERE user = 'old'").fetchone()[0]


def cpu_seconds(pid):
    text = open(f"/proc/{pid}/stat", encoding="ascii").read()
    words = text[text.rindex(")") + 2:].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def many_old_jobs_go_at_once_and_cheaply():
    """However many more there are, and while others are answered."""
    with Setting(1, lab="keep_age = 1d\n") as (lab, _):
        now = int(time.time() * 1e6)
        add_old_jobs(lab, 30000, now - 43200000000)
        gone = add_old_jobs(lab, 1000, now - 2 * 86400000000)
        lab.stop()
        lab.start()
        end = time.monotonic() + 60
        while (left := old_jobs_in_the(lab)) > 30000:
            assert time.monotonic() < end, f"{left} are left"
            lab.get("/api/whoami")
        equal(left, 30000)
        equal(lab.get(f"/api/jobs/{gone[-1]}").status, 404)
        took = cpu_seconds(lab.process.pid)
        assert took < 5, f"{took:.1f} s of CPU"


def low_disk_makes_all_old_jobs_go_before_one_that_runs():
    on_a_small_disk(many_old_jobs_go_first)


def many_old_jobs_go_first(lab, sim, folder):
    running = lab.submit(L.image("tick 1000000"), timeout="600")
    lab.wait(running, until=("running",))
    size = 60 << 10
    for id_ in add_old_jobs(lab, 200, 1, size):
        (lab.state / "logs" / f"{id_}.log").write_bytes(b"x" * size)
    # The database's journal takes its own, up to 4 MiB.
    fill_up_to(lab, folder, -100 * size)
    L.until(lambda: free_above_watermark(folder) >= 0, "no room is made")
    j = lab.job(running)
    equal((j["state"], len(j["attempts"])), ("running", 1), j)
    assert old_jobs_in_the(lab) <= 100


def metrics_and_boards_tell_the_truth():
    with Setting(2) as (lab, _):
        lab.wait(lab.submit(L.image("pass"), board="sim1"))
        lab.wait_board("sim1", "ready")
        text = lab.get("/metrics").body.decode()
        for line in ('lab_jobs_total{verdict="pass"} 1', "lab_jobs_queued 0",
                     'lab_board_up{board="sim0"} 1',
                     'lab_board_power_cycles_total{board="sim1"} 1',
                     'lab_board_power_cycles_total{board="sim0"} 0'):
            assert line in text.splitlines(), line
        b = lab.boards()["sim1"]
        equal((b["jobs"], b["power"], b["console"], b["netboot"]),
              (1, "relay", "tty", "external"))


def example_configuration_is_valid():
    """As it is, and with everything in it that is commented out."""
    text = (L.ROOT / "tools/lab/labd.conf").read_text()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "labd.conf")
        for what in (text, re.sub(r"(?m)^# (\w+ = |\[)", r"\1", text)):
            with open(path, "w", encoding="ascii") as out:
                out.write(what)
            done = subprocess.run([L.LABD, "-c", path, "--check"],
                                  capture_output=True, text=True, check=False)
            equal(done.returncode, 0, done.stderr)
    assert "3 boards" in done.stdout, done.stdout


def command_board(folder, port, **keys):
    """A board on power commands and a TCP console, in folder."""
    keys = {"power": "command", "console": "tcp", "netboot": "external",
            "power_on": "true", "power_off": "true", "dwell": "0.05",
            "settle": "0.04",
            "tcp": f"127.0.0.1:{port}", "tftp_root": folder, **keys}
    return "[board net]\n" + "".join(f"{k} = {v}\n"
                                     for k, v in keys.items())


def board_is_back_as_soon_as_its_console_is():
    """Down without it, and not until the next try is due."""
    port = L.free_port()
    folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
    config = command_board(folder, port, retry="1000")
    with L.Lab(config, folder=folder) as lab:
        down = lab.wait_board("net", "down")
        assert "console" in down["reason"], down
        with socket.create_server(("127.0.0.1", port)):
            lab.wait_board("net", "ready")


def ready_board_that_loses_its_console_is_down():
    """Between jobs, with and without a relay that proves off."""
    for readback in (False, True):
        folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
        sim, port = S.Sim(folder, 1, readback), L.free_port()
        config = sim.config(dwell=0.05).replace(
            "console = tty", f"console = tcp\ntcp = 127.0.0.1:{port}")
        listener = socket.create_server(("127.0.0.1", port))
        with L.Lab(config, "board_wait = 0.3\n", folder) as lab:
            console, _ = listener.accept()
            lab.wait_board("sim0", "ready")
            listener.close()
            console.close()
            down = lab.wait_board("sim0", "down")
            equal(down["health"], "down")
            assert "console" in down["reason"], down
            j = lab.wait(lab.submit(L.image("pass")))
            equal(j["verdict"], "infra")
            assert "console" in j["reason"], j["reason"]
            with socket.create_server(("127.0.0.1", port)):
                lab.wait_board("sim0", "ready")
        sim.close()


def opens_below(pid, folder):
    """The file of a folder that a process has open, and how far it is."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            path = os.readlink(f"/proc/{pid}/fd/{fd}")
            if path.startswith(f"{folder}/"):
                info = open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii")
                return path, int(info.readline().split()[1])
        except OSError:
            pass  # closed meanwhile
    return None, 0


def console_lost_while_files_are_checked_keeps_the_board_off():
    """An inherited job's: they take a while, behind the proof of off."""
    for _ in range(5):
        if console_lost_in_the_check():
            return
    raise AssertionError("the check was over before the console went")


def console_lost_in_the_check():
    folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
    sim, port = S.Sim(folder, 1), L.free_port()
    config = sim.config(dwell=0.05, boot_timeout=60).replace(
        "console = tty", f"console = tcp\ntcp = 127.0.0.1:{port}")
    listener = socket.create_server(("127.0.0.1", port))
    size = 128 << 20
    with L.Lab(config, folder=folder) as lab:
        first, _ = listener.accept()
        id_ = lab.submit(L.image("pass", size))
        until_on(sim.boards[0])
        lab.kill()
        first.close()
        sim.settle()
        lab.start()
        console, _ = listener.accept()
        path, end = None, time.monotonic() + 10
        while not path and time.monotonic() < end:
            path, _ = opens_below(lab.process.pid, lab.state / "images")
        lab.process.send_signal(signal.SIGSTOP)
        path, at = opens_below(lab.process.pid, lab.state / "images")
        listener.close()
        console.close()
        lab.process.send_signal(signal.SIGCONT)
        hit = path is not None and at < size - (8 << 20)
        if hit:
            j = lab.wait(id_)
            equal((j["verdict"], len(j["attempts"])), ("infra", 2))
            assert j["reason"].startswith("console 127.0.0.1:"), j["reason"]
            sim.settle()
            events = [what for _, what in sim.boards[0].events]
            equal(events.count("on"), 1, "switched on blind")
    sim.close()
    return hit


def until_on(board):
    L.until(lambda: board.on, "not switched on")


def console_server_that_dies_without_a_word_is_noticed():
    """As by a power failure: no FIN, no RST, only questions unanswered."""
    names = [f"lab{os.getpid()}{end}" for end in "ab"]
    try:
        subprocess.run(["ip", "netns", "add", names[0]], check=True,
                       capture_output=True)
    except (OSError, subprocess.CalledProcessError) as why:
        raise L.Skip("needs root for a network namespace") from why
    folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
    server = None
    try:
        for words in (f"link add {names[0]} type veth peer name {names[1]}"
                      f" netns {names[0]}",
                      f"addr add 10.213.7.1/30 dev {names[0]}",
                      f"link set {names[0]} up",
                      f"-n {names[0]} addr add 10.213.7.2/30 dev {names[1]}",
                      f"-n {names[0]} link set {names[1]} up"):
            subprocess.run(["ip", *words.split()], check=True)
        server = subprocess.Popen(
            ["ip", "netns", "exec", names[0], sys.executable, "-c",
             "import socket, time; s = socket.create_server(('10.213.7.2', "
             "4007)); c = s.accept(); print(flush=True); time.sleep(1000)"],
            stdout=subprocess.PIPE)
        config = command_board(folder, 4007, retry="1000").replace(
            "127.0.0.1:", "10.213.7.2:")
        with L.Lab(config, folder=folder) as lab:
            server.stdout.readline()
            lab.wait_board("net", "ready")
            subprocess.run(["ip", "-n", names[0], "link", "set", names[1],
                            "down"], check=True)
            down = lab.wait_board("net", "down", 20)
            assert "console" in down["reason"], down
    finally:
        if server:
            server.kill()
            server.wait()
        subprocess.run(["ip", "link", "del", names[0]], check=False,
                       capture_output=True)
        subprocess.run(["ip", "netns", "del", names[0]], check=False,
                       capture_output=True)


def jobs_do_not_wait_for_ever_for_dnsmasq():
    board = "[board virt]\nnetboot = tap\n"
    with L.Lab(board, "dnsmasq = /bin/false\nboard_wait = 0.5\n") as lab:
        b = lab.wait_board("virt", "ready")
        equal(b["health"], "down")
        assert b["down_since"] and "dnsmasq" in b["reason"], b
        j = lab.wait(lab.submit(L.image("pass")))
        equal((j["verdict"], len(j["attempts"])), ("infra", 0))
        assert "dnsmasq" in j["reason"], j["reason"]


def shared_file(folder, name):
    """A file that power commands, as an ordinary user, may write."""
    path = os.path.join(folder, name)
    open(path, "wb").close()
    os.chmod(path, 0o666)
    return path


def power_command_that_hangs_is_ended():
    """In use and at the daemon's stop, with all it started."""
    listener = socket.create_server(("127.0.0.1", 0))
    folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
    pids = shared_file(folder, "pids")
    hang = f"sleep 1000 & echo $! >> {pids}; wait"
    config = command_board(folder, listener.getsockname()[1],
                           power_off=hang, power_timeout="1", retry="0.1")
    with L.Lab(config, folder=folder) as lab:
        down = lab.wait_board("net", "down")
        equal(down["reason"], "power command timed out")
        began = time.monotonic()
        lab.stop()
        assert time.monotonic() - began < 10
        assert "net may be on: power command timed out" in lab.log_text()
        started = open(pids).read().split()
        assert len(started) >= 4, started
        L.until(lambda: not any(alive(int(p)) for p in started),
                "what it started goes on")
    listener.close()


def alive(pid):
    try:
        text = open(f"/proc/{pid}/stat").read()
    except OSError:
        return False
    return text[text.rindex(")") + 2] != "Z"


def late_power_command_of_a_dead_daemon_does_no_harm():
    """Its "on" is under way when the daemon is killed."""
    listener = socket.create_server(("127.0.0.1", 0))
    folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
    switch, begun = (shared_file(folder, n) for n in ("switch", "begun"))
    config = command_board(
        folder, listener.getsockname()[1], power_timeout="9",
        power_on=f"echo x > {begun}; (sleep 2; echo on > {switch}); true",
        power_off=f"echo off > {switch}")
    with L.Lab(config, folder=folder) as lab:
        lab.submit(L.image("pass"))
        while not os.path.getsize(begun):
            time.sleep(0.01)
        lab.kill()
        os.truncate(begun, 0)
        lab.start()
        while not os.path.getsize(begun):  # switched off, and on again
            time.sleep(0.01)
        equal(open(switch).read(), "off\n")
        time.sleep(1)  # the dead daemon's "on" would be due by now
        equal(open(switch).read(), "off\n")
    listener.close()


def boards_are_known_after_a_restart():
    with Setting(1, lab="board_wait = 30\n") as (lab, sim):
        equal(lab.wait_board("sim0", "ready")["on"], False)
        lab.wait(lab.submit(L.image("pass")))
        lab.wait(lab.submit(L.image("nofirmware")))
        id_ = lab.submit(L.image("loop"), timeout="60", silence="60")
        lab.wait(id_, until=("running",))
        equal(lab.boards()["sim0"]["on"], True)
        sim.boards[0].fault = "silent"
        lab.kill()
        row = lab.database().execute(
            "SELECT is_on, jobs, infra, power_cycles FROM boards").fetchall()
        equal(row, [(1, 3, 2, 4)])
        lab.start()
        first = lab.wait_board("sim0", "down")
        assert "does not answer" in first["reason"], first
        equal((first["on"], first["power_cycles"]), (True, 4))
        lab.kill()
        lab.start()
        b = lab.boards()["sim0"]  # before it was tried again, or after
        equal(b["health"], "down")
        equal(b["reason"], first["reason"])
        equal(b["down_since"], first["down_since"], "down for so long")
        sim.boards[0].fault = None
        lab.http("DELETE", f"/api/jobs/{id_}")
        b = lab.wait_board("sim0", "ready")
        equal((b["on"], b["reason"], b["down_since"], b["health"]),
              (False, None, None, "ok"))


def board_that_stays_on_does_not_hold_jobs_for_ever():
    """Retried every 50 ms, it is out of use all the time."""
    with Setting(1, readback=False, lab="board_wait = 1\n",
                 dwell=0.3) as (lab, sim):
        lab.wait_board("sim0", "ready")
        running = lab.submit(L.image("tick 100000"), timeout="60")
        lab.wait(running, until=("running",))
        sim.boards[0].fault = "deaf"
        lab.http("DELETE", f"/api/jobs/{running}")
        j = lab.wait(lab.submit(L.image("pass")))
        equal(j["verdict"], "infra")
        assert "does not go off" in j["reason"], j["reason"]
        sim.boards[0].fault = None
        lab.wait_board("sim0", "ready")


def console_line_runs_at_any_rate():
    with Setting(1, baud=1500000) as (lab, sim):
        lab.wait(lab.submit(L.image("pass")))
        line = os.open(os.path.realpath(sim.boards[0].tty), os.O_RDWR |
                       os.O_NOCTTY) if os.geteuid() == 0 else None
        if line is None:
            raise L.Skip("needs root to look at a line held exclusively")
        words = array.array("I", [0] * 11)
        fcntl.ioctl(line, 0x802c542a, words)  # TCGETS2
        os.close(line)
        equal(words[9:].tolist(), [1500000, 1500000])


def unit_file_is_valid():
    if not shutil.which("systemd-analyze"):
        raise L.Skip("no systemd-analyze command")
    text = (L.ROOT / "tools/lab/labd.service").read_text()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "labd.service")
        os.chmod(folder, 0o755)
        labd = shutil.copy(L.LABD, os.path.join(folder, "labd"))
        with open(path, "w", encoding="ascii") as out:
            out.write(text.replace("/usr/local/bin/labd", labd))
        done = subprocess.run(["systemd-analyze", "verify", path],
                              capture_output=True, text=True, check=False)
        mine = [x for x in done.stderr.splitlines() if "labd" in x]
        equal((done.returncode, mine), (0, []), done.stderr)


def power_commands_and_tcp_consoles_work():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
    tftp = os.path.join(folder, "tftp")
    os.mkdir(tftp)
    switch = shared_file(folder, "switch")
    config = command_board(tftp, port, power_on=f"echo on > {switch}",
                           power_off=f"echo off > {switch}")
    with L.Lab(config, folder=folder) as lab:
        console, _ = listener.accept()
        id_ = lab.submit(L.image("pass"))
        lab.wait(id_, until=("booting",))
        L.until(lambda: open(switch).read() == "on\n", "not switched on")
        script = open(os.path.join(tftp, "boot.scr.uimg"), "rb").read()
        nonce = script.split(b"lab: ")[1].split(b" ")[0]
        console.sendall(b"U-Boot 2021\r\nlab: " + nonce + b" boot\r\n"
                        b"Starting kernel ...\r\n"
                        b"TEST end 0 passed, 0 failed\r\n")
        equal(lab.wait(id_)["verdict"], "pass")
        lab.wait_board("net", "ready")
        equal(open(switch).read(), "off\n")
        console.close()
    listener.close()


SER2NET = shutil.which("ser2net") or shutil.which(L.BUILD / "ser2net/ser2net")


def ser2net(folder, name, port, accepter, connector):
    """A ser2net on this port, once it accepts."""
    path = os.path.join(folder, f"{name}.yaml")
    with open(path, "w", encoding="ascii") as out:
        out.write(f"%YAML 1.1\n---\nconnection: &{name}\n"
                  f"  accepter: {accepter}\n  connector: {connector}\n"
                  f"  options:\n    kickolduser: true\n")
    p = subprocess.Popen([SER2NET, "-n", "-c", path, "-P",
                          os.path.join(folder, f"{name}.pid")],
                         stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while time.monotonic() < end and p.poll() is None:
        table = open("/proc/net/tcp", encoding="ascii").read()
        if f"0100007F:{port:04X} 00000000:0000 0A" in table:
            return p
        time.sleep(0.02)
    raise AssertionError(f"ser2net {name} does not listen")


def rfc2217_console_by_ser2net():
    """A console server far away, and the ser2net that labd talks to."""
    if not SER2NET:
        raise L.Skip("no ser2net command")
    folder = tempfile.mkdtemp(prefix="lab-test-", dir="/tmp")
    sim = S.Sim(folder, 1)
    far, near, servers = L.free_port(), L.free_port(), []
    config = sim.config(dwell=0.5, boot_timeout=60).replace(
        "console = tty", f"console = tcp\ntcp = 127.0.0.1:{near}")
    try:
        tty = os.path.realpath(sim.boards[0].tty)
        servers.append(ser2net(
            folder, "far", far, f"telnet(rfc2217),tcp,127.0.0.1,{far}",
            f"serialdev,{tty},115200n81,local"))
        servers.append(ser2net(
            folder, "near", near, f"tcp,127.0.0.1,{near}",
            f"telnet(rfc2217),tcp,127.0.0.1,{far}"))
        with L.Lab(config, folder=folder) as lab:
            id_ = lab.submit(L.image("echo"))
            lab.wait(id_, until=("running",))
            every = bytes(range(256)) + b"\xff\xff\xf0\r\n\r\0"
            equal(lab.http("POST", f"/api/jobs/{id_}/input",
                           every + b"exit").status, 204)
            equal(lab.wait(id_)["verdict"], "pass")
            log = lab.log(id_)
            assert every in log, log
            assert log.startswith(S.BANNER), "nothing of telnet in it"
    finally:
        for p in servers:
            p.terminate()
            p.wait()
        sim.close()


CASES = [(f.__name__, f) for f in (
    verdicts_on_a_simulated_board, patterns_decide_instead_of_the_selftest,
    stages_and_times_are_told_in_order, board_is_off_after_every_job,
    verdict_stands_once_it_is_there,
    cancel_in_the_linger_of_a_first_infra_ends_the_job,
    time_limit_before_the_kernel_is_infra,
    failing_database_switches_every_board_off,
    upload_refusals_name_the_reason, parameters_are_checked,
    bootargs_reach_the_boot_script_in_quotes, multipart_brings_initrd_and_dtb,
    limits_are_answered_before_the_body,
    refused_uploads_leave_nothing_behind, malformed_http_and_lies_do_no_harm,
    paths_reach_only_what_is_offered, page_is_served_with_its_policy,
    foreign_hosts_and_origins_are_refused, tokens_and_roles_are_enforced,
    other_addresses_demand_tokens_and_tls, tls_is_spoken,
    log_range_and_run_agree, cast_has_the_time_of_each_byte,
    events_bring_states_bytes_and_the_end,
    position_and_heartbeat_come_live,
    fifty_viewers_cut_and_resumed_see_every_byte,
    stopped_viewer_delays_nobody, run_that_nobody_could_watch_makes_no_job,
    log_ends_whole_at_its_limit, log_limit_before_the_kernel_is_infra,
    verdict_stands_when_the_log_cannot_be_written,
    input_has_one_writer_and_hands_over, nobody_types_before_the_kernel_runs,
    queue_is_fair_and_bounded, waiting_jobs_have_a_deadline,
    time_without_a_daemon_does_not_count,
    relay_that_stays_silent_takes_the_board_down,
    relay_of_another_dialect_is_found_by_the_console,
    relay_with_a_stuck_contact_is_found_by_read_back,
    relay_with_a_stuck_contact_is_found_by_the_console,
    relay_that_is_unplugged_comes_back,
    relays_of_both_dialects_switch, relay_of_another_dialect_is_infra,
    boards_on_one_relay_do_not_lock_each_other_out,
    silent_relay_delays_its_boards_once,
    board_that_switches_itself_on_is_switched_off,
    infra_trouble_is_retried_once_and_not_blamed,
    board_that_reaches_no_kernel_is_used_last,
    infra_that_is_not_the_boards_fault_makes_it_no_doubt,
    damaged_image_makes_no_doubt_of_its_board,
    doubtful_board_is_used_where_no_better_one_is_up,
    restart_ends_the_attempt_as_infra_and_retries,
    job_whose_log_is_unusable_does_not_stop_the_daemon,
    daemon_that_cannot_start_switches_every_board_off,
    failed_start_runs_power_commands_even_without_a_run_folder,
    daemon_refused_its_folder_leaves_the_boards_alone,
    daemon_whose_address_is_taken_leaves_the_boards_alone,
    unknown_user_to_run_as_is_named_before_any_board_is_touched,
    every_signal_that_ends_it_switches_the_board_off,
    second_daemon_on_one_state_folder_is_refused,
    full_disk_refuses_uploads_and_ends_jobs,
    many_slow_uploads_end_nobodys_job,
    uploads_on_their_way_cost_nobody_a_job,
    uploads_on_their_way_count_for_their_user, low_disk_makes_old_jobs_go_first,
    old_jobs_make_room, many_old_jobs_go_at_once_and_cheaply,
    low_disk_makes_all_old_jobs_go_before_one_that_runs,
    metrics_and_boards_tell_the_truth, example_configuration_is_valid,
    unit_file_is_valid, boards_are_known_after_a_restart,
    board_that_stays_on_does_not_hold_jobs_for_ever,
    console_line_runs_at_any_rate, board_is_back_as_soon_as_its_console_is,
    ready_board_that_loses_its_console_is_down,
    console_lost_while_files_are_checked_keeps_the_board_off,
    console_server_that_dies_without_a_word_is_noticed,
    jobs_do_not_wait_for_ever_for_dnsmasq,
    power_command_that_hangs_is_ended,
    late_power_command_of_a_dead_daemon_does_no_harm,
    power_commands_and_tcp_consoles_work, rfc2217_console_by_ser2net)]

# What run.py runs side by side: most of the time each waits.
PARTS = {name: [function for _, function in CASES[n::2]]
         for n, name in enumerate(("even", "odd"))}
