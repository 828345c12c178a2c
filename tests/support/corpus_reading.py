"""Reading a corpus whole, for tests of the seeding service."""

from pathlib import Path

from seedmill.seeding.containers import read_file
from seedmill.seeding.corpora import Corpus, open_corpus
from seedmill.seeding.documents import Document, Skipped
from seedmill.seeding.reading import Reading
from seedmill.seeding.unread import Unread
from support.memory_store import MemoryStore

PYTHON = Reading(frozenset({"python"}))


def read(corpus: Corpus, reading: Reading) -> tuple[list[Document], list[Skipped], Unread]:
    unread = Unread()
    items: list[Document | Skipped] = []
    for file in corpus.files(unread):
        with corpus.local(file) as local:
            items += read_file(local, file, reading)
    documents = [item for item in items if isinstance(item, Document)]
    return documents, [item for item in items if isinstance(item, Skipped)], unread


def read_path(path: Path, reading: Reading = PYTHON) -> tuple[list[Document], list[Skipped], Unread]:
    return read(open_corpus(str(path), reading, MemoryStore()), reading)
