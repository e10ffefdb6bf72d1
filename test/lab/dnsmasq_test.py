"""kill -9 of dnsmasq in every stage of a boot: QEMU, U-Boot, taps.

And of the emulator at DHCP, which no other test meets.

An emulator that is to be met in one stage starts stopped and is let go only
up to there (SIGSTOP, SIGCONT). Between DHCP's answer and the first line of
TFTP lies a millisecond: there emulator and server run in turns, never both.
"""

import os
import pathlib
import re
import signal
import struct
import time

import lab as L
from emulator_test import (BOOT, children, equal, qemu_pid, start_on_tap,
                           submit_lingering)

# "queued": before power comes on; "load": in the middle of the Image.
PLACES = ("queued", "power", "firmware", "uboot", "dhcp", "tftp", "load",
          "kernel", "verdict", "dhcp-qemu")
ORDER = ("queued", "power", "firmware", "uboot", "dhcp", "tftp", "kernel")
LOADED = 16 << 20
TURN = 0.04  # seconds that one side runs, the other being stopped
TRIES = 8

EMULATOR = """#!/bin/sh
rm {flag} 2>/dev/null && kill -STOP $$
exec qemu-system-riscv64 "$@"
"""


class Missed(Exception):
    """It ran past the stage at which it was to be met."""


def is_stopped(pid):
    for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        if stat.read_text().rpartition(")")[2].split()[0] != "T":
            return False
    return True


def stop(pid):
    os.kill(pid, signal.SIGSTOP)
    L.until(lambda: is_stopped(pid), f"process {pid} does not stop")


def go(pid):
    os.kill(pid, signal.SIGCONT)


def server_pid(lab, board):
    """The dnsmasq of this board."""
    for pid in children(lab).get("dnsmasq", []):
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if f"--tftp-root={lab.state}/tftp/{board}".encode() in words:
            return pid
    raise AssertionError(f"no dnsmasq of board {board}")


class Board:
    """A job on a board of its own, from its emulator's start on."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.flag = lab.folder / "hold" / name

    def submit(self):
        if self.name == "verdict":
            self.id = submit_lingering(self.lab, self.name)
            return
        word = "echo" if self.name == "kernel" else "pass"
        image = bytearray(L.payload(word))
        if self.name == "load":
            struct.pack_into("<Q", image, 16, LOADED)
            image += bytes(LOADED - len(image))
        self.id = self.lab.submit(bytes(image), board=self.name,
                                  timeout="240", silence="200")

    def stage(self):
        """What the daemon knows; twice, for it reads in any order."""
        self.lab.job(self.id)
        return self.lab.job(self.id)["stage"]

    def printed(self, pattern):
        return re.search(pattern, self.lab.log(self.id))

    def start_stopped(self):
        self.flag.touch()
        self.submit()
        L.until(lambda: not self.flag.exists(), "no emulator")
        self.qemu = qemu_pid(self.lab, self.name)
        self.server = server_pid(self.lab, self.name)
        L.until(lambda: is_stopped(self.qemu), "the emulator does not stop")
        L.until(lambda: self.stage() == "power", "not on")

    def run_to(self, stage, turn):
        """In short turns, to see it in time."""
        while ORDER.index(self.stage()) < ORDER.index(stage):
            go(self.qemu)
            time.sleep(turn)
            stop(self.qemu)
        if self.stage() != stage:
            raise Missed(f"{stage}: it is at {self.stage()}")

    def run_until(self, pattern):
        go(self.qemu)
        L.until(lambda: self.printed(pattern), f"no {pattern}")
        stop(self.qemu)

    def take_turns(self):
        """To the server's answer that its client has not read yet."""
        stop(self.server)
        self.run_until(rb"BOOTP broadcast")
        for _ in range(int(BOOT / TURN)):
            go(self.server)
            time.sleep(TURN)
            stop(self.server)
            if self.stage() == "dhcp":
                return
            self.run_to("uboot", 0)
            go(self.qemu)
            time.sleep(TURN)
            stop(self.qemu)
        raise AssertionError("DHCP does not get on")

    def reach(self):
        """Stands at its place when this returns."""
        if self.name == "firmware":
            self.run_to("firmware", 0.002)
        elif self.name == "uboot":
            self.run_to("uboot", 0.02)
        elif self.name.startswith("dhcp"):
            self.take_turns()
        elif self.name == "tftp":
            self.take_turns()
            self.run_to("tftp", TURN)
        elif self.name == "load":
            self.run_until(rb"lab: \w+ script")
            if self.printed(rb"lab: \w+ boot"):
                raise Missed("the Image is loaded")
        elif self.name == "kernel":
            go(self.qemu)
            L.until(lambda: self.stage() == "kernel", "no kernel")
        elif self.name == "verdict":
            go(self.qemu)
            L.until(lambda: self.stage() == "verdict", "no verdict")

    def stand(self):
        """A job standing at the board's place, the only one kept."""
        for _ in range(TRIES):
            self.start_stopped()
            try:
                self.reach()
            except Missed:
                self.lab.http("DELETE", f"/api/jobs/{self.id}")
                self.lab.wait_board(self.name, "ready")
                continue
            equal(self.stage(), self.standing_at())
            return
        raise AssertionError(f"{self.name} was missed {TRIES} times")

    def standing_at(self):
        return "tftp" if self.name == "load" else self.name.split("-")[0]

    def kill(self):
        if self.name.endswith("-qemu"):
            os.kill(self.qemu, signal.SIGKILL)
            go(self.server)
            return
        self.kill_server()
        if self.name == "verdict":
            L.until(lambda: self.lab.boards()[self.name]["health"] == "down",
                  "nobody misses it")
            equal(self.lab.job(self.id)["state"], "running", "it lingers")
            # Ends the linger; the verdict stands.
            equal(self.lab.http("DELETE", f"/api/jobs/{self.id}").status, 409)

    def kill_server(self):
        os.kill(self.server, signal.SIGKILL)

    def wait_without_server(self):
        """A job that comes while the server is missed, for a second."""
        for _ in range(TRIES):
            self.server = server_pid(self.lab, self.name)
            self.kill_server()
            L.until(lambda: self.lab.boards()[self.name]["health"] == "down",
                  "nobody misses it")
            self.submit()
            if self.lab.job(self.id)["state"] == "queued":
                return
            self.lab.http("DELETE", f"/api/jobs/{self.id}")
            self.lab.wait_board(self.name, "ready")
        raise AssertionError("the server was always back too soon")

    def check(self):
        if self.name == "kernel":
            self.lab.http("POST", f"/api/jobs/{self.id}/input", b"exit")
        j = self.lab.wait(self.id, 2 * BOOT)
        got = [a["verdict"] for a in j["attempts"]]
        if self.name in ("queued", "kernel", "verdict"):
            equal(got, ["pass"], (self.name, j["attempts"]))
            return
        equal(got, ["infra", "pass"], (self.name, j["attempts"]))
        first = j["attempts"][0]
        if self.name.endswith("-qemu"):
            assert "signal 9" in first["reason"], first
        else:
            equal(first["reason"], "the DHCP and TFTP server died", self.name)
        equal(first["stage"], self.standing_at())


def refused(lab, board):
    """A job that U-Boot refuses: no Image starts with this device tree."""
    head = '--XYZ\r\nContent-Disposition: form-data; name="%s"\r\n\r\n'
    body = ((head % "image").encode() + L.payload("pass") + b"\r\n" +
            (head % "dtb").encode() + b"none" * 100 + b"\r\n--XYZ--\r\n")
    return lab.submit(
        body, board=board, timeout="240", silence="200",
        headers={"Content-Type": "multipart/form-data; boundary=XYZ"})


def dnsmasq_killed_behind_a_verdict_before_the_kernel():
    """The linger lasts for 0.3 s of silence: until a kill fell into it."""
    with start_on_tap(lambda _: "[board one]\nnetboot = tap\nharts = 1\n"
                      "memory = 256M\nboot_timeout = 200\n") as lab:
        for _ in range(TRIES):
            id_ = refused(lab, "one")
            server = server_pid(lab, "one")
            lab.until_stage(id_, "verdict")
            killed = time.time()
            os.kill(server, signal.SIGKILL)
            j = lab.wait(id_, 2 * BOOT)
            equal((j["verdict"], j["reason"], len(j["attempts"])),
                  ("fail", "U-Boot's booti refused the image", 1), j)
            if j["attempts"][0]["ended"] > killed + 0.1:
                return
            lab.wait_board("one", "ready")
        raise AssertionError("the linger was always over too soon")


def configuration(folder):
    """A board per place, with an emulator that can be told to wait."""
    hold = folder / "hold"
    hold.mkdir()
    hold.chmod(0o777)
    text = ""
    for name in PLACES:
        qemu = folder / f"qemu-{name}"
        qemu.write_text(EMULATOR.format(flag=hold / name))
        qemu.chmod(0o755)
        text += (f"[board {name}]\nnetboot = tap\nharts = 1\nmemory = 256M\n"
                 f"boot_timeout = 200\nlinger = 100\nqemu = {qemu}\n")
    return text


def dnsmasq_killed_in_every_stage():
    """Before the kernel it is infra and tried again; after, no matter."""
    with start_on_tap(configuration) as lab:
        boards = [Board(lab, name) for name in PLACES]
        for b in boards:
            if b.name == "queued":
                b.wait_without_server()
            else:
                b.stand()
                b.kill()
        for b in boards:
            b.check()


CASES = [(f.__name__, f) for f in (
    dnsmasq_killed_in_every_stage,
    dnsmasq_killed_behind_a_verdict_before_the_kernel)]
