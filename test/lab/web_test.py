#!/usr/bin/env python3
"""Starts a daemon with simulated boards and runs web_test.mjs against it.

usage: web_test.py LABD|--mock [PATTERN]
With --mock the daemon is client_mock.py: the page alone is tried then.
The last line is that of web_test.mjs.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import client_mock  # noqa: E402
import web_board  # noqa: E402

BOARDS = 3
TIMEOUT = 170


def mock():
    """A mock daemon that behaves as the upload's name says."""
    server = client_mock.Server()
    server.echo = False

    def script(job):
        for stage in client_mock.STAGES:
            job.enter(stage)
        seen = 0

        def typed():
            nonlocal seen
            seen, before = len(job.typed), seen
            return bytes(job.typed[before:seen])
        web_board.play(job.name, job.write, typed, lambda: not job.over)
    server.lab.script = script
    return server


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def configure(folder, more=""):
    """Simulated boards and a configuration; the boards and the URL."""
    port = free_port()
    boards = [web_board.Board(folder / f"board{n}") for n in range(BOARDS)]
    (folder / "state").mkdir()
    (folder / "labd.conf").write_text(
        f"[lab]\nlisten = 127.0.0.1:{port}\nstate = {folder}/state\n"
        "durable = no\ndisk_low = 1M\n" + more +
        "".join(b.config(f"sim{n}") for n, b in enumerate(boards)))
    return boards, f"http://127.0.0.1:{port}"


def start_labd(labd, folder):
    """The real daemon on what configure() wrote; its process."""
    return subprocess.Popen([labd, "-c", folder / "labd.conf"],
                            stdout=(folder / "labd.log").open("ab"),
                            stderr=subprocess.STDOUT)


def stop_labd(process, boards):
    """Ends the daemon by SIGTERM; what went wrong, or None."""
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return "labd did not end within 20 s of SIGTERM"
    if code:
        return f"labd ended with {code}"
    if any(board.powered() for board in boards):
        return "labd left a board switched on"
    return None


def wait_ready(process, url):
    end = time.monotonic() + 15
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url + "/", timeout=2).close()
            return True
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    return False


def token(labd, folder, user, role):
    """A new token, from labd itself."""
    return subprocess.run([labd, "-c", folder / "labd.conf", "token", "add",
                           user, role], check=True, capture_output=True,
                          text=True, timeout=20).stdout.strip()


def run_node(url, folder, tokens=None):
    """web_test.mjs's exit code; what it says goes to our output."""
    env = dict(os.environ, LAB_TEST_IMAGES=str(folder / "images"))
    if tokens:
        env["LAB_TEST_TOKENS"] = json.dumps(tokens)
    node = subprocess.Popen(["node", HERE / "web_test.mjs", url,
                             *sys.argv[2:]], env=env)
    timer = threading.Timer(TIMEOUT, node.kill)
    timer.start()
    code = node.wait()
    timer.cancel()
    if code < 0:
        print("FAIL the browser test took too long\n"
              "0 passed, 1 failed, 0 skipped")
    return 1 if code else 0


def run(folder):
    (folder / "images").mkdir()
    for word in ("shell", "hostile", "flood"):
        (folder / "images" / word).write_bytes(web_board.image(word))
    if sys.argv[1] == "--mock":
        return run_node(mock().url, folder)
    return run_labd(sys.argv[1], folder)


def run_labd(labd, folder):
    """An open daemon, and one that wants tokens."""
    places = [folder / "open", folder / "closed"]
    labs = []
    for place, more in zip(places, ["", "tokens = yes\n"]):
        place.mkdir()
        boards, url = configure(place, more)
        labs.append((boards, url, start_labd(labd, place), place))
    ready = all(wait_ready(process, url) for _, url, process, _ in labs)
    tokens = {"url": labs[1][1]}
    for user, role in [("anna", "run"), ("ben", "run"), ("walt", "watch"),
                       ("ada", "admin")]:
        tokens[user] = token(labd, places[1], user, role)
    code = 1
    if ready:
        code = run_node(labs[0][1], folder, tokens)
    else:
        print("FAIL labd does not answer\n0 passed, 1 failed, 0 skipped")
    for boards, _, process, place in labs:
        problem = stop_labd(process, boards)
        if problem:
            print(f"FAIL {problem}\n0 passed, 1 failed, 0 skipped")
            code = 1
        if code:
            print((place / "labd.log").read_text(errors="replace")[-4000:],
                  file=sys.stderr)
    return code


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 64
    if not shutil.which("node"):
        print("SKIP all: no node\n0 passed, 0 failed, 1 skipped")
        return 0
    with tempfile.TemporaryDirectory(prefix="lab-web-") as folder:
        os.chmod(folder, 0o755)
        return run(pathlib.Path(folder))


if __name__ == "__main__":
    sys.exit(main())
