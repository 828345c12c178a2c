"""Where an index keeps what it knows of each row, by the row's number: bytes that are read again only when a row looks
like another one. In memory here; `storage/row_file.py` has one on disk."""

from typing import Protocol


class RowLog(Protocol):
    """Rows are numbered from 0 in the order in which they are appended; each has a rank, and ranks never fall."""

    def __len__(self) -> int: ...

    def append(self, rank: int, content: bytes) -> None:
        """Remember the next row."""
        ...

    def read(self, number: int) -> bytes:
        """The content of a row."""
        ...

    def rank(self, number: int) -> int:
        """The rank of a row."""
        ...


class MemoryLog:
    """A `RowLog` in memory."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, rank: int, content: bytes) -> None:
        self._rows.append((rank, content))

    def read(self, number: int) -> bytes:
        return self._rows[number][1]

    def rank(self, number: int) -> int:
        return self._rows[number][0]
