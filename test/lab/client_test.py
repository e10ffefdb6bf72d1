#!/usr/bin/env python3
"""The `lab` command against a daemon that misbehaves (client_mock.py).

usage: client_test.py LAB [PATTERN]
Last line: N passed, N failed, N skipped.
"""

import fnmatch
import hashlib
import os
import pathlib
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import client_mock  # noqa: E402

TIMEOUT = 60


class Skip(Exception):
    """Raised with the reason why a case cannot run here."""


class Case:
    """What one case works with: a mock, a folder, the command."""

    def __init__(self, lab, folder):
        self.lab_path = lab
        self.folder = folder
        self.mock = client_mock.Server()
        self.mock.random = random.Random(7)
        self.image = folder / "Image"
        self.image.write_bytes(os.urandom(200000))

    def environment(self, fault="", **extra):
        env = {key: value for key, value in os.environ.items()
               if not key.lower().endswith("_proxy") and
               not key.startswith("LAB_")}
        env["LAB_URL"] = self.mock.url + (f"/{fault}" if fault else "")
        env["LAB_RETRY"] = "3"
        env.update(extra)
        return env

    def lab(self, *args, fault="", stdin=b"", **extra):
        return subprocess.run([self.lab_path, *map(str, args)], input=stdin,
                              capture_output=True, timeout=TIMEOUT,
                              env=self.environment(fault, **extra),
                              check=False)

    def start(self, *args, fault="", **extra):
        return subprocess.Popen([self.lab_path, *map(str, args)],
                                stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE,
                                env=self.environment(fault, **extra))

    def job(self, log=b"", verdict="pass", reason="as told"):
        """A job that is over."""
        job = self.mock.lab.add(name="Image")
        job.enter("kernel")
        job.write(log)
        job.finish(verdict, reason)
        return job

    def boots(self, log, verdict, reason="as told", delay=0.0):
        """Every upload from now on gets this log and verdict."""
        def script(job):
            for stage in client_mock.STAGES:
                job.enter(stage)
            for at in range(0, len(log), 1000):
                job.write(log[at:at + 1000])
                time.sleep(delay)
            job.finish(verdict, reason)
        self.mock.lab.script = script

    def requests(self, method):
        return [r for r in self.mock.lab.requests if r[0] == method]


def noise(size, seed=3):
    """Any bytes at all, as a console gives them."""
    return random.Random(seed).randbytes(size)


def same(got, wanted, what="value"):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


def holds(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


def wait_for(condition, what):
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.02)


def exit_codes_follow_the_verdict(case):
    for verdict, code in [("pass", 0), ("fail", 1), ("panic", 1),
                          ("timeout", 1), ("infra", 2), (None, 1)]:
        case.boots(b"x\r\n", verdict)
        done = case.lab("run", case.image)
        same(done.returncode, code, f"exit code for {verdict}")
        holds(done.stderr.decode(), verdict or "cancelled")


def the_image_arrives_as_it_was(case):
    case.boots(b"", "pass")
    done = case.lab("run", case.image, "--board", "vf2 & 1", "--timeout",
                    "30", "--bootargs", "a=b c", "--expect", "x+|y",
                    "--expect", "second")
    same(done.returncode, 0, "exit code")
    job = case.mock.lab.jobs[1]
    same(job.body, case.image.read_bytes(), "body")
    same(job.query, {"board": ["vf2 & 1"], "timeout": ["30"],
                     "bootargs": ["a=b c"], "pass": ["x+|y", "second"],
                     "name": ["Image"]}, "query")


def initrd_and_dtb_go_as_parts(case):
    initrd = case.folder / "rd.cpio"
    initrd.write_bytes(noise(5000, 8))
    dtb = case.folder / "board.dtb"
    dtb.write_bytes(noise(3000, 9))
    case.boots(b"", "pass")
    done = case.lab("run", "--initrd", initrd, "--dtb", dtb, case.image)
    same(done.returncode, 0, "exit code")
    job = case.mock.lab.jobs[1]
    holds(job.kind, "multipart/form-data")
    for name, file in [("image", case.image), ("initrd", initrd),
                       ("dtb", dtb)]:
        holds(job.body, b'name="%s"' % name.encode())
        holds(job.body, b"\r\n\r\n" + file.read_bytes() + b"\r\n--")


def output_is_the_console_byte_for_byte(case):
    log = noise(300000)
    case.boots(log, "pass")
    done = case.lab("run", case.image)
    same(done.stdout, log, "standard output")


def cut_streams_lose_and_repeat_nothing(case):
    log = noise(20000)
    job = case.job(log)
    for fault in ["cut", "twice", "garble"]:
        done = case.lab("log", "--follow", job.number, fault=fault,
                        LAB_RETRY="30")
        same(done.returncode, 0, f"exit code under {fault}")
        same(hashlib.sha256(done.stdout).hexdigest(),
             hashlib.sha256(log).hexdigest(), f"log under {fault}")
    resumed = [r[2].get("Last-Event-ID") for r in case.requests("GET")
               if r[1].startswith("/cut/")]
    if len(resumed) < 2 or resumed[-1] == "0":
        raise AssertionError(f"no resume by Last-Event-ID: {resumed}")


def a_gap_is_never_shown_as_a_log(case):
    log = noise(20000)
    job = case.job(log)
    done = case.lab("log", "--follow", job.number, fault="gap",
                    LAB_RETRY="30")
    same(log.startswith(done.stdout), True, "output is a part of the log")
    same(done.stdout, log, "log")


def a_stream_that_never_ends_well_is_given_up(case):
    job = case.job(b"some bytes")
    for fault, code in [("noend", 2), ("endless", 2), ("broken", 2),
                        ("nonsense", 2)]:
        done = case.lab("log", "--follow", job.number, fault=fault,
                        LAB_RETRY="1")
        same(done.returncode, code, f"exit code under {fault}")
        same(job.log.startswith(done.stdout), True, f"output of {fault}")
        if not done.stderr:
            raise AssertionError(f"not a word about {fault}")


def refusals_are_3_with_the_daemons_words(case):
    for fault, words in [("busy", "the queue is full"), ("busy", "30 s"),
                         ("toolarge", "larger than 64 MiB"),
                         ("token", "a token is needed")]:
        done = case.lab("run", case.image, fault=fault)
        same(done.returncode, 3, f"exit code under {fault}")
        holds(done.stderr.decode(), words)
    for args in [("log", "99"), ("log", "-f", "99"), ("cancel", "99"),
                 ("attach", "99")]:
        done = case.lab(*args)
        same(done.returncode, 3, f"exit code of {args}")
        holds(done.stderr.decode(), "no such job")


def trouble_is_2(case):
    for args in [("run", case.image), ("list",)]:
        for fault in ["broken", "nonsense"]:
            done = case.lab(*args, fault=fault)
            same(done.returncode, 2, f"exit code of {args} under {fault}")
        done = case.lab(*args, LAB_URL="http://127.0.0.1:1")
        same(done.returncode, 2, f"exit code of {args} without a daemon")
        holds(done.stderr.decode().lower(), "connect")


def usage_is_64(case):
    for args in [(), ("fly",), ("run",), ("run", "a", "b"),
                 ("run", "--no-such-option", "a"), ("log",),
                 ("log", "../../etc"), ("cancel", "1", "2"),
                 ("run", case.folder / "missing"), ("run", case.folder),
                 ("list", "x"), ("log", "1", "--from", "x")]:
        same(case.lab(*args).returncode, 64, f"exit code of {args}")
    same(case.lab("list", LAB_URL="ftp://x").returncode, 64, "ftp")
    same(case.lab("help").returncode, 0, "help")
    same(case.mock.lab.requests, [], "requests made")


def the_token_is_sent(case):
    case.boots(b"", "pass")
    done = case.lab("run", case.image, fault="token", LAB_TOKEN="secret")
    same(done.returncode, 0, "exit code")
    done = case.lab("list", fault="token", LAB_TOKEN="wrong")
    same(done.returncode, 3, "exit code with a wrong token")


def tls_is_verified(case):
    if not shutil.which("openssl"):
        raise Skip("no openssl command to make a certificate with")
    key, cert = case.folder / "key.pem", case.folder / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048",
                    "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=lab", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True,
                   capture_output=True, timeout=TIMEOUT)
    server = client_mock.Server(tls=(cert, key))
    done = case.lab("list", LAB_URL=server.url)
    same(done.returncode, 2, "exit code with an unknown certificate")
    holds(done.stderr.decode().lower(), "certificate")
    done = case.lab("list", LAB_URL=server.url, LAB_CACERT=str(cert))
    same(done.returncode, 0, "exit code with a trusted certificate")


def junit_is_xml_whatever_the_console_says(case):
    log = (b"TEST good PASS\r\nTEST bad<&\" FAIL got \x1b[31m\xff \x00red\r\n"
           b"TEST bad2 FAIL \xc3\xa4 <&>\r\nTEST end 1 passed, 2 failed\r\n")
    case.boots(log + noise(2000), "fail", "2 tests \x01 failed")
    out = case.folder / "junit.xml"
    done = case.lab("run", case.image, "--junit", out)
    same(done.returncode, 1, "exit code")
    suite = xml.etree.ElementTree.parse(out).getroot().find("testsuite")
    names = [c.get("name") for c in suite.findall("testcase")]
    same(names, ["good", "bad2", "boot"], "cases")
    same(suite.get("failures"), "2", "failures")
    same(suite.find("testcase[@name='bad2']/failure").get("message"),
         "\u00e4 <&>", "why")


def an_unwritable_report_is_not_a_pass(case):
    case.boots(b"", "pass")
    done = case.lab("run", case.image, "--junit", "/nonexistent/x.xml")
    same(done.returncode, 2, "exit code")


def tap_has_standard_output_for_itself(case):
    case.boots(b"TEST a PASS\r\nTEST b#1 FAIL why\r\n", "fail", "1 failed")
    done = case.lab("run", case.image, "--tap")
    same(done.returncode, 1, "exit code")
    same(done.stdout.decode().splitlines(),
         ["TAP version 13", "1..3", "ok 1 - a", "not ok 2 - b\\#1",
          "  ---", '  message: "why"', "  ...", "not ok 3 - boot",
          "  ---", '  message: "1 failed"', "  ..."], "TAP")
    holds(done.stderr, b"TEST a PASS\r\n")


def only_the_last_attempt_is_reported(case):
    def script(job):
        job.enter("kernel")
        job.write(b"TEST flaky FAIL dhcp\r\n")
        job.attempts.append({"n": 2, "offset": len(job.log)})
        job.write(b"TEST flaky PASS\r\n")
        job.finish("pass", "TEST end")
    case.mock.lab.script = script
    done = case.lab("run", case.image, "--tap")
    holds(done.stdout.decode(), "1..2\nok 1 - flaky\nok 2 - boot\n")


def ctrl_c_cancels_the_job(case):
    def script(job):
        job.enter("kernel")
        job.write(b"running\r\n")
    case.mock.lab.script = script
    run = case.start("run", case.image)
    wait_for(lambda: 1 in case.mock.lab.jobs and
             any("/events" in r[1] for r in case.requests("GET")), "stream")
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=TIMEOUT)
    same(run.returncode, 1, "exit code")
    same(case.mock.lab.jobs[1].state, "cancelled", "state")
    holds(err.decode(), "cancelled")


def a_second_ctrl_c_leaves_at_once(case):
    case.mock.lab.script = lambda job: job.enter("kernel")
    run = case.start("run", case.image)
    wait_for(lambda: any("/events" in r[1] for r in case.requests("GET")),
             "stream")
    held = threading.Event()
    case.mock.RequestHandlerClass.do_DELETE = lambda self: held.wait(15)
    try:
        run.send_signal(signal.SIGINT)
        time.sleep(0.5)
        same(run.poll(), None, "still there after the first")
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=5)
        same(run.returncode, 1, "exit code")
    finally:
        held.set()
        case.mock.RequestHandlerClass.do_DELETE = \
            case.mock.RequestHandlerClass.route


def ctrl_c_stops_an_upload(case):
    run = case.start("run", case.image, fault="slow")
    wait_for(lambda: case.requests("POST"), "upload")
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=5)
    same(run.returncode, 1, "exit code")
    same(case.mock.lab.jobs, {}, "jobs made")


def detach_prints_the_id(case):
    done = case.lab("run", case.image, "--detach")
    same((done.returncode, done.stdout), (0, b"1\n"), "result")


def list_shows_jobs_without_their_tricks(case):
    job = case.job(b"", "fail", "bad \x1b]0;owned\a\x1b[2J\nreason")
    job.name = "a\x1b[31mb\tc" + "x" * 100
    queued = case.mock.lab.add(name="waits")
    queued.position = 3
    done = case.lab("list")
    same(done.returncode, 0, "exit code")
    text = done.stdout.decode()
    holds(text, "position 3")
    same([c for c in text if c < " " and c != "\n"], [], "controls")
    same(len(text.splitlines()), 3, "lines")


def log_honours_from(case):
    job = case.job(b"0123456789")
    same(case.lab("log", job.number).stdout, b"0123456789", "log")
    same(case.lab("log", job.number, "--from", "7").stdout, b"789", "part")
    same(case.lab("log", "-f", job.number, "--from", "7").stdout, b"789",
         "followed part")
    done = case.lab("log", job.number, "--from", "11")
    same(done.returncode, 3, "exit code beyond the end")


def a_closed_pipe_ends_the_log_quietly(case):
    job = case.job(noise(3 << 20))
    shell = subprocess.run(
        f"'{case.lab_path}' log -f {job.number} | head -c 10 | wc -c; "
        "echo ${PIPESTATUS[0]}", shell=True, executable="/bin/bash",
        env=case.environment(), capture_output=True, timeout=TIMEOUT,
        check=True)
    same(shell.stdout.split(), [b"10", b"0"], "bytes and exit code")
    same(shell.stderr, b"", "standard error")


def attach_types_what_a_script_pipes_in(case):
    job = case.mock.lab.add()
    job.enter("kernel")

    def finish():
        wait_for(lambda: b"exit\n" in job.typed, "input")
        job.finish("pass", "done")
    threading.Thread(target=finish, daemon=True).start()
    done = case.lab("attach", job.number, stdin=b"ls\nexit\n")
    same(done.returncode, 0, "exit code")
    same(bytes(job.typed), b"ls\nexit\n", "typed")


class Terminal:
    """`lab` on a pty, as a user has it."""

    def __init__(self, case, *args, **extra):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(case.lab_path, [case.lab_path, *map(str, args)],
                      case.environment(**extra))
        self.seen = b""

    def read(self):
        while select.select([self.fd], [], [], 0)[0]:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                return
            if not piece:
                return
            self.seen += piece

    def until(self, part):
        def there():
            self.read()
            return part in self.seen
        try:
            wait_for(there, part)
        except AssertionError as error:
            raise AssertionError(f"{error}; seen {self.seen!r}") from error

    def type(self, keys):
        os.write(self.fd, keys)

    def leave(self):
        status = [None]

        def gone():
            self.read()
            pid, code = os.waitpid(self.pid, os.WNOHANG)
            status[0] = os.waitstatus_to_exitcode(code) if pid else None
            return bool(pid)
        wait_for(gone, "the end")
        os.close(self.fd)
        return status[0]


def attach_gives_the_keyboard_to_the_board(case):
    job = case.mock.lab.add()
    job.enter("kernel")
    job.write(b"# ")
    term = Terminal(case, "attach", job.number)
    term.until(b"# ")
    term.type(b"ls\r")
    wait_for(lambda: job.typed == b"ls\r", "keys")
    term.type(b"\x03\x1d\x1b[A~~x\r")
    wait_for(lambda: job.typed == b"ls\r\x03\x1d\x1b[A~~x\r", "control keys")
    term.type(b"~?")
    term.until(b"take the input over")
    term.type(b"~.")
    same(term.leave(), 0, "exit code")
    same(job.state, "running", "state after leaving")


def attach_takes_over_when_asked(case):
    job = case.mock.lab.add()
    job.enter("kernel")
    job.writer = "web-other"
    job.write(b"# ")
    term = Terminal(case, "attach", job.number)
    term.until(b"# ")
    term.type(b"a")
    term.until(b"web-other is writing")
    same(bytes(job.typed), b"", "typed by the wrong one")
    term.type(b"\r~t")
    term.until(b"takes the input over")
    term.type(b"b")
    wait_for(lambda: job.typed == b"b", "keys after the take-over")
    if job.writer == "web-other":
        raise AssertionError("the writer is still the other one")
    term.type(b"\r~.")
    same(term.leave(), 0, "exit code")


def a_terminal_gets_no_hostile_bytes(case):
    hostile = (b"A\x1b]0;owned\aB\x1b]52;c;aGk=\x1b\\C\x1b[6nD\x1bP$qm\x1b\\E"
               b"\x1b[?1000hF\xc2\x9b31mG\x1b[2JH\x1b[31mI\r\nEND\r\n")
    case.boots(hostile, "pass")
    term = Terminal(case, "run", case.image)
    term.until(b"job 1 pass")
    same(term.leave(), 0, "exit code")
    shown = re.search(rb"(A.*)\r\nEND", term.seen, re.S).group(1)
    same(shown, b"ABCDEF\xef\xbf\xbd31mGH\x1b[31mI\r", "shown")
    job = case.job(hostile)
    term = Terminal(case, "log", "--raw", job.number)
    term.until(b"END")
    holds(term.seen, b"\x1b]0;owned\a")
    term.leave()


def the_progress_bar_is_for_terminals_only(case):
    case.image.write_bytes(bytes(40 << 20))
    case.boots(b"", "pass")
    term = Terminal(case, "run", case.image)
    term.until(b"job 1 pass")
    term.leave()
    holds(term.seen, b"of 40.0 MiB")
    done = case.lab("run", case.image)
    same(b"MiB" in done.stderr, False, "a bar in a file")


def an_upload_is_not_slowed_down(case):
    case.image.write_bytes(bytes(64 << 20))
    start = time.monotonic()
    done = case.lab("run", case.image, "--detach")
    seconds = time.monotonic() - start
    same(done.returncode, 0, "exit code")
    if seconds > 5:
        raise AssertionError(f"64 MiB took {seconds:.1f} s on loopback")


CASES = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__code__", None) and
         value.__code__.co_varnames[:1] == ("case",) and
         value.__code__.co_argcount == 1 and value.__module__ == __name__]


def run(test, lab):
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lab-client-") as folder:
        case = Case(lab, pathlib.Path(folder))
        try:
            test(case)
        except Skip as reason:
            print(f"SKIP {test.__name__}: {reason}")
            return "skipped"
        except Exception:  # any failure is one of this case alone
            print(f"FAIL {test.__name__}")
            traceback.print_exc(file=sys.stdout)
            return "failed"
        finally:
            case.mock.shutdown()
            case.mock.server_close()
    print(f"PASS {test.__name__} ({time.monotonic() - start:.1f} s)")
    return "passed"


def main():
    lab = os.path.abspath(sys.argv[1])
    pattern = sys.argv[2] if len(sys.argv) > 2 else "*"
    results = [run(test, lab) for test in CASES
               if fnmatch.fnmatch(test.__name__, f"*{pattern}*")]
    counts = [results.count(word) for word in ("passed", "failed", "skipped")]
    print("%d passed, %d failed, %d skipped" % tuple(counts))
    return 1 if counts[1] else 0


if __name__ == "__main__":
    sys.exit(main())
