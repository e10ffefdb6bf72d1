"""Never silent: broken trees, images, machines and kernels. Each has its own
words and a machine that ends; and the same for trees that are only odd, which
must boot. The loader (enter.S) passes what no firmware would."""

from dataclasses import replace

import fdtlib
import payload
from context import check_boot, power_off
from machines import icicle, virt
from session import Failed

IMAGE_AT = 0x80400000
TREE_AT = 0x88000000
PREFIX = r"^(\[[^\]]*\] )?panic: "
TREE = r"device tree at 0x[0-9a-f]+: "
CRASHES = {
    "null-call": r"instruction (page|access) fault .*call of a null pointer",
    "null-load": r"load page fault .*null pointer",
    "write-text": r"store page fault .*write to read-only memory",
    "write-rodata": r"store page fault .*write to read-only memory",
    "exec-data": r"instruction page fault .*execution of data",
    "bad-load": r"load (page|access) fault",
    "stack-overflow": r".*kernel stack overflow",
    "illegal": r"illegal instruction",
    "nested": r".+",
    "canary": r".*stack (protector|smash)",
    "double-free": r".*free",
    "other-hart": r".+",
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
        power_off(session)
        # Wherever it stands: some lines come before those of the boot.
        session.at = 0
        if words:
            session.expect(r"^(\[[^\]]*\] )?(.*\b)?(%s)" % words)
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


def broken_trees(context):
    """The blob itself."""
    small = replace(virt(1))
    yield "none", fatal(TREE + "(bad magic|cannot be read)", a1=0)
    yield "junk-pointer", fatal(TREE + "bad magic", a1=TREE_AT + 64)
    yield "magic", fatal(TREE + "bad magic",
                         blob=lambda b: fdtlib.spoil(b, magic=0xd00dfeee))
    yield "nowhere", fatal(TREE + "cannot be read", a1=0x7ffff00000)
    yield "firmware", fatal(TREE + "cannot be read", a1=0x80000000)
    yield "misaligned-4", fatal(TREE + "not aligned to 8 bytes",
                                blob_at=TREE_AT + 4)
    yield "misaligned-1", fatal(TREE + "not aligned to 8 bytes",
                                blob_at=TREE_AT + 1)
    yield "version-old", fatal(TREE + "unsupported version",
                               blob=lambda b: fdtlib.spoil(b, version=2))
    yield "version-new", fatal(TREE + "unsupported version",
                               blob=lambda b: fdtlib.spoil(
                                   b, version=19, last_comp=18))
    yield "truncated", fatal(TREE + "truncated", blob=lambda b: fdtlib.spoil(
        b, totalsize=len(b) // 2 & ~7))
    yield "totalsize-8", fatal(TREE + "truncated",
                               blob=lambda b: fdtlib.spoil(b, totalsize=8))
    yield "totalsize-0", fatal(TREE + "truncated",
                               blob=lambda b: fdtlib.spoil(b, totalsize=0))
    yield "struct-outside", fatal(TREE + "(truncated|bad)", blob=lambda b:
                                  fdtlib.spoil(b, off_struct=0xfffffff8))
    yield "no-end", fatal(TREE + "bad structure", blob=lambda b: put(
        b, structure_end(b), fdtlib.NOP))
    yield "token", fatal(TREE + "bad structure", blob=lambda b: put(
        b, first_property(b), 0x77))
    yield "property-long", fatal(TREE + "bad structure", blob=lambda b: put(
        b, first_property(b) + 4, 0x7ffffff0))
    yield "name-outside", fatal(TREE + "bad structure", blob=lambda b: put(
        b, first_property(b) + 8, 0x7ffffff0))
    yield "deep", fatal(TREE + "nodes nested deeper than", nested)
    yield "huge", fatal(TREE + "%d bytes, at most %d" %
                        ((2 << 20) + 8, 2 << 20),
                        blob=lambda b: fdtlib.spoil(
                            b, totalsize=(2 << 20) + 8))
    yield "overlap", fatal(
        TREE + r"\d+ bytes overlap the image", machine=small,
        blob=lambda b: fdtlib.spoil(b, totalsize=80000) +
        b"\0" * (80000 - len(b)),
        blob_at=IMAGE_AT + (payload.image_size(context.image) & ~7) - 8)


def no_memory(tree, context):
    tree.root.remove("memory")


def memory(tree, start, length):
    tree.find("/memory").set("reg", start >> 32, start & 0xffffffff,
                             length >> 32, length & 0xffffffff)


def memory_elsewhere(tree, context):
    memory(tree, 0x90000000, 0x10000000)


def memory_tiny(tree, context):
    end = IMAGE_AT + payload.image_size(context.image)
    memory(tree, 0x80000000, (end + 4095 & ~4095) - 0x80000000)


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
    yield "no-memory", fatal("device tree names no memory", no_memory)
    yield "memory-elsewhere", fatal("image at 0x[0-9a-f]+ is outside of the "
                                    "memory", memory_elsewhere)
    yield "memory-tiny", fatal("out of memory", memory_tiny)
    yield "no-cpus", fatal("device tree names no hart", no_cpus)
    yield "no-boot-hart", fatal("boot hart 77 is not in the device tree",
                                a0=77)
    yield "no-timebase", fatal("device tree has no timebase-frequency",
                               no_timebase)
    yield "zero-timebase", fatal("device tree has no timebase-frequency",
                                 zero_timebase)
    yield "many-regions", fatal("memory map is full", many_regions)


def relocation(context, words, index, **spoil):
    def run(context):
        image = payload.rela_spoil(context.image, index, **spoil)
        path = context.write(context.local.name.replace("/", ".") + ".img",
                             image)
        session = context.start(virt(1), path, panic_ok=True)
        ends(session, "relocation 0x%x .*%s" % (index, words))
    return run


def unwritable(context):
    """Code and constants in a ROM, everything else in RAM: three NUMA nodes,
    of which the second ignores what is written."""
    start = payload.table(context.image)["data_start"]
    rom = 16 << 20
    at = 0x80000000 + (128 << 20) + rom - start
    empty = context.path("rom.bin")
    with open(empty, "wb") as f:
        f.truncate(rom)
    ram = ["-object", "memory-backend-ram,id=m0,size=128M",
           "-object", "memory-backend-file,id=m1,size=16M,share=off,"
           "readonly=off,rom=on,mem-path=" + empty,
           "-object", "memory-backend-ram,id=m2,size=112M"]
    for i in range(3):
        ram += ["-numa", "node,nodeid=%d,memdev=m%d" % (i, i)]
    machine = replace(virt(1, "256M"), since=(9, 0))
    kernel = context.enter("unwritable", context.image, at)
    session = context.start(machine, kernel, extra=ram, panic_ok=True)
    ends(session, "relocation 0x0 .*(not|un)writ")


def broken_images(context):
    last = payload.image_size(context.image)
    count = len(payload.rela(context.image))
    yield "image-misaligned", fatal("image at 0x80400800 is not aligned to "
                                    "4096 bytes", at=IMAGE_AT + 0x800)
    yield "relocation-type", relocation(context, "type 0x2.*", 3, kind=2)
    yield "relocation-symbol", relocation(
        context, "type 0x500000003", 0, kind=5 << 32 | 3)
    yield "relocation-outside", relocation(context, "outside", 5, offset=last)
    yield "relocation-far", relocation(context, "outside", count - 1,
                                       offset=(1 << 64) - 8)
    yield "relocation-odd", relocation(context, "aligned", 1, offset=0x1001)
    yield "image-unwritable", unwritable


def second_memory(tree, context):
    ghost = tree.root.add("memory@1040000000")
    ghost.set("device_type", "memory").set("reg", 0x10, 0x40000000,
                                           0, 0x40000000)


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
    yield "memory-ghost", survived("0x1040000000.*does not answer",
                                   second_memory)
    yield "console-unknown", survived("nonsense.*(unknown|not found|no such)",
                                      chosen(bootargs="console=nonsense"))
    yield "uart-disabled", survived("", uart_disabled, seen=sbi)
    yield "uart-gone", survived("", uart_gone, seen=sbi)
    yield "uart-reg-short", survived("", uart_reg_short, seen=sbi)
    yield "stdout-nonsense", survived("", chosen(
        stdout_path="/nonsense:115200"))
    yield "stdout-alias-nonsense", survived("", chosen(stdout_path="serial7"))
    two = replace(virt(1), harts=(1, 2))
    yield "hart-dead", survived("hart 9.*did not start", dead_hart, seen=two)
    yield "initrd-outside", survived("initrd.*outside", initrd_outside)
    yield "seed-zero", survived("seed", seed_zero)
    yield "plic-without-reg", survived("plic", plic_without_reg)
    yield "plic-cycle", survived("", plic_cycle)


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
                               seen=replace(virt(2), sv=39))


def crash(name, words):
    def run(context):
        machine = virt(2)
        session = context.start(machine, append="selftest=crash-" + name,
                                panic_ok=True)
        check_boot(session, machine)
        session.expect(PREFIX + words)
        session.expect(r"^backtrace:$")
        session.expect(r"^  [0-9a-f]{16} \w+\+0x[0-9a-f]+$")
        session.expect_end()
        if session.text.count("panic: ") > 2:
            raise Failed("the report was not made once")
    return run


def crashes(context):
    for name, words in CRASHES.items():
        yield "crash-" + name, crash(name, words)


def hart_missing(context):
    """More harts in the board's own tree than the machine has: icicle's is
    for five; U54 4 is never told to run."""
    machine = icicle()
    args = tuple("4" if a == "5" else a for a in machine.args)
    machine = replace(machine, args=args, harts=(3, 5))
    session = context.start(machine)
    check_boot(session, machine)
    power_off(session)


def cells(context):
    for prefix, source in (("fault/fdt-", broken_trees),
                           ("fault/tree-", broken_machines),
                           ("fault/", broken_images),
                           ("fault/", crashes), ("fault/odd-", survivors),
                           ("tree/", odd_trees)):
        for name, run in source(context):
            yield prefix + name, run
