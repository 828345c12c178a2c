"""Source files as rows of JSONL and Parquet: one row, one document.

Columns are found by the names that published corpora use (The Stack, StarCoderData, GitHub code); a licence column may
hold a string or a list, of which all must hold. A dataset of seedmill's own has these in the struct `seed`.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from seedmill.filters.license import canonical_expression
from seedmill.seeding.documents import Document, Skipped, clean_text, document_text
from seedmill.seeding.languages import canonical_language, language_of_path
from seedmill.seeding.reading import CorpusFile, Reading
from seedmill.seeding.streams import Bomb, bounded_lines, decompressed
from seedmill.serving.errors import Misconfigured

_TEXT = ("content", "text", "code")
_LICENSE = ("license", "licenses", "max_stars_repo_licenses", "detected_licenses", "repo_license", "gha_license_id")
_PATH = ("path", "file_path", "max_stars_repo_path", "filename")
_PROJECT = ("repo", "repo_name", "max_stars_repo_name", "repository", "repository_name", "project")
_VERSION = ("revision", "revision_id", "max_stars_repo_head_hexsha", "commit", "version")
_LANGUAGE = ("language", "lang", "programming_language", "ext", "extension")
_LINEAGE = "seed"
_BATCH_ROWS = 256

Row = Mapping[str, object]


def read_jsonl(path: Path, file: CorpusFile, reading: Reading) -> Iterator[Document | Skipped]:
    """Documents of a `.jsonl`, `.jsonl.gz` or `.jsonl.zst`; a line that is none is counted and passed over."""
    number = 0
    try:
        with decompressed(path, reading.limits) as stream:
            for number, line in enumerate(bounded_lines(stream, reading.limits.line_bytes), 1):
                where = f"{file.path}:{number}"
                if line is None:
                    yield Skipped("line_too_long", where)
                elif line.strip():
                    yield _from_line(line, where, file, reading)
    except Bomb:
        yield Skipped("archive_bomb", f"{file.path}:{number + 1}")
    except (OSError, EOFError):
        yield Skipped("archive_damaged", f"{file.path}:{number + 1}")


def read_parquet(path: Path, file: CorpusFile, reading: Reading) -> Iterator[Document | Skipped]:
    """Documents of a Parquet file, one row group after the other.

    Raises Misconfigured (CorpusUnreadable) when the text column that the caller names is not there.
    """
    try:
        with pq.ParquetFile(path) as table:
            names = table.schema_arrow.names
            if reading.text_field and reading.text_field not in names:
                raise Misconfigured(
                    "CorpusUnreadable",
                    f"{file.path} has no column {reading.text_field!r}; it has {', '.join(names)}: correct textField",
                )
            if not reading.text_field and not any(name in names for name in _TEXT):
                yield Skipped("no_text_field", file.path)
                return
            known = {reading.text_field, *_TEXT, *_LICENSE, *_PATH, *_PROJECT, *_VERSION, *_LANGUAGE, _LINEAGE}
            wanted = [name for name in names if name in known]
            for group in range(table.num_row_groups):
                yield from _from_row_group(table, group, wanted, file, reading)
    except (pa.ArrowException, OSError, EOFError, ValueError):
        yield Skipped("archive_damaged", file.path)


def _from_row_group(
    table: pq.ParquetFile, group: int, columns: list[str], file: CorpusFile, reading: Reading
) -> Iterator[Document | Skipped]:
    metadata = table.metadata.row_group(group)
    chunks = (metadata.column(index) for index in range(metadata.num_columns))
    if max((chunk.total_uncompressed_size for chunk in chunks), default=0) > reading.limits.row_group_bytes:
        yield Skipped("archive_bomb", f"{file.path}:row group {group}")
        return
    number = 0
    for batch in table.iter_batches(_BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False):
        for row in cast("Iterable[Row]", batch.to_pylist()):
            number += 1
            yield _from_row(row, f"{file.path}:{group}:{number}", file, reading)


def _from_line(line: bytes, where: str, file: CorpusFile, reading: Reading) -> Document | Skipped:
    try:
        row: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        return Skipped("bad_json", where)
    if not isinstance(row, dict):
        return Skipped("wrong_type", where)
    return _from_row(cast("Row", row), where, file, reading)


def _from_row(row: Row, where: str, file: CorpusFile, reading: Reading) -> Document | Skipped:
    if isinstance(lineage := row.get(_LINEAGE), dict):
        row = {**cast("Row", lineage), **row}
    column = reading.text_field or next((name for name in _TEXT if name in row), "")
    if column not in row:
        return Skipped("no_text_field", where)
    value = row[column]
    if isinstance(value, str):
        text, reason = clean_text(value, reading.limits.document_bytes)
    elif isinstance(value, bytes):
        text, reason = document_text(value, reading.limits.document_bytes)
    else:
        text, reason = "", "wrong_type"
    if reason:
        return Skipped(reason, where)
    path = _string(row, _PATH)
    language = _language(row, path, reading)
    if language not in reading.languages:
        return Skipped("other_language" if language else "unknown_language", where)
    held = reading.license_of(text, _license(row) or file.license)
    return Document(text, path or where, _string(row, _PROJECT) or file.project, _string(row, _VERSION), held, language)


def _string(row: Row, names: Iterable[str]) -> str:
    """The first of these columns that holds a string."""
    return next((value for name in names if isinstance(value := row.get(name), str) and value), "")


def _language(row: Row, path: str, reading: Reading) -> str:
    """By column, else by the path's extension, else the one language that is asked for."""
    if named := _string(row, _LANGUAGE):
        known = canonical_language(named)
        return known if known in reading.languages else canonical_language(f".{named}")
    if path and "." in path:
        return language_of_path(path)
    return next(iter(reading.languages)) if len(reading.languages) == 1 else ""


def _license(row: Row) -> str:
    for name in _LICENSE:
        value = row.get(name)
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        spelled = [canonical_expression(item) for item in values if isinstance(item, str) and item.strip()]
        if spelled:
            parts = [f"({part})" if " OR " in part and len(spelled) > 1 else part for part in dict.fromkeys(spelled)]
            return " AND ".join(parts) if all(parts) else ""
    return ""
