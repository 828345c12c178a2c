"""What an index of rows knows of each row, on disk (`filters/row_log.py`)."""

import struct
from pathlib import Path

from seedmill.storage.append_file import AppendFile

_PLACE = struct.Struct("<QQ")
"""Rank, and where the row's content ends."""


class RowFile:
    """A `RowLog` in scratch files of a folder. Raises StorageError when the disk is full."""

    def __init__(self, folder: Path) -> None:
        self._contents = AppendFile(folder)
        self._places = AppendFile(folder)

    def __len__(self) -> int:
        return self._places.size_bytes // _PLACE.size

    def append(self, rank: int, content: bytes) -> None:
        self._contents.append(content)
        self._places.append(_PLACE.pack(rank, self._contents.size_bytes))

    def read(self, number: int) -> bytes:
        start = self._place(number - 1)[1] if number else 0
        return self._contents.read(start, self._place(number)[1] - start)

    def rank(self, number: int) -> int:
        return self._place(number)[0]

    def close(self) -> None:
        self._contents.close()
        self._places.close()

    def _place(self, number: int) -> tuple[int, int]:
        rank, end = _PLACE.unpack(self._places.read(number * _PLACE.size, _PLACE.size))
        return rank, end
