"""kill -9 of labd in every state and stage of a job, on simulated boards.

The board stands still at the stage in question, so that no kill can miss it;
each case says what it saw right before the kill.
"""

import os
import socket

import lab as L
from daemon_test import Setting, equal

HELD = ("power", "firmware", "uboot", "dhcp", "tftp", "kernel")
LONG = {"timeout": "600", "silence": "600"}
RESTARTED = ("infra", "daemon restarted")


def seen(lab, id_):
    j = lab.job(id_)
    return j["state"], j["stage"]


def restart(lab, sim, mend=None):
    """kill -9 and a new daemon, which is to switch off before it starts."""
    lab.kill()
    passes = sim.passes  # what the dead one had sent is still on the wires
    L.until(lambda: sim.passes > passes + 3, "the simulation stands still")
    if mend:
        mend()
    marks = [len(b.events) for b in sim.boards]
    lab.start()
    return marks


def check_off_first(sim, marks):
    """Since the restart: every board off, then the first one on."""
    began = [b.events[m:] for b, m in zip(sim.boards, marks)]
    ons = [t for events in began for t, what in events if what == "on"]
    for b, events in zip(sim.boards, began):
        offs = [t for t, what in events if what == "off"]
        assert offs, f"{b.name} was not switched off"
        assert not ons or min(offs) <= min(ons), (b.name, began)


def check_jobs(lab, sim, wanted):
    """Each job there, over, and as wanted; {id: its attempts' verdicts}."""
    rows = lab.database().execute(
        "SELECT id, state, verdict, attempts FROM jobs ORDER BY id").fetchall()
    equal([r[0] for r in rows], sorted(wanted), "the jobs there are")
    for id_, state, verdict, attempts in rows:
        j = lab.wait(id_)
        got = [a["verdict"] for a in j["attempts"]]
        equal(got, wanted[id_], j)
        equal((state, attempts), ("done", len(got)), j)
        equal(verdict, got[-1], j)
        if got[0] == "infra":
            equal(j["attempts"][0]["reason"], RESTARTED[1], j)
        for before, after in zip(j["attempts"], j["attempts"][1:]):
            assert before["ended"] <= after["started"], j
    opened = lab.database().execute(
        "SELECT count(*) FROM attempts WHERE ended IS NULL").fetchone()
    equal(opened, (0,), "attempts without an end")
    assert not sim.twice, f"on two boards at once: {sim.twice}"


def interrupted(lab, id_, n, stage):
    """The job's n-th attempt, by the kill just done."""
    a = lab.job(id_)["attempts"][n - 1]
    equal((a["verdict"], a["reason"]), RESTARTED, a)
    equal(a["stage"], stage, "where it was interrupted")


def kill_at(lab, sim, stage, kills, met):
    """A job that stands at this stage, one beside it, and one behind it."""
    board = sim.boards[0]
    board.hold = stage
    word = f"#{stage}{kills}"
    victim = lab.submit(L.image("pass " + word), board="sim0", **LONG)
    beside = lab.submit(L.image("loop " + word), board="sim1", **LONG)
    behind = lab.submit(L.image("pass behind" + word), board="sim0", **LONG)
    state = "running" if stage == "kernel" else "booting"
    for n in range(1, kills + 1):
        L.until(lambda: board.held == stage and
              seen(lab, victim) == (state, stage) and
              seen(lab, beside) == ("running", "kernel"),
              f"{stage}: {board.held}, {seen(lab, victim)}")
        equal(seen(lab, behind), ("queued", "queued"))
        equal(len(lab.job(victim)["attempts"]), n)
        marks = restart(lab, sim)
        interrupted(lab, victim, n, stage)
        met.append((n, stage))
        interrupted(lab, beside, n, "kernel")
        if n == 1:
            # At the second kill it may be its turn at once.
            equal(lab.job(behind)["attempts"], [], "it had not begun")
        if n < kills:
            L.until(lambda: len(lab.job(victim)["attempts"]) > n and
                  seen(lab, victim) == (state, stage), "not tried again")
            check_off_first(sim, marks)
    board.hold = None
    wanted = {victim: ["infra", "pass"], behind: ["pass"],
              beside: ["infra", "pass"]}
    if kills == 2:
        wanted[victim] = wanted[beside] = ["infra", "infra"]
    else:
        # It is to end at its second attempt as well.
        lab.wait(beside, until=("running",))
        sim.boards[1].write(b"TEST end 0 passed, 0 failed\r\n")
    for id_ in wanted:
        lab.wait(id_)
    check_off_first(sim, marks)
    return wanted


def labd_killed_in_every_stage_of_an_attempt():
    """Once: the attempt is tried again. Twice: infra, and no third."""
    wanted, met = {}, []
    with Setting(2, boot_timeout=600) as (lab, sim):
        for stage in HELD:
            for kills in (1, 2):
                wanted.update(kill_at(lab, sim, stage, kills, met))
        check_jobs(lab, sim, wanted)
    equal(met, [(n, s) for s in HELD for n in (1, 1, 2)], "killed in")


def labd_killed_before_the_board_is_proven_off():
    """The job has its board, whose relay does not answer yet."""
    with Setting(1) as (lab, sim):
        board = sim.boards[0]
        lab.wait_board("sim0", "ready")
        board.fault = "silent"
        id_ = lab.submit(L.image("pass"))
        L.until(lambda: seen(lab, id_) == ("booting", "queued"), "not taken")
        assert not board.on
        marks = restart(lab, sim, lambda: setattr(board, "fault", None))
        interrupted(lab, id_, 1, "queued")
        lab.wait(id_)
        check_off_first(sim, marks)
        check_jobs(lab, sim, {id_: ["infra", "pass"]})


def labd_killed_at_the_verdict():
    """It was seen but not written down: that attempt gave no result."""
    with Setting(1, linger=600) as (lab, sim):
        wanted = {}
        for kills in (1, 2):
            id_ = lab.submit(L.image(f"tick 1000000 #{kills}"),
                             **{"pass": "tick 000005"}, **LONG)
            for n in range(1, kills + 1):
                L.until(lambda: seen(lab, id_) == ("running", "verdict"),
                      "no verdict")
                equal(len(lab.job(id_)["attempts"]), n)
                marks = restart(lab, sim)
                interrupted(lab, id_, n, "verdict")
            wanted[id_] = ["infra", "pass" if kills == 1 else "infra"]
            if kills == 1:
                L.until(lambda: seen(lab, id_) == ("running", "verdict"),
                      "no verdict")
                # Ends the linger; the verdict stands.
                equal(lab.http("DELETE", f"/api/jobs/{id_}").status, 409)
            lab.wait(id_)
            lab.wait_board("sim0", "ready")
            check_off_first(sim, marks)
        check_jobs(lab, sim, wanted)


def labd_killed_while_the_board_goes_off():
    """The job is over: its verdict stands, the board is not forgotten."""
    wanted = {}
    with Setting(1, dwell=0.5, linger=0, boot_timeout=600) as (lab, sim):
        board = sim.boards[0]
        for phase in ("switching", "dwell"):
            board.hold = "kernel"
            over = lab.submit(L.image(f"pass #{phase}"), **LONG)
            L.until(lambda: board.held == "kernel", "no kernel")
            after = lab.submit(L.image(f"pass after#{phase}"), **LONG)
            # A relay that does not hear "off" leaves the board on.
            board.fault = "deaf" if phase == "switching" else None
            board.hold = None
            done = lab.wait(over)
            equal(done["verdict"], "pass")
            if phase == "dwell":
                L.until(lambda: not board.on, "left on")
            equal(board.on, phase == "switching")
            equal(lab.boards()["sim0"]["state"], "off", phase)
            equal(seen(lab, after), ("queued", "queued"), phase)
            marks = restart(lab, sim, lambda: setattr(board, "fault", None))
            lab.wait(after)
            check_off_first(sim, marks)
            equal(lab.job(over), done, "a verdict that changed")
            wanted.update({over: ["pass"], after: ["pass"]})
        check_jobs(lab, sim, wanted)


def labd_killed_in_mid_upload():
    """No job, nothing left of it; one that runs is interrupted as ever."""
    body = L.image("pass #whole", 8 << 20)
    with Setting(1) as (lab, sim):
        running = lab.submit(L.image("tick 60"), **LONG)
        lab.wait(running, until=("running",))
        head = (f"POST /api/jobs?timeout=600 HTTP/1.1\r\nHost: 127.0.0.1:"
                f"{lab.port}\r\nContent-Length: {len(body)}\r\n\r\n").encode()
        with socket.create_connection(("127.0.0.1", lab.port)) as half:
            half.sendall(head + body[:len(body) // 2])
            spool = lab.state / "spool"
            L.until(lambda: sum(f.stat().st_size for f in spool.iterdir()) >=
                    len(body) // 4, "nothing arrives")
            marks = restart(lab, sim)
            try:
                equal(half.recv(1000), b"", "answered")
            except ConnectionResetError:
                pass
        equal(os.listdir(spool), [], "half an upload is kept")
        equal(len(os.listdir(lab.state / "images")), 1)
        ids = [j["id"] for j in lab.get("/api/jobs").json["jobs"]]
        equal(ids, [running], "a job of half an upload")
        whole = lab.submit(body, **LONG)
        for id_ in (running, whole):
            lab.wait(id_)
        check_off_first(sim, marks)
        check_jobs(lab, sim, {running: ["infra", "pass"], whole: ["pass"]})


def break_relay(board, fault):
    if fault == "unplugged":
        board.unplug(True)
    board.fault = fault


def mend_relay(board):
    board.unplug(False)


def nothing_starts_until_every_board_is_off():
    """A kill, and one relay that does not do what the new daemon says."""
    for fault in ("silent", "deaf", "stuck", "unplugged"):
        with Setting(2, retry=0.2, lab="board_wait = 600\n") as (lab, sim):
            first, broken = sim.boards
            ids = [lab.submit(L.image(f"tick 60 #{n}"), board=f"sim{n}",
                              **LONG) for n in range(2)]
            for id_ in ids:
                lab.wait(id_, until=("running",))
            marks = restart(lab, sim, lambda: break_relay(broken, fault))
            looks = 0
            while True:
                begun = [what for _, what in first.events[marks[0]:]]
                if lab.boards()["sim1"]["state"] != "starting":
                    break  # given up: the others need not wait for it
                assert "on" not in begun, f"{fault}: one is on too early"
                looks += 1
            assert looks, f"{fault}: the broken board was not waited for"
            equal(lab.boards()["sim1"]["health"], "down", fault)
            equal(lab.wait(ids[0])["verdict"], "pass")
            equal(len(lab.job(ids[1])["attempts"]), 1, "on a board not off")
            equal([what for _, what in broken.events[marks[1]:]
                   if what == "on"], [], fault)
            mend_relay(broken)
            lab.wait(ids[1])
            for b, mark in zip(sim.boards, marks):
                equal(b.events[mark][1], "off", (fault, b.name))
            check_jobs(lab, sim, {id_: ["infra", "pass"] for id_ in ids})


def image_torn_by_a_power_failure_is_infra():
    """The job was written down, what it names never reached the disk."""
    with Setting(1) as (lab, sim):
        running = lab.submit(L.image("loop"), **LONG)
        lab.wait(running, until=("running",))
        images = {n: L.image(f"pass #{n}") for n in ("whole", "empty", "bent")}
        ids = {n: lab.submit(image, **LONG) for n, image in images.items()}

        def tear():
            for name in ("empty", "bent"):
                path = lab.state / "images" / image_hash(lab, ids[name])
                bent = images[name][:-1] + b"x" if name == "bent" else b""
                path.unlink()
                path.write_bytes(bent)
                path.chmod(0o444)

        restart(lab, sim, tear)
        lab.http("DELETE", f"/api/jobs/{running}")
        equal(lab.wait(ids["whole"])["verdict"], "pass")
        for name in ("empty", "bent"):
            j = lab.wait(ids[name])
            equal((j["verdict"], j["reason"], len(j["attempts"])),
                  ("infra", "the image is damaged in the store", 1))
            again = lab.submit(images[name], **LONG)
            equal(lab.wait(again)["verdict"], "pass", "it came anew")


def image_hash(lab, id_):
    return lab.database().execute("SELECT image FROM jobs WHERE id = ?",
                                  (id_,)).fetchone()[0]


CASES = [(f.__name__, f) for f in (
    labd_killed_in_every_stage_of_an_attempt,
    labd_killed_before_the_board_is_proven_off, labd_killed_at_the_verdict,
    labd_killed_while_the_board_goes_off, labd_killed_in_mid_upload,
    nothing_starts_until_every_board_is_off,
    image_torn_by_a_power_failure_is_infra)]
