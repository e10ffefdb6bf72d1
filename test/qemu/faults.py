"""Never silent: broken trees, images, machines and kernels. Each has its own
words and a machine that ends; and the same for trees that are only odd, which
must boot. The loader (enter.S) passes what no firmware would."""

import os
import struct
import subprocess
from dataclasses import replace
from functools import partial

import fdtlib
import payload
from context import check_boot, power_off
from machines import virt
from session import Failed

IMAGE_AT = 0x80400000
TREE_AT = 0x88000000
PREFIX = r"^(\[[^\]]*\] )?panic: "
NONE = r"device tree at 0x%x: "
BROKEN = NONE % TREE_AT
# selftest=crash-<name> and how its report begins.
CRASHES = {
    "null-call": r"instruction (page|access) fault .*, call of a null pointer",
    "null-read": r"load page fault .*, null pointer",
    "write-text": r"store page fault .*, write to read-only memory",
    "exec-data": r"instruction page fault .*, execution of data",
    "bad-load": r"load page fault at 0x[0-9a-f]+, address 0xfffffffefffff000$",
    "stack-overflow": r".*, kernel stack overflow",
    "illegal": r"illegal instruction at",
    "lost-sp": r".*, bad stack pointer",
    "lost-tp": r"load page fault",
    "stack-smash": r"stack smashed",
    "panic": r"asked for by selftest=crash-panic",
    "double-free": r".*0x[0-9a-f]+.*free",
    "other-hart": r"load page fault at 0x[0-9a-f]+, address 0x0, null pointer"
                  r"\n(.*\n)?hart \d+ cpu 1 ",
    "write-rodata": r"store page fault .*, write to read-only memory",
    "console-write": r"load page fault .*, null pointer",
    "nested": r"trap without a usable stack: cause 0xf at",
}


def ends(session, words):
    """The panic says `words`, once, and the machine goes off."""
    session.expect(PREFIX + words)
    session.expect_end()


def enter(context, image=None, at=IMAGE_AT, blob=None, blob_at=TREE_AT,
          **registers):
    """An ELF that enters the image at `at` with the blob at `blob_at`."""
    more = []
    if blob is not None:
        more = [(blob_at, blob)]
        registers.setdefault("a1", blob_at)
    name = context.local.name.replace("/", ".")
    return context.enter(name, image or context.image, at, more=more,
                         **registers)


def fatal(words, tree=None, blob=None, machine=None, image=None, **how):
    """A scenario: `tree(tree, context)` changes the tree, `blob(bytes)` the
    flattened one, `image(bytes)` the Image; then the kernel must say words
    and end."""
    machine = machine or virt(1)

    def run(context):
        changed = context.tree(machine)
        if tree:
            tree(changed, context)
        flat = fdtlib.build(changed)
        kernel = enter(context, image(context.image) if image else None,
                       blob=blob(flat) if blob else flat, **how)
        session = context.start(machine, kernel, panic_ok=True)
        ends(session, words)
    run.words = words
    return run


def survived(words="", tree=None, machine=None, seen=None, pad=0, **how):
    """As fatal(), but it boots; `words` are in the log before ready and
    `seen` is the machine as the kernel describes it."""
    machine = machine or virt(1)

    def run(context):
        changed = context.tree(machine)
        if tree:
            tree(changed, context)
        where = {key: value(context) if callable(value) else value
                 for key, value in how.items()}
        kernel = enter(context, blob=fdtlib.build(changed, pad), **where)
        session = context.start(machine, kernel)
        check_boot(session, seen or machine, where.get("at", IMAGE_AT))
        power_off(session, machine)
        # Wherever it stands: some lines come before those of the boot.
        session.at = 0
        if words:
            session.expect(r"^(\[[^\]]*\] )?(.*\b)?(%s)" % words)
    run.words = words
    return run


def token(blob, at):
    return int.from_bytes(blob[at:at + 4], "big")


def structure_end(blob):
    """Offset of the final END token."""
    return token(blob, fdtlib.HEADER["off_struct"]) + \
        token(blob, fdtlib.HEADER["size_struct"]) - 4


def put(blob, at, value):
    return blob[:at] + value.to_bytes(4, "big") + blob[at + 4:]


def first_property(blob):
    """Offset of the first PROP token: the root's name is empty."""
    at = token(blob, fdtlib.HEADER["off_struct"]) + 8
    assert token(blob, at) == fdtlib.PROP
    return at


def nested(tree, context):
    node = tree.root
    for i in range(40):
        node = node.add("n%d" % i)


def bad_blob(words, change):
    return fatal(BROKEN + words, blob=change)


def spoilt(words, **fields):
    return bad_blob(words, lambda blob: fdtlib.spoil(blob, **fields))


def larger(blob):
    """100 KB of it, to be used where it lies."""
    return fdtlib.spoil(blob, totalsize=100000) + b"\0" * (100000 - len(blob))


def tree_no_map(tree, context):
    """The tree itself lies where nothing may be mapped."""
    keep = tree.find("/reserved-memory")
    keep.add("tree@%x" % TREE_AT).set("reg", 0, TREE_AT, 0,
                                      0x200000).set("no-map")


def broken_trees(context):
    """The blob itself, or what a1 says of it."""
    yield "none", fatal(NONE % 0 + "cannot be read", a1=0)
    yield "nowhere", fatal(NONE % 0x7ffff00000 + "cannot be read",
                           a1=0x7ffff00000)
    yield "firmware", fatal(NONE % 0x80000000 + "cannot be read",
                            a1=0x80000000)
    yield "junk-pointer", fatal(NONE % (TREE_AT + 64) + "bad magic",
                                a1=TREE_AT + 64)
    yield "magic", fatal(NONE % TREE_AT + "bad magic",
                         blob=lambda b: fdtlib.spoil(b, magic=0xd00dfeee))
    for off in (1, 4):
        yield "misaligned-%d" % off, fatal(
            NONE % (TREE_AT + off) + "not aligned to 8 bytes",
            blob_at=TREE_AT + off)
    yield "version-old", spoilt("version", version=2)
    yield "version-new", spoilt("version", version=19, last_comp=18)
    yield "totalsize-0", spoilt("truncated", totalsize=0)
    yield "totalsize-8", spoilt("truncated", totalsize=8)
    yield "half", bad_blob("bad header", lambda b: fdtlib.spoil(
        b, totalsize=len(b) // 2 & ~7))
    yield "structure-outside", spoilt("bad header", off_struct=0xfffffff8)
    yield "strings-outside", spoilt("bad header", off_strings=0xfffffff0)
    yield "strings-open", bad_blob("bad strings", lambda b: fdtlib.spoil(
        b, size_strings=token(b, fdtlib.HEADER["size_strings"]) - 1))
    yield "reservations-outside", spoilt("bad reservation map",
                                         off_rsvmap=0xffffff00)
    yield "no-end", bad_blob("truncated", lambda b: put(
        b, structure_end(b), fdtlib.NOP))
    yield "token", bad_blob("bad structure", lambda b: put(
        b, first_property(b), 0x77))
    yield "property-long", bad_blob("bad property", lambda b: put(
        b, first_property(b) + 4, 0x7ffffff0))
    yield "property-name", bad_blob("bad property", lambda b: put(
        b, first_property(b) + 8, 0x7ffffff0))
    yield "deep", fatal(BROKEN + "nested too deep", nested)
    yield "huge", fatal(BROKEN + "%d bytes, at most %d" %
                        ((2 << 20) + 8, 2 << 20),
                        blob=lambda b: fdtlib.spoil(
                            b, totalsize=(2 << 20) + 8))
    yield "past-memory", fatal(
        NONE % 0x9fff0000 + "100000 bytes reach beyond memory",
        blob=lambda b: larger(b)[:65536], a1=0x9fff0000,
        copy=(TREE_AT, 0x9fff0000, 65536))
    yield "large-reserved", fatal(
        BROKEN + "100000 bytes in memory that is not ours; "
        "at most 65536 can be copied", tree_no_map, blob=larger)
    yield "overlap", fatal(
        r"device tree at 0x[0-9a-f]+: 100000 bytes overlap the image at "
        r"0x80400000 \(\d+ bytes\)", blob=larger,
        blob_at=IMAGE_AT + (payload.image_size(context.image) & ~7) - 8)


def no_memory(tree, context):
    tree.root.remove("memory")


def memory(tree, start, length):
    tree.find("/memory").set("reg", start >> 32, start & 0xffffffff,
                             length >> 32, length & 0xffffffff)


def memory_elsewhere(tree, context):
    memory(tree, 0x90000000, 0x10000000)


def memory_tiny(tree, context):
    """From the loader to 512 KiB behind the image, which follows it."""
    length = 0x2000 + payload.image_size(context.image) + (512 << 10)
    memory(tree, payload.ENTER_AT, length & ~4095)


def no_cpus(tree, context):
    tree.root.remove("cpus")


def no_timebase(tree, context):
    del tree.find("/cpus").props["timebase-frequency"]


def zero_timebase(tree, context):
    tree.find("/cpus").set("timebase-frequency", 0)


def many_regions(tree, context):
    keep = tree.find("/reserved-memory")
    for i in range(300):
        at = 0x90000000 + 0x2000 * i
        keep.add("hole@%x" % at).set("reg", 0, at, 0, 0x1000).set("no-map")


def broken_machines(context):
    """What the tree says of the machine."""
    yield "no-memory", fatal("memory map: no memory node", no_memory)
    yield "memory-elsewhere", fatal("memory map: image outside memory",
                                    memory_elsewhere)
    yield "memory-tiny", fatal(r"out of memory: \d+ KiB free, 1024 needed",
                               memory_tiny, at=payload.ENTER_AT + 0x2000)
    yield "many-regions", fatal("memory map: memory map full", many_regions)
    yield "no-cpus", fatal("device tree names no hart", no_cpus)
    yield "no-boot-hart", fatal("boot hart 77 is not in the device tree",
                                a0=77)
    yield "no-timebase", fatal("device tree has no timebase-frequency",
                               no_timebase)
    yield "zero-timebase", fatal("device tree has no timebase-frequency",
                                 zero_timebase)


def relocation(words, index, **spoil):
    def run(context):
        image = payload.rela_spoil(context.image, index, **spoil)
        path = context.write(context.local.name.replace("/", ".") + ".img",
                             image)
        session = context.start(virt(1), path, panic_ok=True)
        ends(session, r"relocation 0x%x \(.*%s" % (index, words))
    run.words = words
    return run


def unwritable(context):
    """Code and constants in a ROM, everything else in RAM: three NUMA nodes,
    of which the second ignores what is written."""
    data = payload.table(context.image)["data_start"]
    rom = 16 << 20
    end = 0x80000000 + (128 << 20) + rom
    path = context.path("rom.bin")
    with open(path, "wb") as f:
        f.truncate(rom)
        f.seek(rom - data)
        f.write(context.image[:data])
    numa = ["-object", "memory-backend-ram,id=m0,size=128M",
            "-object", "memory-backend-file,id=m1,size=16M,share=off,"
            "readonly=on,rom=on,mem-path=" + path,
            "-object", "memory-backend-ram,id=m2,size=112M"]
    # As many harts, or QEMU takes no third node.
    for i in range(3):
        numa += ["-numa", "node,nodeid=%d,memdev=m%d" % (i, i)]
    machine = replace(virt(3, "256M"), since=(9, 0))
    code = payload.enter(context.code, end - data)
    kernel = context.write("unwritable.elf", payload.elf(
        [(payload.ENTER_AT, code), (end, context.image[data:])]))
    session = context.start(machine, kernel, extra=numa, panic_ok=True)
    ends(session, "relocation 0x0 .*: image cannot be written")


def spent(context):
    """An image entered again without being loaded again: its data shows that
    it has run before."""
    names = subprocess.run([context.cross + "nm", os.path.join(
        context.build, "kernel.elf")], capture_output=True, text=True,
        check=True).stdout.splitlines()
    at = next(int(n.split()[0], 16) for n in names if "boot_lottery" in n)
    image = bytearray(context.image)
    struct.pack_into("<I", image, at, 1)
    path = context.write("spent.img", bytes(image))
    session = context.start(virt(1), path, panic_ok=True)
    ends(session, "image at 0x80200000 has run before, load it again")


def broken_images(context):
    yield "image-spent", spent
    last = payload.image_size(context.image)
    relative = [i for i, r in enumerate(payload.rela(context.image))
                if r[2] == payload.R_RISCV_RELATIVE]
    yield "image-misaligned", fatal("image at 0x80400800 is not aligned to "
                                    "4096 bytes", at=IMAGE_AT + 0x800)
    yield "relocation-type", relocation("unknown relocation type",
                                        relative[3], kind=2)
    yield "relocation-symbol", relocation("type 0x500000003",
                                          relative[0], kind=5 << 32 | 3)
    yield "relocation-outside", relocation("offset outside the image",
                                           relative[5], offset=last)
    yield "relocation-far", relocation("offset outside the image",
                                       relative[-1], offset=(1 << 64) - 8)
    yield "relocation-odd", relocation("offset not 8-byte aligned",
                                       relative[1], offset=0x1001)
    yield "image-unwritable", unwritable


def second_memory(tree, context):
    ghost = tree.root.add("memory@1040000000")
    ghost.set("device_type", "memory").set("reg", 0x10, 0x40000000,
                                           0, 0x40000000)


def claim(length, tree, context):
    """512 MiB that the tree says are more."""
    memory(tree, 0x80000000, length)


def memory_short(tree, context):
    """128 MiB more than there are, and not in whole steps of anything."""
    memory(tree, 0x80000000, (640 << 20) + 0x3000)


def no_devices(tree, context):
    """Nothing to map registers for before the other harts start."""
    uart_gone(tree, context)
    plic = tree.first("compatible", "riscv,plic0")[1]
    tree.find("/soc").children.remove(plic)


def chosen(**props):
    def change(tree, context):
        for name, value in props.items():
            tree.find("/chosen").set(name.replace("_", "-"), value)
    return change


def uart(tree):
    return tree.first("compatible", "ns16550a")[1]


def uart_disabled(tree, context):
    uart(tree).set("status", "disabled")


def uart_gone(tree, context):
    tree.find("/soc").children.remove(uart(tree))


def uart_reg_short(tree, context):
    uart(tree).set("reg", 0, 0x10000000)


def plic_without_reg(tree, context):
    del tree.first("compatible", "riscv,plic0")[1].props["reg"]


def plic_cycle(tree, context):
    """The interrupt controller is its own parent."""
    plic = tree.first("compatible", "riscv,plic0")[1]
    me = plic.cells("phandle")[0]
    plic.set("interrupt-parent", me).set("interrupts-extended", me, 9)


def dead_hart(tree, context):
    cpus = tree.find("/cpus")
    ghost = cpus.add("cpu@9")
    ghost.props.update(cpus.child("cpu@0").props)
    ghost.set("reg", 9).props.pop("phandle", None)


def initrd_outside(tree, context):
    chosen(linux_initrd_start=0x70000000, linux_initrd_end=0x70001000)(
        tree, context)
    node = tree.find("/chosen")
    for name in ("start", "end"):
        node.props["linux,initrd-" + name] = \
            node.props.pop("linux-initrd-" + name)


def seed_zero(tree, context):
    tree.find("/chosen").set("rng-seed", b"\0" * 32)


def survivors(context):
    """Reported, and the kernel goes on."""
    sbi = replace(virt(1), console="sbi.*")
    yield "memory-ghost", survived("memory 0x1040000000-0x107fffffff does not "
                                   "answer", second_memory)
    for name, length, end in (("double", 0x40000000, "bfffffff"),
                              ("piece", 0x2000e000, "a000dfff"),
                              ("odd", 0x21a3d000, "a1a3cfff")):
        yield "memory-" + name, survived(
            "memory 0xa0000000-0x%s does not answer" % end,
            partial(claim, length))
    yield "memory-short", survived("memory 0xa0000000-0xa8002fff does not "
                                   "answer", memory_short)
    yield "console-unknown", survived("console=nonsense not used: ",
                                      chosen(bootargs="console=nonsense"))
    yield "uart-disabled", survived("stdout-path not used: it is disabled",
                                    uart_disabled, seen=sbi)
    yield "uart-gone", survived("stdout-path not used: there is no such node",
                                uart_gone, seen=sbi)
    yield "uart-reg-short", survived("stdout-path not used: its registers",
                                     uart_reg_short, seen=sbi)
    for name, value in (("path", "/nonsense:115200"), ("alias", "serial7")):
        yield "stdout-" + name, survived(
            "stdout-path not used: there is no such node",
            chosen(stdout_path=value))
    two = replace(virt(1), harts=(1, 2))
    yield "hart-dead", survived("hart 9 left out: firmware does not know it",
                                dead_hart, seen=two)
    sv39 = replace(virt(2, cpu="rva22s64"), console="sbi.*")
    yield "no-devices", survived("stdout-path not used", no_devices,
                                 machine=sv39)
    yield "initrd-outside", survived("initrd 0x70000000-0x70000fff is not "
                                     "wholly in free memory", initrd_outside)
    yield "seed-zero", survived("seed", seed_zero)
    yield "plic-without-reg", survived("plic.*reg|input by poll",
                                       plic_without_reg)
    yield "plic-cycle", survived("input by poll", plic_cycle)


def split_memory(tree, context):
    """128 MiB, a hole, 128 MiB named before the first."""
    tree.root.remove("memory")
    for start, length in ((0x98000000, 0x8000000), (0x80000000, 0x8000000)):
        node = tree.root.add("memory@%x" % start)
        node.set("device_type", "memory").set("reg", 0, start, 0, length)


def reservations(tree, context):
    """A no-map hole, a plain one, a /memreserve/ and an initrd."""
    keep = tree.find("/reserved-memory")
    keep.add("hole@90000000").set("reg", 0, 0x90000000, 0,
                                  0x123000).set("no-map")
    keep.add("plain@91000000").set("reg", 0, 0x91000000, 0, 0x200000)
    keep.add("pool").set("size", 0, 0x400000)
    tree.reserve.append((0x92000000, 0x5000))
    node = tree.find("/chosen")
    node.set("linux,initrd-start", 0x93000000)
    node.set("linux,initrd-end", 0x93000123)


def one_cell(tree, context):
    """32-bit addresses at the root; /soc has two cells and maps them."""
    tree.root.set("#address-cells", 1).set("#size-cells", 1)
    tree.find("/memory").set("reg", 0x80000000, 0x20000000)
    keep = tree.find("/reserved-memory")
    keep.set("#address-cells", 1).set("#size-cells", 1)
    keep.child("mmode_resv").set("reg", 0x80000000, 0x80000)
    tree.find("/soc").set("ranges", 0, 0, 0, 0, 0x80000000)
    tree.root.remove("flash")


def shifted_soc(tree, context):
    """Every device 1 GiB higher in /soc's own address space."""
    soc = tree.find("/soc")
    for node in soc.children:
        if "reg" in node.props:
            cells = list(node.cells("reg"))
            for i in range(1, len(cells), 4):
                cells[i] += 0x40000000
            node.set("reg", *cells)
    soc.set("ranges", 0, 0x40000000, 0, 0, 0, 0x40000000)


def no_firmware_node(tree, context):
    tree.root.remove("reserved-memory")


def mmu_type(value):
    def change(tree, context):
        for cpu in tree.find("/cpus").children:
            if cpu.name.startswith("cpu@"):
                cpu.set("mmu-type", value)
    return change


def bss_at(offset):
    """The tree at that offset from the image's bss."""
    def where(context):
        table = payload.table(context.image)
        return IMAGE_AT + (table["bss_start"] + offset + 7 & ~7)
    return where


def end_at(offset):
    """The tree at that offset from the end of the image in memory."""
    def where(context):
        return IMAGE_AT + (payload.image_size(context.image) + offset & ~7)
    return where


def odd_trees(context):
    """Unusual, and good."""
    yield "large-in-place", survived("", pad=100000)
    yield "two-mib", survived("", pad=(2 << 20) - 32768)
    # The tree must be saved before bss is cleared and the stack used; its
    # copy may overlap the original on either side.
    yield "over-bss", survived("", blob_at=bss_at(64))
    yield "over-stack", survived("", blob_at=end_at(-0x12000))
    yield "over-buffer", survived("", blob_at=end_at(-0x10000))
    yield "copy-upwards", survived("", blob_at=end_at(-0x10800))
    yield "copy-downwards", survived("", blob_at=end_at(-0xf800))
    yield "behind-image", survived("", blob_at=end_at(8))
    half = replace(virt(1), memory="256")
    yield "memory-split", survived("", split_memory, seen=half)
    yield "reservations", survived("", reservations)
    yield "cells-1", survived("", one_cell)
    yield "soc-ranges", survived("", shifted_soc)
    yield "firmware-not-named", survived("", no_firmware_node)
    yield "mmu-lies", survived("", mmu_type("riscv,sv57"),
                               machine=virt(2, cpu="rva22s64"))
    yield "mmu-sv39", survived("", mmu_type("riscv,sv39"), machine=virt(2),
                               seen=replace(virt(2),
                                            options={"sv": 39}))


def crash(name, words):
    def run(context):
        machine = virt(2)
        args = "selftest=crash-" + name
        if name == "console-write":
            args += " console=sbi"
            machine = replace(machine, console="sbi.*")
        session = context.start(machine, append=args, panic_ok=True)
        check_boot(session, machine)
        session.expect(PREFIX + words)
        if name not in ("nested", "lost-sp", "lost-tp"):
            session.expect(r"^backtrace:$")
            session.expect(r"^  [0-9a-f]{16} [\w.]+\+0x[0-9a-f]+$")
        session.expect_end()
        if session.text.count("panic: ") > 1:
            raise Failed("the report was not made once")
    run.words = words
    return run


def crashes(context):
    for name, words in CRASHES.items():
        yield "crash-" + name, crash(name, words)


def own_words(context):
    """At least 25 faults have words that no other fault has."""
    words = [getattr(run, "words", "") for _, run in all_cells(context)]
    own = [w for w in set(words) if w and words.count(w) == 1]
    if len(own) < 25:
        raise Failed("%d faults have words of their own" % len(own))


def all_cells(context):
    for prefix, source in (("fault/fdt-", broken_trees),
                           ("fault/tree-", broken_machines),
                           ("fault/", broken_images),
                           ("fault/", crashes), ("fault/odd-", survivors),
                           ("tree/", odd_trees)):
        for name, run in source(context):
            yield prefix + name, run


def cells(context):
    yield from all_cells(context)
    yield "fault/own-words", own_words
