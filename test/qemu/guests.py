"""Guests: payloads that look at the world switch from inside, and Debian's
Linux to its shell. The payloads are assembled here (guests/)."""

import os
import re
import subprocess

import payload
from context import check_boot, power_off
from machines import virt
from session import Failed


def built(context, name, more=()):
    """The payload `name` as a flat file, its path; `more` of the kernel's
    own sources are linked in."""
    base = context.path("%s-%s" % (name, context.local.name.split("/")[-1]))
    elf, flat = base + ".elf", base + ".img"
    source = [payload.here("guests", f)
              for f in ("head.S", "report.c", name + ".c")]
    source += [os.path.join(context.root, f) for f in more]
    subprocess.run([context.cross + "gcc", "-march=rv64imac_zicsr_zifencei",
                    "-mabi=lp64", "-mcmodel=medany", "-O2", "-ffreestanding",
                    "-fno-pic", "-fno-stack-protector", "-nostdlib",
                    "-fno-tree-loop-distribute-patterns",
                    "-static", "-Wall", "-Wextra", "-Werror",
                    "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments",
                    "-I", context.root,
                    "-I", os.path.join(context.build, "include"), "-T",
                    payload.here("guests", "payload.lds"), *source,
                    "-o", elf], check=True, timeout=60)
    subprocess.run([context.cross + "objcopy", "-O", "binary", elf, flat],
                   check=True, timeout=60)
    return flat


def check_lines(session):
    """The payload's own TEST lines: all PASS, none missing."""
    start = session.at
    seen = session.expect(r"TEST end (\d+) passed, (\d+) failed\r*$")
    lines = re.findall(r"^TEST (\S+) (PASS|FAIL)(.*)$",
                       session.text[start:seen.start()], re.M)
    failed = [name + why for name, verdict, why in lines if verdict == "FAIL"]
    if failed or int(seen.group(2)):
        raise Failed("TEST FAIL: " + "; ".join(failed))
    if int(seen.group(1)) != len(lines) or not lines:
        raise Failed("%s, but %d lines seen" % (seen.group(0), len(lines)))


def payload_on(name, machine, qemu="main"):
    def run(context):
        image = built(context, name)
        session = context.start(machine, extra=("-initrd", image), qemu=qemu)
        check_boot(session, machine)
        session.expect(r"guest linux: started, 1 vcpu, 256 MiB, ")
        check_lines(session)
        session.expect(r"guest linux: stopped, powered off$")
        power_off(session, machine)
    return run


def cells(context):
    small = virt(1)
    yield "guest/switch", payload_on("switch", small)
    yield "guest/switch-nosstc", payload_on("switch",
                                            virt(2, cpu="rv64,sstc=off"))
    yield "guest/switch-old", payload_on("switch", small, "old")
    yield "guest/switch-vector", payload_on("switch",
                                            virt(1, cpu="rv64,v=on"))
