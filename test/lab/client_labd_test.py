#!/usr/bin/env python3
"""The `lab` command against the real daemon with simulated boards.

usage: client_labd_test.py LAB LABD [PATTERN]
Last line: N passed, N failed, N skipped.
"""

import fnmatch
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import web_board  # noqa: E402
import web_test  # noqa: E402

TIMEOUT = 90


class Skip(Exception):
    """Raised with the reason why a case cannot run here."""


class Lab:
    """A daemon, its boards and the command."""

    def __init__(self, lab, labd, folder):
        self.lab_path, self.labd_path, self.folder = lab, labd, folder
        for word in ("shell", "hostile", "flood"):
            (folder / word).write_bytes(web_board.image(word))
        self.boards, self.url = web_test.configure(folder)
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("LAB_")}
        self.env.update(LAB_URL=self.url, LAB_RETRY="15")
        self.process = None
        self.start()

    def start(self):
        self.process = web_test.start_labd(self.labd_path, self.folder)
        if not web_test.wait_ready(self.process, self.url):
            raise AssertionError("labd does not answer")

    def command(self, *args):
        return [self.lab_path, *map(str, args)]

    def run(self, *args, stdin=b""):
        return subprocess.run(self.command(*args), input=stdin, env=self.env,
                              capture_output=True, timeout=TIMEOUT,
                              check=False)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read()

    def job(self, number):
        return json.loads(self.get(f"/api/jobs/{number}"))

    def newest(self):
        return json.loads(self.get("/api/jobs"))["jobs"][0]


def same(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


def wait_for(condition, what):
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.02)


def a_run_passes_and_prints_the_log(lab):
    done = lab.run("run", lab.folder / "shell", "--expect", "step 59")
    same(done.returncode, 0, f"exit code ({done.stderr.decode()})")
    job = lab.newest()
    same(job["verdict"], "pass", "verdict")
    same(done.stdout, lab.get(f"/api/jobs/{job['id']}/log"), "output")
    same(lab.run("log", job["id"]).stdout, done.stdout, "lab log")
    same(lab.run("log", "-f", job["id"], "--from", 5).stdout,
         done.stdout[5:], "lab log --follow --from")


def a_file_may_have_any_name(lab):
    image = lab.folder / ("n\u00e4m\n" + 140 * "e")
    image.write_bytes((lab.folder / "shell").read_bytes())
    done = lab.run("run", image, "--expect", "step 1")
    same(done.returncode, 0, f"exit code ({done.stderr.decode()})")
    same(lab.newest()["name"], ("n??m?" + 140 * "e")[:128], "name")


def a_fail_pattern_and_a_time_limit_are_1(lab):
    done = lab.run("run", lab.folder / "shell", "--expect", "never",
                   "--fail", "step 3[0-9]")
    same(done.returncode, 1, "exit code of a fail pattern")
    same(lab.newest()["verdict"], "fail", "verdict")
    done = lab.run("run", lab.folder / "shell", "--expect", "never",
                   "--timeout", 3)
    same(done.returncode, 1, "exit code of a time limit")
    same(lab.newest()["verdict"], "timeout", "verdict")


def what_is_refused_is_3(lab):
    bad = lab.folder / "bad"
    bad.write_bytes(b"no image at all")
    empty = lab.folder / "empty"
    empty.write_bytes(b"")
    good = lab.folder / "shell"
    for args in [(bad,), (empty,), (good, "--bootargs", "a'b"),
                 (good, "--bootargs", "a\nb"), (good, "--expect", "("),
                 (good, "--timeout", "soon"), (good, "--board", "none"),
                 (good, "--priority", "10")]:
        done = lab.run("run", *args)
        same(done.returncode, 3, f"exit code of {args}")
        same(len(done.stderr.decode().splitlines()), 1, "lines of reason")


def initrd_and_dtb_reach_the_board(lab):
    initrd = lab.folder / "initrd"
    initrd.write_bytes(os.urandom(70000))
    dtb = lab.folder / "board.dtb"
    dtb.write_bytes(bytes.fromhex("d00dfeed") + bytes(100))
    run = subprocess.Popen(
        lab.command("run", lab.folder / "shell", "--initrd", initrd,
                    "--dtb", dtb, "--bootargs", "quiet  x=1"),
        env=lab.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: any((b.tftp / "initrd").exists() for b in lab.boards),
             "the initrd in a TFTP folder")
    board = next(b for b in lab.boards if (b.tftp / "initrd").exists())
    same((board.tftp / "initrd").read_bytes(), initrd.read_bytes(), "initrd")
    same((board.tftp / "dtb").read_bytes(), dtb.read_bytes(), "DTB")
    same(b"'quiet  x=1'" in (board.tftp / "boot.scr.uimg").read_bytes(),
         True, "bootargs in the script")
    same(lab.run("cancel", lab.newest()["id"]).returncode, 0, "cancel")
    _, err = run.communicate(timeout=TIMEOUT)
    same(run.returncode, 1, f"exit code ({err.decode()})")


def attach_types_at_the_board(lab):
    number = lab.run("run", lab.folder / "shell", "--detach",
                     "--expect", "typed here").stdout.decode().strip()
    wait_for(lambda: b"# " in lab.get(f"/api/jobs/{number}/log"), "prompt")
    done = lab.run("attach", number, stdin=b"typed here\r")
    same(done.returncode, 0, f"exit code ({done.stderr.decode()})")
    same(b"typed here" in done.stdout, True, "echo")
    same(number in lab.run("list").stdout.decode(), True, "lab list")


def a_run_outlives_the_daemon(lab):
    run = subprocess.Popen(
        lab.command("run", lab.folder / "shell", "--expect", "step 59"),
        env=lab.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: (lab.newest()["state"] == "running"), "running")
    number = lab.newest()["id"]
    wait_for(lambda: b"step 5" in lab.get(f"/api/jobs/{number}/log"), "line")
    lab.process.kill()
    lab.process.wait()
    lab.start()
    out, err = run.communicate(timeout=TIMEOUT)
    same(run.returncode, 0, f"exit code ({err.decode()})")
    same(out, lab.get(f"/api/jobs/{number}/log"), "output over the restart")
    job = lab.job(number)
    same([a["verdict"] for a in job["attempts"]], ["infra", "pass"],
         "attempts")


def a_flood_arrives_whole(lab):
    done = lab.run("run", lab.folder / "flood", "--expect", "FLOOD END")
    same(done.returncode, 0, "exit code")
    same(web_board.flood() in done.stdout, True, "the flood in the output")


def a_stopped_daemon_leaves_no_board_on(lab):
    lab.run("run", lab.folder / "shell", "--detach")
    wait_for(lambda: any(b.powered() for b in lab.boards), "power")
    same(web_test.stop_labd(lab.process, lab.boards), None, "its end")
    lab.start()
    number = lab.newest()["id"]
    wait_for(lambda: lab.job(number)["state"] == "running", "the retry")
    same(lab.run("cancel", number).returncode, 0, "cancel")


def the_queue_moves_before_the_eyes(lab):
    good = lab.folder / "shell"
    runs = [subprocess.Popen(lab.command("run", good, "--expect", "never",
                                         "--timeout", 20), env=lab.env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(web_test.BOARDS + 2)]
    wait_for(lambda: sum(job["state"] == "queued" for job in json.loads(
        lab.get("/api/jobs"))["jobs"]) == 2, "two in the queue")
    last = [job for job in json.loads(lab.get("/api/jobs"))["jobs"]
            if job["position"] == 2][0]["id"]
    first = [job for job in json.loads(lab.get("/api/jobs"))["jobs"]
             if job["position"] == 1][0]["id"]
    same(lab.run("cancel", first).returncode, 0, "cancel of the first")
    wait_for(lambda: lab.job(last)["position"] == 1, "the second moving up")
    for job in json.loads(lab.get("/api/jobs"))["jobs"]:
        if job["state"] not in ("done", "cancelled"):
            lab.run("cancel", job["id"])
    said = [run.communicate(timeout=TIMEOUT)[1].decode() for run in runs]
    same(sum("position 2" in text and "position 1" in text
             for text in said), 1, "clients that were told both places")


def everything_works_over_tls_with_tokens(lab):
    if not shutil.which("openssl"):
        raise Skip("no openssl command to make a certificate with")
    place = lab.folder / "tls"
    place.mkdir()
    key, cert = place / "key.pem", place / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048",
                    "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=lab", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True,
                   capture_output=True, timeout=TIMEOUT)
    boards, url = web_test.configure(
        place, f"tokens = yes\ntls_cert = {cert}\ntls_key = {key}\n")
    process = web_test.start_labd(lab.labd_path, place)
    token = web_test.token(lab.labd_path, place, "anna", "run")
    env = dict(lab.env, LAB_URL=url.replace("http:", "https:"),
               LAB_TOKEN=token, LAB_CACERT=str(cert))
    try:
        wait_for(lambda: subprocess.run(
            lab.command("list"), env=env, capture_output=True,
            timeout=TIMEOUT, check=False).returncode == 0, "an answer")
        done = subprocess.run(
            lab.command("run", lab.folder / "flood", "--expect",
                        "FLOOD END"), env=env, capture_output=True,
            timeout=TIMEOUT, check=False)
        same(done.returncode, 0, f"exit code ({done.stderr[-500:]})")
        same(web_board.flood() in done.stdout, True, "the flood")
        for wrong in [dict(env, LAB_TOKEN="0" * 48), dict(env, LAB_TOKEN="")]:
            done = subprocess.run(lab.command("list"), env=wrong,
                                  capture_output=True, timeout=TIMEOUT,
                                  check=False)
            same(done.returncode, 3, "exit code without a good token")
    finally:
        same(web_test.stop_labd(process, boards), None, "its end")


def commands_that_meet_at_a_new_database_all_work(lab):
    """Thirty times four: SQLite alone answers "locked" to some."""
    for n in range(30):
        place = lab.folder / f"meet{n}"
        place.mkdir()
        web_test.configure(place, "tokens = yes\n")
        started = [subprocess.Popen(
            [lab.labd_path, "-c", place / "labd.conf", "token", "add",
             f"user{i}", "run"], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True) for i in range(4)]
        for process in started:
            said = process.communicate(timeout=TIMEOUT)[1]
            same(process.returncode, 0, f"exit code ({said})")


CASES = [a_run_passes_and_prints_the_log,
         a_fail_pattern_and_a_time_limit_are_1, what_is_refused_is_3,
         initrd_and_dtb_reach_the_board, attach_types_at_the_board,
         a_file_may_have_any_name, a_flood_arrives_whole,
         everything_works_over_tls_with_tokens,
         commands_that_meet_at_a_new_database_all_work,
         the_queue_moves_before_the_eyes,
         a_stopped_daemon_leaves_no_board_on, a_run_outlives_the_daemon]


def run_cases(lab, pattern):
    counts = [0, 0, 0]
    for test in CASES:
        if not fnmatch.fnmatch(test.__name__, f"*{pattern}*"):
            continue
        start = time.monotonic()
        try:
            test(lab)
            counts[0] += 1
            print(f"PASS {test.__name__} ({time.monotonic() - start:.1f} s)")
        except Skip as reason:
            counts[2] += 1
            print(f"SKIP {test.__name__}: {reason}")
        except Exception:  # any failure is one of this case alone
            counts[1] += 1
            print(f"FAIL {test.__name__}")
            traceback.print_exc(file=sys.stdout)
    return counts


def main():
    with tempfile.TemporaryDirectory(prefix="lab-client-") as name:
        os.chmod(name, 0o755)
        folder = pathlib.Path(name)
        lab = Lab(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]),
                  folder)
        passed, failed, skipped = run_cases(lab, (sys.argv[3:] or [""])[0])
        problem = web_test.stop_labd(lab.process, lab.boards)
        if problem:
            print(f"FAIL {problem}")
            failed += 1
        if failed:
            print((folder / "labd.log").read_text(errors="replace")[-4000:])
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
