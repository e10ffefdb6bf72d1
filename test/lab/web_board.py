"""A board on a TCP port, for trying the page without an emulator.

It is switched by writing "on" or "off" into a file, finds what to boot in a
TFTP folder as netboot = external leaves it, and behaves as the word behind
the Image's header says: shell, hostile or flood.
"""

import pathlib
import re
import socket
import struct
import threading
import time

FLOOD_BYTES = 10_500_000

HOSTILE = (
    b"<img src=x onerror=alert(1)><script>alert(2)</script>\r\n"
    b"\x1b]0;owned\x07\x1b]2;owned\x1b\\"            # titles
    b"\x1b]52;c;b3duZWQ=\x07\x1b]52;p;b3duZWQ=\x1b\\"  # clipboard
    b"\x1b]8;;javascript:alert(3)\x1b\\click\x1b]8;;\x1b\\\r\n"
    b"\x1b]4;1;?\x07\x1b]10;?\x07\x1b]11;?\x1b\\\x1b]12;?\x07"
    b"\x1b[c\x1b[>c\x1b[=c\x1bZ\x1b[5n\x1b[6n\x1b[?6n\x1b[x\x1b[>q"
    b"\x1b[18t\x1b[21t\x1b[14t\x1b[?1$p\x1b[4$p"     # requests for answers
    b"\x1bP$qm\x1b\\\x1bP$qr\x1b\\\x1bP+q544e\x1b\\"
    b"\x1b[?1000h\x1b[?1002h\x1b[?1003h\x1b[?1004h\x1b[?1006h"
    b"\x1b[38;2;1;2;3mtrue\x1b[0m \x1b[31mcolour\x1b[0m\r\n"
    b"\xff\xfe\xc0\xaf\x00\x9b31m\xc2\x9d0;owned\x07\r\n"
    b"\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\HOSTILE END\r\n")


def image(word):
    """An Image with a good header that names a behaviour."""
    body = word.encode().ljust(4096 - 64, b"\0")
    return struct.pack("<IIQQQIIQQII", 0x13, 0x13, 0x200000, 8192, 0, 2, 0,
                       0, 0x5643534952, 0x05435352, 0) + body


def flood():
    """Numbered lines, 10.5 MB of them."""
    lines = [b"FLOOD BEGIN\r\n"]
    size = number = 0
    while size < FLOOD_BYTES:
        line = b"\x1b[3%dmflood\x1b[0m line %07d of the flood\r\n" % (
            number % 7 + 1, number)
        lines.append(line)
        size += len(line)
        number += 1
    lines.append(b"FLOOD END\r\n")
    return b"".join(lines)


def play(word, write, typed, alive):
    """The kernel: writes bytes, takes what is typed, until it is dead."""
    if word == "hostile":
        write(HOSTILE)
    elif word == "flood":
        write(flood())
    else:
        for number in range(60):
            write(b"[%12.6f] boot: step %d\r\n" % (number / 50, number))
            time.sleep(0.01)
        write(b"# ")
    while alive():
        keys = typed()
        if keys and word == "shell":
            write(keys.replace(b"\r", b"\r\n# "))
        time.sleep(0.01)


class Board:
    """One board: its console's port, its power file, its TFTP folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.tftp = self.folder / "tftp"
        self.tftp.mkdir(parents=True)
        self.power_file = self.folder / "power"
        self.power_file.write_text("off")
        self.power_file.chmod(0o666)  # labd's commands run as nobody
        self.server = socket.create_server(("127.0.0.1", 0))
        self.line = None
        threading.Thread(target=self.accept, daemon=True).start()
        threading.Thread(target=self.run, daemon=True).start()

    def config(self, name):
        """Its section of labd's configuration."""
        power = self.power_file
        return (f"[board {name}]\npower = command\nconsole = tcp\n"
                f"netboot = external\ntftp_root = {self.tftp}\n"
                f"power_on = echo on > {power}\n"
                f"power_off = echo off > {power}\n"
                f"tcp = 127.0.0.1:{self.server.getsockname()[1]}\n"
                f"dwell = 0.3\nsettle = 0.2\nlinger = 0.2\n")

    def accept(self):
        while True:
            self.line, _ = self.server.accept()

    def powered(self):
        return self.power_file.read_text().strip() == "on"

    def write(self, data):
        for at in range(0, len(data), 16384):
            if not self.powered():
                return
            self.line.sendall(data[at:at + 16384])

    def typed(self):
        try:
            return self.line.recv(4096, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""

    def run(self):
        while self.power_file.exists():
            time.sleep(0.01)
            try:
                if self.line and self.powered():
                    self.boot()
            except OSError:
                pass  # the daemon went, or the power, or the folder

    def boot(self):
        script = (self.tftp / "boot.scr.uimg").read_bytes()
        nonce = re.search(rb"lab: (\w+) script", script).group(1)
        word = (self.tftp / "Image").read_bytes()[64:96].strip(b"\0")
        for line in [b"OpenSBI v1.3", b"U-Boot 2023.01",
                     b"DHCP client bound to address 10.0.2.15 (3 ms)",
                     b"TFTP from server 10.0.2.2; our IP address is "
                     b"10.0.2.15", b"lab: %s script" % nonce,
                     b"lab: %s boot" % nonce, b"Starting kernel ..."]:
            self.write(line + b"\r\n")
            time.sleep(0.05)
        play(word.decode(), self.write, self.typed, self.powered)
        self.typed()
