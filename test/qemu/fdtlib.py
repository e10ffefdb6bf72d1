"""Flattened device trees, read and written without any library of ours or
others: tests must not share a parser with what they test. Devicetree
Specification 0.4, chapter 5."""

import struct

MAGIC = 0xD00DFEED
BEGIN, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9
# Offsets of the header's words, for tests that spoil them.
HEADER = {name: 4 * i for i, name in enumerate(
    ("magic", "totalsize", "off_struct", "off_strings", "off_rsvmap",
     "version", "last_comp", "boot_cpu", "size_strings", "size_struct"))}


class Node:
    """One node: name, properties (bytes, in order), children (in order)."""

    def __init__(self, name=""):
        self.name = name
        self.props = {}
        self.children = []

    def add(self, name):
        child = Node(name)
        self.children.append(child)
        return child

    def child(self, name):
        """The child of that name; the unit address may be left out."""
        for node in self.children:
            if node.name == name or node.name.split("@")[0] == name:
                return node
        return None

    def remove(self, name):
        self.children = [n for n in self.children
                         if n.name != name and n.name.split("@")[0] != name]

    def set(self, name, *values):
        """Each value: an int (one cell), a str (with its NUL) or bytes."""
        out = b""
        for value in values:
            if isinstance(value, int):
                out += struct.pack(">I", value)
            elif isinstance(value, str):
                out += value.encode() + b"\0"
            else:
                out += value
        self.props[name] = out
        return self

    def cells(self, name):
        raw = self.props[name]
        return struct.unpack(">%dI" % (len(raw) // 4), raw)

    def string(self, name):
        return self.props[name].split(b"\0")[0].decode()

    def walk(self, path=""):
        """Yields (path, node), parents first."""
        here = path + "/" + self.name if self.name else path
        yield here or "/", self
        for node in self.children:
            yield from node.walk(here)


class Tree:
    """A whole tree: root, memory reservations [(start, size)]."""

    def __init__(self):
        self.root = Node()
        self.reserve = []
        self.boot_cpu = 0

    def find(self, path):
        """The node at that path; unit addresses may be left out."""
        node = self.root
        for part in path.strip("/").split("/"):
            node = node.child(part) if part else node
            if node is None:
                raise KeyError(path)
        return node

    def first(self, prop, value):
        """(path, node) of the first node whose string list holds value."""
        for path, node in self.root.walk():
            if value.encode() in node.props.get(prop, b"").split(b"\0"):
                return path, node
        raise KeyError(value)


def _string(blob, at):
    return blob[at:blob.index(b"\0", at)].decode()


def _node(blob, at, strings):
    """The node whose BEGIN token is at `at`; (node, offset behind it)."""
    name = _string(blob, at + 4)
    node = Node(name)
    at = (at + 4 + len(name) + 1 + 3) & ~3
    while True:
        (token,) = struct.unpack_from(">I", blob, at)
        if token == BEGIN:
            child, at = _node(blob, at, strings)
            node.children.append(child)
        elif token == PROP:
            size, name = struct.unpack_from(">II", blob, at + 4)
            node.props[_string(blob, strings + name)] = \
                bytes(blob[at + 12:at + 12 + size])
            at = (at + 12 + size + 3) & ~3
        elif token == NOP:
            at += 4
        elif token == END_NODE:
            return node, at + 4
        else:
            raise ValueError("token %#x at %#x" % (token, at))


def parse(blob):
    """The Tree in blob; ValueError, KeyError or struct.error if it is none."""
    head = struct.unpack_from(">10I", blob)
    if head[0] != MAGIC:
        raise ValueError("bad magic")
    tree = Tree()
    tree.boot_cpu = head[7]
    at = head[4]
    while True:
        start, size = struct.unpack_from(">QQ", blob, at)
        if not start and not size:
            break
        tree.reserve.append((start, size))
        at += 16
    tree.root, _ = _node(blob, head[2], head[3])
    return tree


def build(tree, pad=0):
    """The blob of a tree, with `pad` free bytes at its end."""
    strings, offset, out = bytearray(), {}, bytearray()

    def emit(node):
        out.extend(struct.pack(">I", BEGIN) + node.name.encode() + b"\0")
        out.extend(b"\0" * (-len(out) % 4))
        for name, value in node.props.items():
            if name not in offset:
                offset[name] = len(strings)
                strings.extend(name.encode() + b"\0")
            out.extend(struct.pack(">III", PROP, len(value), offset[name]))
            out.extend(value + b"\0" * (-len(value) % 4))
        for child in node.children:
            emit(child)
        out.extend(struct.pack(">I", END_NODE))

    emit(tree.root)
    out.extend(struct.pack(">I", END))
    rsv = b"".join(struct.pack(">QQ", *r) for r in tree.reserve + [(0, 0)])
    at = 40 + len(rsv)
    total = at + len(out) + len(strings) + pad
    total += -total % 8
    head = struct.pack(">10I", MAGIC, total, at, at + len(out), 40, 17, 16,
                       tree.boot_cpu, len(strings), len(out))
    blob = head + rsv + bytes(out) + bytes(strings)
    return blob + b"\0" * (total - len(blob))


def spoil(blob, **fields):
    """blob with header words replaced by name."""
    blob = bytearray(blob)
    for name, value in fields.items():
        struct.pack_into(">I", blob, HEADER[name], value)
    return bytes(blob)
