"""A dataset that a run published, as a corpus: the code of each row is a document.

`dataset:<key prefix>` lies in the store that the seeds are written to. A row's document has the path, project, version
and licence of the seed that the row was made from, so attribution goes on through a chain of datasets. Its licence
passed the gate of the run that published it and is not asked again.
"""

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from seedmill.seeding.reading import CorpusFile
from seedmill.seeding.unread import Unread
from seedmill.serving.errors import Misconfigured
from seedmill.storage import ObjectMissing, Store

SCHEME = "dataset:"
_DIGEST_DIGITS = 12


class DatasetCorpus:
    """Raises Misconfigured (CorpusMissing) when there is no whole dataset below the prefix, StorageError."""

    def __init__(self, uri: str, store: Store) -> None:
        self._prefix = uri.removeprefix(SCHEME).strip("/")
        self._store = store
        if not store.exists(f"{self._prefix}/manifest.json"):
            raise Misconfigured(
                "CorpusMissing", f"{store.uri}/{self._prefix}: there is no dataset (its manifest.json is missing)"
            )

    @property
    def name(self) -> str:
        """`dataset:<namespace>/<run>@<digest>`."""
        path = PurePosixPath(self._prefix)
        return f"{SCHEME}{'/'.join(path.parts[1:-2])}@{path.name[:_DIGEST_DIGITS]}"

    def files(self, unread: Unread) -> Iterator[CorpusFile]:
        """The dataset's Parquet files; its exports hold the same rows."""
        for entry in self._store.list(f"{self._prefix}/data-"):
            path = entry.key.removeprefix(f"{self._prefix}/")
            if path.endswith(".parquet"):
                yield CorpusFile(path, entry.size_bytes, PurePosixPath(self._prefix).name, self.name)

    @contextmanager
    def local(self, file: CorpusFile) -> Generator[Path]:
        with tempfile.TemporaryDirectory(prefix="seedmill-corpus-") as folder:
            path = Path(folder) / "data.parquet"
            try:
                self._store.get_file(f"{self._prefix}/{file.path}", path)
            except ObjectMissing as error:
                raise FileNotFoundError(file.path) from error
            yield path
