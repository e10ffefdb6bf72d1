"""One emulator run: start it, read its console, type at it, see it end. Every
wait has a limit; a run ends with its process, whatever happens."""

import os
import re
import select
import shlex
import socket
import subprocess
import threading
import time

# Bytes read at once from a console that is read slowly.
RATE_CHUNK = 64

# All children, so that an interrupted run leaves none behind.
_children = set()
_lock = threading.Lock()


class Failed(Exception):
    """The run did not go as expected; the text says how."""


class Skipped(Exception):
    """This machine cannot run that cell; the text says why."""


def kill_all():
    with _lock:
        for process in list(_children):
            process.kill()


class Session:
    """A QEMU process whose console is its standard input and output.

    panic_ok: a line `panic:` does not fail the run at once.
    limit: seconds from now at which the whole run has failed.
    rate: bytes per second read from the console, a socket that holds few
        hundred, so that the machine's UART has to wait; None: all there is.
    """

    def __init__(self, argv, limit, log, panic_ok=False, rate=None):
        self.argv = argv
        self.text = ""
        self.at = 0
        self.panic_ok = panic_ok
        self.started = time.monotonic()
        self.deadline = self.started + limit
        self.limit = limit
        self.log = log
        self.err = open(log + ".err", "w+")
        # QEMU dies with this thread, even if nobody can end it any more.
        self.rate, self.due = rate, 0
        ends = socket.socketpair() if rate else (None, subprocess.PIPE)
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *argv],
            stdin=ends[1], stdout=ends[1], stderr=self.err)
        self.ends = (self.process.stdin, self.process.stdout)
        if rate:
            ends[1].close()
            self.ends = (ends[0],)
        self.fds = self.ends[0].fileno(), self.ends[-1].fileno()
        self.eof = False
        with _lock:
            _children.add(self.process)

    def close(self):
        """End the process if it still runs; keep the console in the log."""
        self.process.kill()
        self.process.wait()
        with _lock:
            _children.discard(self.process)
        for end in self.ends:
            end.close()
        self.err.close()
        with open(self.log, "w") as f:
            f.write(shlex.join(self.argv) + "\n" + self.text)

    def _read(self, until):
        """Take what the console has; False once it is closed or late."""
        fd = self.fds[1]
        if self.rate:
            time.sleep(max(0, self.due - time.monotonic()))
        wait = min(until, self.deadline) - time.monotonic()
        if self.eof or wait <= 0:
            return False
        if not select.select([fd], [], [], wait)[0]:
            return False
        data = os.read(fd, RATE_CHUNK if self.rate else 65536)
        if self.rate:
            self.due = time.monotonic() + len(data) / self.rate
        if not data:
            self.eof = True
            return False
        self.text += data.decode("latin-1").replace("\r", "")
        return True

    def _drain(self, seconds):
        """Let a panic finish its report."""
        until = time.monotonic() + seconds
        while self._read(until):
            pass

    def _panic(self):
        """Fail if the kernel has reported one that nobody asked for."""
        if self.panic_ok:
            return
        found = re.search(r"^(\[[^\]]*\] )?panic: .*$", self.text, re.M)
        if found:
            self._drain(1)
            raise Failed("the kernel says: " + found.group(0))

    def expect(self, pattern, seconds=None):
        """Wait for pattern behind the last one seen; its match. A `$` at its
        end is a line's end, never the end of what has been read so far."""
        until = self.deadline
        if seconds is not None:
            until = min(until, time.monotonic() + seconds)
        regex = re.compile(re.sub(r"\$$", r"(?=\\n)", pattern), re.M)
        while True:
            found = regex.search(self.text, self.at)
            if found:
                self.at = found.end()
                return found
            self._panic()
            if not self._read(until):
                break
        self._panic()
        what = "did not see /%s/" % pattern
        if self.eof:
            raise Failed(what + " before the machine ended" + self.stderr())
        raise Failed("%s within %.0f s" % (what, time.monotonic() -
                                           self.started))

    def send(self, text):
        try:
            os.write(self.fds[0], text.encode("latin-1"))
        except OSError:
            raise Failed("the machine ended before %r was typed" % text)

    def expect_end(self):
        """Wait for QEMU to exit by itself with status 0."""
        while self._read(self.deadline):
            self._panic()
        self._panic()
        if not self.eof:
            raise Failed("the machine did not end within %.0f s" % self.limit)
        try:
            status = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            raise Failed("QEMU closed the console and did not exit")
        if status:
            raise Failed("QEMU exited with %d%s" % (status, self.stderr()))

    def stderr(self):
        """What QEMU complained about, without its words on host modules."""
        self.err.flush()
        self.err.seek(0)
        lines = [line for line in self.err.read().splitlines()
                 if "module" not in line and line.strip()]
        return "; QEMU says: " + " / ".join(lines[-3:]) if lines else ""

    def tail(self, lines=40):
        return "\n".join("    | " + line
                         for line in self.text.splitlines()[-lines:])
