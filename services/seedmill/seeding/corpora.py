"""From a corpus URI to a corpus: a place that lists its files and hands each over as a local file."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from seedmill.seeding import dataset
from seedmill.seeding.dataset import DatasetCorpus
from seedmill.seeding.installed import InstalledCorpus
from seedmill.seeding.object_store import ObjectCorpus
from seedmill.seeding.reading import CorpusFile, Reading
from seedmill.seeding.tree import TreeCorpus
from seedmill.seeding.unread import Unread
from seedmill.serving.errors import Misconfigured
from seedmill.storage import Store


class Corpus(Protocol):
    """Where documents come from."""

    @property
    def name(self) -> str:
        """What seeds say they come from: the same on every machine, so no local path."""
        ...

    def files(self, unread: Unread) -> Iterator[CorpusFile]:
        """Its files in the order of their paths, those left out counted in `unread`. Raises Misconfigured."""
        ...

    def local(self, file: CorpusFile) -> AbstractContextManager[Path]:
        """The file as a local path while the context is open. Raises OSError, StorageError."""
        ...


def open_corpus(uri: str, reading: Reading, store: Store, access: Mapping[str, str] | None = None) -> Corpus:
    """The corpus of a URI: `installed:…`, `dataset:…` (in this store), `s3://…`, or a path.

    `access` is what `store` was opened with, where it is the run's own. It opens a corpus in the same bucket, too; all
    other buckets are the release's affair, as for every run. Raises Misconfigured (CorpusMissing), StorageError.
    """
    if uri.startswith(dataset.SCHEME):
        return DatasetCorpus(uri, store)
    if uri.startswith("installed:"):
        return InstalledCorpus(uri, reading)
    if uri.startswith("s3://"):
        return ObjectCorpus(uri, reading, access=access if _bucket(uri) == _bucket(store.uri) else None)
    if "://" in uri and not uri.startswith("file://"):
        scheme = uri.partition("://")[0]
        raise Misconfigured(
            "CorpusMissing",
            f"corpus {uri}: no corpora at {scheme}://; give a path, s3://bucket/prefix or installed:NAME",
        )
    return TreeCorpus(Path(uri.removeprefix("file://")), reading)


def _bucket(uri: str) -> str:
    return uri.removeprefix("s3://").partition("/")[0]
