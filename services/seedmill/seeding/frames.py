"""How the service and its child processes talk, and how seeds wait on disk: JSON, each piece behind its length."""

import struct
from typing import Any, BinaryIO

import orjson

from seedmill.records.seed import Seed, SeedKind, Source
from seedmill.seeding.documents import Document
from seedmill.seeding.extraction import Task
from seedmill.seeding.limits import Limits

_LENGTH = struct.Struct(">I")


def write_frame(stream: BinaryIO, value: Any) -> None:
    """Raises BrokenPipeError, OSError."""
    data = orjson.dumps(value)
    rest = memoryview(_LENGTH.pack(len(data)) + data)
    while rest:  # an unbuffered pipe may take a part
        rest = rest[stream.write(rest) :]


def read_frame(stream: BinaryIO) -> Any:
    """The next value; None at the end of the stream, also when it ends within a frame."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return orjson.loads(data) if len(data) == length else None


def pack_document(document: Document) -> list[str]:
    # A path may hold bytes that are no UTF-8; in a seed it is for people.
    path = document.path.encode("utf-8", "replace").decode()
    return [
        document.text, path, document.project, document.version, document.license, document.language, document.package,
    ]  # fmt: skip


def unpack_document(value: Any) -> Document:
    return Document(*value)


def pack_seed(seed: Seed) -> list[Any]:
    s = seed.source
    source = [s.corpus, s.path, s.line, s.project, s.version, s.license]
    return [seed.id, seed.kind.value, seed.language, seed.text, source, dict(seed.extra)]


def unpack_seed(value: Any) -> Seed:
    name, kind, language, text, source, extra = value
    return Seed(name, SeedKind(kind), language, text, Source(*source), extra)


def pack_task(task: Task) -> dict[str, Any]:
    limits = {name: getattr(task.limits, name) for name in Limits.__dataclass_fields__}
    return {name: getattr(task, name) for name in Task.__dataclass_fields__} | {"limits": limits}


def unpack_task(value: Any) -> Task:
    value = dict(value)
    value["kind"] = SeedKind(value["kind"])
    value["decontaminate"] = tuple(value["decontaminate"])
    value["limits"] = Limits(**value["limits"])
    return Task(**value)
