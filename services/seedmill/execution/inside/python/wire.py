"""Values between the solution's process and the tests': plain data by exact type, everything else by handle.

There is no pickle: a decoder only ever builds the types named here and in `plain`, so a hostile sender can choose
values and nothing else. Types are compared with `is`: a subclass (which may lie about equality) never crosses as data.
Containers keep sharing and cycles, and an argument that comes back is the receiver's own object, as it is within one
process.
"""

import struct

from . import arrays, packages
from .plain import LIBRARY_CONTAINERS, LIBRARY_VALUES, class_name, class_named, is_library_container, library_value

MAX_FRAME_BYTES = 32 << 20
MAX_DEPTH = 150


class WireError(Exception):
    """The peer sent what no honest peer sends."""


class NotPlain(Exception):
    """A value that cannot cross, and why."""


class OwnObject(NotPlain):
    """An object of the tests' own, of a class that the solution cannot have brought about."""


SINGLETONS = {b"N": None, b"T": True, b"F": False, b"E": Ellipsis, b"X": NotImplemented}


def read_exactly(fd_read, size):
    """`size` bytes from `fd_read(n)`, or None at the end of the stream."""
    parts = []
    while size:
        part = fd_read(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Encoder:
    """Writes one message. `originals` are containers the receiver already has, by number.

    `lend(value)` gives the bytes for what is not plain data: see `remote`.
    """

    def __init__(self, lend, originals=()):
        self.lend = lend
        self.seen = {id(value): number for number, value in enumerate(originals)}
        self.count = len(self.seen)
        self.keep = []  # ids stay valid while the message is written

    def encode(self, value):
        out = []
        self.write(value, out.append, 0)
        return b"".join(out)

    def contents(self, value):
        """The items of a container the receiver has, without its own number."""
        out = []
        self.items(value, out.append, 0)
        return b"".join(out)

    def write(self, value, put, depth):
        kind = type(value)
        if value is None or kind is bool or value is Ellipsis or value is NotImplemented:
            for tag, single in SINGLETONS.items():
                if single is value:
                    put(tag)
        elif kind is int:
            if -(1 << 63) <= value < 1 << 63:
                put(struct.pack("<cq", b"i", value))
            else:
                data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
                put(struct.pack("<cI", b"I", len(data)) + data)
        elif kind is float:
            put(struct.pack("<cd", b"f", value))
        elif kind is str:
            data = value.encode("utf-8", "surrogatepass")
            put(struct.pack("<cI", b"s", len(data)) + data)
        elif kind is bytes:
            put(struct.pack("<cI", b"b", len(value)) + value)
        elif kind is complex:
            put(struct.pack("<cdd", b"c", value.real, value.imag))
        elif kind is tuple or kind is frozenset:
            if depth > MAX_DEPTH:
                raise NotPlain(f"data nested deeper than {MAX_DEPTH} levels")
            put(struct.pack("<cI", b"t" if kind is tuple else b"z", len(value)))
            for item in value:
                self.write(item, put, depth + 1)
        elif kind in CONTAINERS or is_library_container(kind) or (arrays.is_array(kind) and arrays.crosses(value)):
            number = self.seen.get(id(value))
            if number is not None:
                put(struct.pack("<cI", b"r", number))
                return
            if depth > MAX_DEPTH:
                raise NotPlain(f"data nested deeper than {MAX_DEPTH} levels")
            self.seen[id(value)] = self.count
            self.count += 1
            self.keep.append(value)
            put(self.container_head(value, kind, depth))
            self.items(value, put, depth)
        elif kind is range or kind is slice:
            put(b"R" if kind is range else b"W")
            self.write((value.start, value.stop, value.step), put, depth + 1)
        elif arrays.is_scalar(kind) and arrays.crosses(value):
            name, data = value.dtype.str.encode(), value.tobytes()
            put(struct.pack("<cBB", b"m", len(name), len(data)) + name + data)
        elif isinstance(value, type) and class_name(value):
            put(b"B")
            self.write(class_name(value), put, depth)
        else:
            image = library_value(kind, value)
            if image is None:
                put(self.lend(value, self))
            else:
                put(b"v")
                self.write(image, put, depth + 1)

    def container_head(self, value, kind, depth):
        if kind in CONTAINERS:
            return CONTAINERS[kind]
        return b"a" if arrays.is_array(kind) else b"L" + library_head(value, self, depth)

    def items(self, value, put, depth):
        kind = type(value)
        if kind is bytearray:
            put(struct.pack("<I", len(value)) + bytes(value))
            return
        if arrays.is_array(kind):
            if value.nbytes > MAX_FRAME_BYTES:
                raise NotPlain(f"more than {MAX_FRAME_BYTES >> 20} MiB of data")
            put(arrays.head(value) + struct.pack("<I", value.nbytes) + value.tobytes())
            return
        put(struct.pack("<I", len(value)))
        if isinstance(value, dict):
            for key, item in value.items():
                self.write(key, put, depth + 1)
                self.write(item, put, depth + 1)
        else:
            for item in value:
                self.write(item, put, depth + 1)


CONTAINERS = {list: b"l", dict: b"d", set: b"S", bytearray: b"y"}
EMPTY = {tag: kind for kind, tag in CONTAINERS.items()}


def library_head(value, encoder, depth):
    """Name and constructor argument of a container from `collections`; the items follow."""
    name = type(value).__name__
    argument = value.default_factory if name == "defaultdict" else value.maxlen if name == "deque" else None
    out = []
    encoder.write(name, out.append, depth + 1)
    encoder.write(argument, out.append, depth + 1)
    return b"".join(out)


class Decoder:
    """Reads one message. `borrow(tag, decoder)` gives what stands for a handle: see `remote`."""

    def __init__(self, data, borrow, originals=()):
        self.data = data
        self.at = 0
        self.borrow = borrow
        self.table = list(originals)
        self.classes = set()

    def take(self, size):
        end = self.at + size
        if size < 0 or end > len(self.data):
            raise WireError("a message ends too early")
        part = self.data[self.at : end]
        self.at = end
        return part

    def number(self):
        return struct.unpack("<I", self.take(4))[0]

    def sized(self):
        return self.take(self.number())

    def decode(self, depth=0):
        if depth > 2 * MAX_DEPTH:
            raise WireError("a message is nested too deep")
        tag = self.take(1)
        if tag in SINGLETONS:
            return SINGLETONS[tag]
        if tag == b"i":
            return struct.unpack("<q", self.take(8))[0]
        if tag == b"s":
            return self.sized().decode("utf-8", "surrogatepass")
        if tag == b"f":
            return struct.unpack("<d", self.take(8))[0]
        if tag == b"t" or tag == b"z":
            items = [self.decode(depth + 1) for _ in range(self.number())]
            return tuple(items) if tag == b"t" else frozenset(items)
        if tag in EMPTY:
            value = EMPTY[tag]()
            self.table.append(value)
            self.fill(value, depth)
            return value
        if tag == b"r":
            number = self.number()
            if number >= len(self.table):
                raise WireError("a message refers to what is not there")
            return self.table[number]
        if tag == b"I":
            return int.from_bytes(self.sized(), "little", signed=True)
        if tag == b"b":
            return self.sized()
        if tag == b"c":
            return complex(*struct.unpack("<dd", self.take(16)))
        if tag == b"R" or tag == b"W":
            return (range if tag == b"R" else slice)(*self.decode(depth + 1))
        if tag == b"B":
            return self.known_class(depth)
        if tag == b"v":
            return self.library_value(depth)
        if tag == b"L":
            return self.library_container(depth)
        if tag == b"a":
            return self.array()
        if tag == b"m":
            name, size = self.take(2)
            return self.checked(arrays.scalar, self.take(name).decode("ascii", "replace"), self.take(size))
        return self.borrow(tag, self)

    def fill(self, value, depth):
        """Replace a container's items with those that follow."""
        if type(value) is bytearray:
            value[:] = self.sized()
            return
        if arrays.is_array(type(value)):
            name, shape, _ = self.checked(arrays.take_head, self.take)
            self.checked(arrays.fill, value, name, shape, self.sized())
            return
        count = self.number()
        if isinstance(value, dict):
            value.clear()
            for _ in range(count):
                key = self.decode(depth + 1)
                value[key] = self.decode(depth + 1)
            return
        items = [self.decode(depth + 1) for _ in range(count)]
        value.clear()
        value.update(items) if isinstance(value, set) else value.extend(items)

    def array(self):
        value = self.checked(arrays.make, *self.checked(arrays.take_head, self.take), self.sized())
        self.table.append(value)
        return value

    def checked(self, work, *arguments):
        """What `work` gives; what no honest peer can have sent is a WireError, as where there are no arrays at all."""
        if not packages.provides("numpy"):
            raise WireError("a value of an unknown type")
        try:
            return work(*arguments)
        except (ValueError, TypeError, OverflowError) as error:
            raise WireError(str(error)) from None

    def known_class(self, depth):
        name = self.decode(depth)
        kind = class_named(name) if type(name) is str else None
        if kind is None:
            raise WireError("a class of an unknown name")
        self.classes.add(kind)
        return kind

    def library_value(self, depth):
        image = self.decode(depth + 1)
        if type(image) is not tuple or len(image) != 3 or image[:2] not in LIBRARY_VALUES:
            raise WireError("a value of an unknown type")
        module, name, arguments = image
        return getattr(__import__(module), name)(*arguments)

    def library_container(self, depth):
        # The container's number comes before those of its items, as the encoder counted.
        place = len(self.table)
        self.table.append(None)
        name, argument = self.decode(depth + 1), self.decode(depth + 1)
        if name not in LIBRARY_CONTAINERS:
            raise WireError("a container of an unknown type")
        kind = getattr(__import__("collections"), name)
        value = kind(argument) if name == "defaultdict" else kind((), argument) if name == "deque" else kind()
        self.table[place] = value
        self.fill(value, depth)
        return value
