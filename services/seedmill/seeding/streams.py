"""Bytes of a container file, decompressed while they are read, with an end to how much may come out of it."""

import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, cast

import pyarrow as pa

from seedmill.seeding.limits import Limits

_BUFFER_BYTES = 1 << 16
_COMPRESSIONS: dict[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd"}


class Bomb(Exception):
    """More came out of a compressed file than source code ever gives."""


class _Guarded(io.RawIOBase):
    """Counts what is read and raises Bomb beyond the cap."""

    def __init__(self, inner: BinaryIO, cap_bytes: int) -> None:
        self._inner = inner
        self._left = cap_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        data = self._inner.read(min(len(buffer), _BUFFER_BYTES))
        self._left -= len(data)
        if self._left < 0:
            raise Bomb
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def decompressed(path: Path, limits: Limits) -> Generator[io.BufferedReader]:
    """The file's bytes, gunzipped or unzstd-ed by its suffix.

    Reading raises Bomb when the ratio is no longer one of source code, and OSError when the stream is damaged or ends
    early (Arrow's readers tell, where those of `gzip` and `zstandard` differ in what they notice).
    """
    compression = _COMPRESSIONS.get(path.suffix.lower())
    if compression is None:
        with path.open("rb") as plain:
            yield plain
        return
    with pa.input_stream(str(path), compression=compression, buffer_size=_BUFFER_BYTES) as stream:
        cap = limits.expansion_cap(path.stat().st_size)
        yield io.BufferedReader(_Guarded(cast("BinaryIO", stream), cap), _BUFFER_BYTES)


def bounded_lines(stream: io.BufferedReader, limit_bytes: int) -> Iterator[bytes | None]:
    """Lines without their ends; None for one that is longer than the limit, of which no more than that is held."""
    while line := stream.readline(limit_bytes + 1):
        if len(line) <= limit_bytes or line.endswith(b"\n"):
            yield line.rstrip(b"\r\n")
            continue
        yield None
        while (rest := stream.readline(_BUFFER_BYTES)) and not rest.endswith(b"\n"):
            pass
