"""Rows into numbered files of bounded size, in their order, with bytes that depend on nothing but the rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import orjson
import pyarrow.parquet as pq

from seedmill.aggregation.published import Facts, PublishedRow
from seedmill.aggregation.table import SCHEMA, messages_of, record_of
from seedmill.spec.output import Format
from seedmill.storage.arrow_table import arrow_table

ROWS_PER_FILE = 50_000
ROWS_PER_GROUP = 1_000


class ShardFile(Protocol):
    """One file being written."""

    def write(self, row: PublishedRow) -> None: ...

    def close(self) -> None: ...


class ParquetFile:
    """Rows as columns, in groups of `ROWS_PER_GROUP`; that many are held."""

    def __init__(self, path: Path, facts: Facts) -> None:
        self._facts = facts
        self._held: list[dict[str, Any]] = []
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd", version="2.6", data_page_version="1.0")

    def write(self, row: PublishedRow) -> None:
        self._held.append(record_of(row, self._facts))
        if len(self._held) == ROWS_PER_GROUP:
            self._flush()

    def close(self) -> None:
        if self._held:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        columns = {name: [row[name] for row in self._held] for name in SCHEMA.names}
        self._writer.write_table(arrow_table(columns, SCHEMA), row_group_size=ROWS_PER_GROUP)
        self._held.clear()


class MessagesFile:
    """Rows as chats, one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb")

    def write(self, row: PublishedRow) -> None:
        self._file.write(orjson.dumps(messages_of(row), option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        self._file.close()


class Shards:
    """Files `<stem>-00000<suffix>` and so on. There is always at least one, so that an empty dataset loads too."""

    def __init__(
        self, folder: Path, stem: str, suffix: str, make: Callable[[Path], ShardFile], rows_per_file: int
    ) -> None:
        self._folder, self._stem, self._suffix = folder, stem, suffix
        self._make = make
        self._rows_per_file = rows_per_file
        self._rows = 0
        self._file = self._open(0)

    def write(self, row: PublishedRow) -> None:
        number, place = divmod(self._rows, self._rows_per_file)
        if place == 0 and number > 0:
            self._file.close()
            self._file = self._open(number)
        self._file.write(row)
        self._rows += 1

    def close(self) -> None:
        self._file.close()

    def _open(self, number: int) -> ShardFile:
        return self._make(self._folder / f"{self._stem}-{number:05d}{self._suffix}")


def shards_of(format_: Format, folder: Path, facts: Facts, rows_per_file: int = ROWS_PER_FILE) -> Shards:
    """The files of one output format."""
    match format_:
        case Format.PARQUET:
            return Shards(folder, "data", ".parquet", lambda path: ParquetFile(path, facts), rows_per_file)
        case Format.MESSAGES:
            return Shards(folder, "messages", ".jsonl", MessagesFile, rows_per_file)
