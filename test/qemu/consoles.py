"""Guests' consoles on a UART that is read slowly: who floods it waits, others
and the shell do not; and no byte of anybody's is lost or in another's line."""

import dataclasses
import re
import statistics

from context import power_off
from machines import virt
from payloads import bundle
from session import Failed

# Bytes per second that the terminal reads: a fast serial line's.
RATE = 24000
# A command is answered before so many more bytes have come: what the socket
# and the emulator hold, a line of each guest, and what is typed, drawn again at
# each key.
ANSWER_WITHIN = 6000
# The end of a guest comes behind all that is in its ring, by turns.
END_WITHIN = ANSWER_WITHIN + 4 * 4096 * 3 // 2
EVERY = 20              # ms between two lines of the quiet guest

LINE = re.compile(r"line (\d+) at (\d+) took (\d+) ([a-z]*)\.")
FILL = "abcdefghijklmnopqrstuvwxyz"


class Lines:
    """The lines of the guests seen so far, each checked when it comes."""

    def __init__(self, names):
        self.names, self.seen = names, 0
        self.last = dict.fromkeys(names, 0)
        self.begun = dict.fromkeys(names, "")   # what has come of a line
        self.stamps = {name: [] for name in names}
        self.took = {name: [] for name in names}
        self.raw = None                         # who is attached

    def add(self, name, text):
        """A line of `name`, or a part of one."""
        text = self.begun[name] + text
        found = LINE.fullmatch(text)
        self.begun[name] = "" if found else text
        if not found:
            if len(text) > 100:
                raise Failed("%s says %r" % (name, text))
            return
        number, stamp, took = map(int, found.groups()[:3])
        if number != self.last[name] + 1:
            raise Failed("%s's line %d comes after %d" % (name, number,
                                                          self.last[name]))
        if found.group(4) != FILL[number % 26:]:
            raise Failed("%s's line %d is %r" % (name, number, text))
        self.last[name] = number
        self.stamps[name].append(stamp)
        self.took[name].append(took)

    def check(self, session):
        """All whole lines that have come since the last call."""
        end = session.text.rfind("\n") + 1
        for text in session.text[self.seen:end].split("\n"):
            name, bar, rest = text.partition("| ")
            started = re.search(r"guest (\S+): started", text)
            if started:
                self.last[started.group(1)] = 0
                self.begun[started.group(1)] = ""
            elif bar and name in self.names:
                self.add(name, rest)
            elif self.raw and text and not text.startswith(("[", "aloft> ")):
                self.add(self.raw, text)
            elif LINE.search(text):
                raise Failed("a line that is not one guest's: %r" % text)
        self.seen = end


def expect_soon(session, text, pattern, within=ANSWER_WITHIN):
    """Type `text`; the answer comes, however much there is to be read."""
    at = len(session.text)
    session.send(text)
    found = session.expect(pattern)
    if found.start() - at > within:
        raise Failed("%r was answered %d bytes later" % (text, found.start() -
                                                         at))
    return found


def read_bytes(session, count):
    """Let the console go on for so many bytes."""
    until = len(session.text) + count
    while len(session.text) < until:
        if not session._read(session.deadline):
            raise Failed("the console stands still")


def check_quiet(lines, session):
    """Its time went by as if it were alone."""
    stamps, took = lines.stamps["quiet"], lines.took["quiet"]
    gaps = [b - a for a, b in zip(stamps, stamps[1:])]
    if len(gaps) < 50 or max(gaps) > 25 * EVERY:
        raise Failed("the quiet guest stood still for %d ms (%d lines)" %
                     (max(gaps), len(stamps)))
    if statistics.median(took) > 3000:
        raise Failed("a line took the quiet guest %d us" %
                     statistics.median(took))


GUESTS = {
    "poll": ("flood", "memory=4M,bootargs=mode=0"),
    "wait": ("flood", "memory=4M,bootargs=mode=1"),
    "call": ("flood", "memory=4M,bootargs=mode=2"),
    "quiet": ("flood", "memory=4M,bootargs=every=%d" % EVERY),
}


def start(context, machine, guests, **how):
    session = context.start(
        machine, extra=("-initrd", bundle(context, guests)), **how)
    return session, Lines(guests)


def flood(context):
    """Three that flood, each in a way of its own, one that does not, and the
    shell, on two harts and a slow terminal that stops for a second."""
    machine = virt(2)
    session, lines = start(context, machine, GUESTS, rate=RATE, limit=60)
    session.expect(r"aloft> ")
    read_bytes(session, 20000)
    lines.check(session)
    expect_soon(session, "guests\r", r"^quiet +running")
    expect_soon(session, "stat poll\r", r"^vcpu 0 .*exits:.*$")
    # All rings are full now; the quiet guest's has room for longer.
    session.due += 1.2
    read_bytes(session, 30000)
    lines.check(session)
    check_quiet(lines, session)
    for name in lines.names:
        if lines.last[name] < 30:
            raise Failed("%s has shown %d lines only" % (name,
                                                         lines.last[name]))
    expect_soon(session, "stop call\r",
                r"guest call: stopped, by the operator$", END_WITHIN)
    lines.check(session)
    power_off(session, machine)
    lines.check(session)


def attach(context):
    """A guest that floods is attached, left by Ctrl-], reset and stopped."""
    machine = virt(1)
    guests = {name: GUESTS[name] for name in ("wait", "quiet")}
    session, lines = start(context, machine, guests, rate=RATE, limit=60)
    session.expect(r"aloft> ")
    for _ in range(3):
        expect_soon(session, "console wait\r", r"^\[wait; Ctrl-\] leaves\]$")
        lines.check(session)
        lines.raw = "wait"
        read_bytes(session, 8000)
        expect_soon(session, "\x1d", r"^aloft> ")
        lines.check(session)
        lines.raw = None
    expect_soon(session, "reset wait\r",
                r"guest wait: stopped, reset by the operator$", END_WITHIN)
    lines.check(session)
    session.expect(r"^wait\| line 1 ")
    expect_soon(session, "stop wait\r",
                r"guest wait: stopped, by the operator$", END_WITHIN)
    lines.check(session)
    power_off(session, machine)


def last_words(context):
    """What a guest wrote before it switched itself off comes before its end,
    by the UART's interrupt and by the firmware."""
    guests = {name: ("flood", config + " lines=300")
              for name, (_, config) in GUESTS.items() if name != "quiet"}
    for machine, how in ((virt(2), {}), (virt(1, aia="aplic-imsic"), {}),
                         (virt(1), {"append": "console=sbi", "qemu": "old"})):
        session, lines = start(context, machine, guests, rate=4 * RATE,
                               limit=60, **how)
        for _ in guests:
            name = session.expect(r"guest (\S+): stopped, powered off$")
            lines.check(session)
            if lines.last[name.group(1)] != 300:
                raise Failed("%s ended after line %d" %
                             (name.group(1), lines.last[name.group(1)]))
        power_off(session, machine)


def send(context):
    """What two harts send at once comes whole, from any register, and without
    leaving assembly."""
    # Before that the stores are not decoded by the hart (htinst).
    machine = dataclasses.replace(virt(2), since=(9, 0))
    session = context.start(
        machine, limit=60, extra=("-initrd", bundle(context, {
            "send": ("send", "memory=4M,vcpus=2")})))
    session.expect(r"^registers ABCDEFGHIJKLMNOPQRS\.$")
    session.expect(r"\x0c they stay\.$")
    start = session.at
    session.expect(r"^sent\.$")
    bytes_ = "".join(re.findall(r"[01]", session.text[start:session.at]))
    if (bytes_.count("0"), bytes_.count("1")) != (2000, 2000):
        raise Failed("%d and %d bytes came" % (bytes_.count("0"),
                                               bytes_.count("1")))
    if "01" not in bytes_ or "10" not in bytes_:
        raise Failed("the harts did not send at the same time")
    session.send("\x1d")
    session.expect(r"aloft> ")
    session.send("stat send\r")
    sent = [int(session.expect(r"^vcpu \d .* send (\d+)$").group(1))
            for _ in range(2)]
    if min(sent) < 1800:
        raise Failed("of 2000 bytes each only %r were sent at once" % sent)
    session.send("stop send\r")
    session.expect(r"guest send: stopped")
    power_off(session, machine)


def cells(context):
    yield "console/flood", flood
    yield "console/attach", attach
    yield "console/last-words", last_words
    yield "console/send", send
