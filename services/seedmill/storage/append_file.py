"""A scratch file that only grows and is read at random places. It has no name, so it is gone with its process.

Reads go through the system's page cache and never through a memory map: pages of a map would count as this process's.
"""

import os
import tempfile
from pathlib import Path

from seedmill.storage.local_files import as_storage_error, write_at

_HELD_BYTES = 1 << 18


class AppendFile:
    """Appends gather in memory until there are `_HELD_BYTES` of them. Raises StorageError when the disk is full."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  closed in `close`
        except OSError as error:
            raise as_storage_error(error, folder, writing=True) from error
        self._held = bytearray()
        self._written = 0

    @property
    def size_bytes(self) -> int:
        """How much was appended."""
        return self._written + len(self._held)

    def append(self, data: "bytes | memoryview") -> None:
        self._held += data
        if len(self._held) >= _HELD_BYTES:
            self._write()

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Bytes that were appended, from an offset on."""
        if offset >= self._written:
            start = offset - self._written
            return bytes(self._held[start : start + size_bytes])
        if offset + size_bytes > self._written:
            self._write()
        try:
            return os.pread(self._file.fileno(), size_bytes, offset)
        except OSError as error:
            raise as_storage_error(error, self._folder, writing=False) from error

    def close(self) -> None:
        self._file.close()

    def _write(self) -> None:
        try:
            write_at(self._file.fileno(), self._written, self._held)
        except OSError as error:
            raise as_storage_error(error, self._folder, writing=True) from error
        self._written += len(self._held)
        self._held.clear()
