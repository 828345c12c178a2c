"""Which files of a corpus are read, and by what: a source file is a document, a container holds many."""

from collections.abc import Callable, Iterator
from pathlib import Path

from seedmill.seeding.archives import read_tar, read_zip
from seedmill.seeding.documents import Document, Skipped, document_text
from seedmill.seeding.languages import language_of_path
from seedmill.seeding.reading import CorpusFile, Reading
from seedmill.seeding.tables import read_jsonl, read_parquet

Reader = Callable[[Path, CorpusFile, Reading], Iterator[Document | Skipped]]

_CONTAINERS: dict[str, Reader] = {
    ".jsonl": read_jsonl,
    ".jsonl.gz": read_jsonl,
    ".jsonl.zst": read_jsonl,
    ".parquet": read_parquet,
    ".tar": read_tar,
    ".tar.gz": read_tar,
    ".tgz": read_tar,
    ".tar.zst": read_tar,
    ".zip": read_zip,
}
CONTAINER_SUFFIXES = tuple(_CONTAINERS)


def is_container(path: str) -> bool:
    return path.lower().endswith(CONTAINER_SUFFIXES)


def read_file(local: Path, file: CorpusFile, reading: Reading) -> Iterator[Document | Skipped]:
    """The documents of one file of a corpus. Raises Misconfigured when the caller's columns are not there."""
    name = file.path.lower()
    reader = next((reader for suffix, reader in _CONTAINERS.items() if name.endswith(suffix)), _read_source)
    yield from reader(local, file, reading)


def _read_source(local: Path, file: CorpusFile, reading: Reading) -> Iterator[Document | Skipped]:
    with local.open("rb") as source:
        data = source.read(reading.limits.document_bytes + 1)
    text, reason = document_text(data, reading.limits.document_bytes)
    if reason:
        yield Skipped(reason, file.path)
        return
    held = reading.license_of(text, file.license)
    yield Document(text, file.path, file.project, file.version, held, language_of_path(file.path), file.package)
