"""Simulated boards: a relay on one pty, a console on another.

A board is off until its relay says on. Then it does what firmware and U-Boot
do, quickly: it reads boot.scr.uimg and Image from its TFTP folder, prints what
the real ones print, and behaves as the word behind the Image's header says.
Relays can be broken: silent, deaf (wrong dialect), stuck, unplugged. A test
can have a board stand still at a stage: hold = its name, until held says so.
Boards may share one relay, each on a contact of its own.
"""

import os
import pathlib
import pty
import re
import select
import threading
import time
import tty

STEP = 0.001
POWER_UP = 0.01  # from power to the first byte, later than the relay's word

FIRMWARE = b"\r\nOpenSBI v1.1\r\n"
BANNER = FIRMWARE + b"\r\nU-Boot 2023.01 (sim)\r\n"


class Board:
    def __init__(self, name, folder, readback=True, dialect="a0",
                 shares=None):
        self.name, self.readback, self.dialect = name, readback, dialect
        self.folder = pathlib.Path(folder)
        self.tftp = self.folder / f"tftp-{name}"
        self.tftp.mkdir(exist_ok=True)
        self.tty = self.folder / f"tty-{name}"
        self.contacts = shares.contacts if shares else {}
        self.channel = len(self.contacts) + 1
        self.contacts[self.channel] = self
        self.relay = shares.relay if shares else self.folder / f"relay-{name}"
        self.relay_fd = None if shares else self.make_pty(self.relay)
        self.tty_fd = self.make_pty(self.tty)
        self.on = False
        self.fault = None  # silent, deaf, stuck, unplugged
        self.events = []   # (time, "on" | "off"), as commanded
        self.commands = 0
        self.pending = b""
        self.script = None
        self.next_step = 0.0
        self.typed = b""
        self.running = None  # the word of the Image it runs
        self.broken = False  # had a fault; for the tests to note
        self.no_tftp = False  # whatever it asks for does not come
        self.hold = None   # the stage at which to stand still
        self.held = None   # the stage at which it does
        self.noise = []    # bytes before the firmware's, of each next boot

    @staticmethod
    def make_pty(link):
        master, slave = pty.openpty()
        tty.setraw(master)
        os.set_blocking(master, False)
        os.chmod(os.ttyname(slave), 0o666)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        os.close(slave)
        return master

    # Limits that a loaded machine does not outrun.
    def config(self, dwell=0.01, boot_timeout=1, linger=0.01, baud=115200,
               retry=0.05, relay_delay=0.01, power_timeout=1):
        return (f"[board {self.name}]\npower = relay\nrelay = {self.relay}\n"
                f"relay_channel = {self.channel}\n"
                f"relay_readback = {'yes' if self.readback else 'no'}\n"
                f"relay_dialect = {self.dialect}\n"
                f"relay_delay = {relay_delay}\n"
                f"console = tty\ntty = {self.tty}\n"
                f"baud = {baud}\n"
                f"netboot = external\ntftp_root = {self.tftp}\n"
                f"dwell = {dwell}\nsettle = 0.004\n"
                f"boot_timeout = {boot_timeout}\n"
                f"power_timeout = {power_timeout}\n"
                f"linger = {linger}\nretry = {retry}\n")

    def unplug(self, yes):
        self.fault = "unplugged" if yes else None
        hidden = self.relay.with_suffix(".gone")
        if yes and self.relay.is_symlink():
            self.relay.rename(hidden)
        elif not yes and hidden.is_symlink():
            hidden.rename(self.relay)

    # --- what the loop calls

    def step(self, now):
        self.relay_step(now)
        data = self.read(self.tty_fd)
        if self.on and data:
            self.typed += data
        if self.on and self.script and now >= self.next_step:
            try:
                wait = next(self.script)
                self.next_step = now + wait
            except StopIteration:
                self.script = None

    @staticmethod
    def read(fd):
        try:
            return os.read(fd, 4096)
        except OSError:  # nobody has the other side open, or nothing there
            return b""

    def write(self, data):
        """Console output; bytes nobody listens to are lost, as on a wire."""
        while data:
            try:
                data = data[os.write(self.tty_fd, data):]
            except OSError:
                return

    def relay_step(self, now):
        if self.relay_fd is None:
            return
        data = self.read(self.relay_fd)
        if self.fault == "deaf":
            return
        self.pending += data
        if self.dialect == "d0":
            self.relay_step_d0(now)
            return
        while self.pending:
            if self.pending[0] == 0xff:
                self.pending = self.pending[1:]
                self.answer()
            elif len(self.pending) >= 4 and self.pending[0] == 0xa0:
                board = self.contacts.get(self.pending[1])
                if board:
                    board.switch(self.pending[2] == 1, now)
                self.pending = self.pending[4:]
            elif self.pending[0] == 0xa0:
                return
            else:
                self.pending = self.pending[1:]

    def relay_step_d0(self, now):
        """Two bytes, no status; whatever else comes is no command."""
        while len(self.pending) >= 2:
            known = self.pending[0] == 0xd0 and self.pending[1] < 2
            if known:
                self.switch(self.pending[1] == 1, now)
            self.pending = self.pending[2 if known else 1:]

    def answer(self):
        if self.readback and self.fault != "silent":
            text = "".join(f"CH{n}: {'ON' if b.on else 'OFF'}\r\n"
                           for n, b in self.contacts.items())
            try:
                os.write(self.relay_fd, text.encode())
            except OSError:
                pass

    def switch(self, on, now):
        self.events.append((now, "on" if on else "off"))
        self.commands += 1
        if self.fault == "stuck" or on == self.on:
            return
        self.on = on
        self.typed = b""
        self.running = self.held = None
        self.script = self.boot() if on else None
        self.next_step = now + POWER_UP

    def force_on(self):
        """Somebody presses the board's own button."""
        self.switch(True, time.monotonic())

    # --- firmware, U-Boot, kernel

    def reach(self, stage):
        """Up to here it came; on, unless it is to stand still."""
        while self.hold == stage:
            self.held = stage
            yield STEP
        self.held = None
        yield STEP

    def boot(self):
        yield from self.reach("power")
        if self.noise:
            yield from self.fill(self.noise.pop(0))
        self.write(FIRMWARE)
        yield from self.reach("firmware")
        self.write(BANNER[len(FIRMWARE):])
        yield from self.reach("uboot")
        try:
            script = (self.tftp / "boot.scr.uimg").read_bytes()[72:].decode()
            image = (self.tftp / "Image").read_bytes()
        except OSError:
            self.write(b"TFTP error: file not found\r\n=> ")
            return
        nonce = re.search(r"lab: (\w+) script", script).group(1).encode()
        word = image[64:128].rstrip(b"\0").decode()
        self.write(b"DHCP client bound to address 10.0.0.2\r\n")
        yield from self.reach("dhcp")
        self.write(b"TFTP from server 10.0.0.1\r\nlab: " + nonce +
                   b" script\r\n")
        yield from self.reach("tftp")
        if word.startswith("nofirmware"):
            return
        if word.startswith("tftpfail") or self.no_tftp:
            self.write(b"lab: " + nonce + b" tftp failed\r\n=> ")
            if " tick " in word:
                yield from self.tick(int(word.split()[-1]))
            return
        self.write(b"lab: " + nonce + b" boot\r\n\r\nStarting kernel ...\r\n")
        self.running = word
        yield from self.reach("kernel")
        yield from self.kernel(word.split())

    def kernel(self, words):
        do = words[0]
        if do == "pass":
            self.write(b"TEST one PASS\r\nTEST end 1 passed, 0 failed\r\n")
        elif do == "fail":
            self.write(b"TEST one FAIL\r\nTEST end 0 passed, 1 failed\r\n")
        elif do == "panic":
            self.write(b"panic: simulated\r\n")
        elif do == "reset":
            self.write(b"bye\r\n")
            yield STEP
            yield from self.boot()
        elif do == "flood":
            yield from self.flood(int(words[1]))
        elif do == "tick":
            yield from self.tick(int(words[1]))
        elif do == "echo":
            yield from self.echo()
        else:
            self.write(b"hello\r\n")

    def fill(self, size):
        line = bytes(range(32, 127)) + b"\r\n"
        sent = 0
        while sent < size:
            data = line * 40
            while data:
                try:
                    n = os.write(self.tty_fd, data)
                except BlockingIOError:
                    yield 0
                    continue
                except OSError:
                    return
                data, sent = data[n:], sent + n

    def flood(self, size):
        yield from self.fill(size)
        yield from self.kernel(["pass"])

    def tick(self, count):
        for n in range(count):
            self.write(b"tick %06d\r\n" % n)
            yield 0.005
        yield from self.kernel(["pass"])

    def echo(self):
        self.write(b"$ ")
        seen = 0
        while True:
            data, seen = self.typed[seen:], len(self.typed)
            if data:
                self.write(data)
            if b"exit" in self.typed:
                self.write(b"\r\n")
                yield from self.kernel(["pass"])
                return
            yield STEP


class Sim:
    """All boards of a test, played by one thread."""

    def __init__(self, folder, count, readback=True, dialect="a0",
                 one_relay=False):
        self.boards = []
        for n in range(count):
            self.boards.append(Board(
                f"sim{n}", folder, readback, dialect,
                self.boards[0] if one_relay and n else None))
        self.twice = []  # words that ran on two boards at once
        self.stopping = False
        self.passes = 0  # of the loop over all boards
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while not self.stopping:
            now = time.monotonic()
            for b in self.boards:
                b.step(now)
            words = [b.running for b in self.boards if b.on and b.running]
            if len(words) != len(set(words)):
                self.twice.append(words)
            self.passes += 1
            select.select([], [], [], 0.001)

    def settle(self, limit=60):
        """What a daemon that is gone had sent is no longer on the wires."""
        passes, end = self.passes, time.monotonic() + limit
        while self.passes < passes + 4:
            assert time.monotonic() < end, "the simulation stands still"
            time.sleep(0.002)

    def config(self, **options):
        return "".join(b.config(**options) for b in self.boards)

    def close(self):
        self.stopping = True
        self.thread.join()
        for b in self.boards:
            if b.relay_fd is not None:
                os.close(b.relay_fd)
            os.close(b.tty_fd)
