"""A corpus in an object store: every object below a prefix, or one object. Objects are copied here while they are read.

A listing tells names, sizes and ETags, so an object that was rewritten is read again.
"""

import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from seedmill.seeding.containers import is_container
from seedmill.seeding.languages import language_of_path
from seedmill.seeding.license_files import LicenseFiles
from seedmill.seeding.reading import CorpusFile, Reading
from seedmill.seeding.tree import is_passed_over
from seedmill.seeding.unread import Unread
from seedmill.serving.errors import Misconfigured
from seedmill.storage import ObjectMissing, StorageError, Store, open_store


class ObjectCorpus:
    """`uri` is s3://bucket/prefix, opened with `access`; None: with this process' environment.

    Raises Misconfigured (CorpusMissing) for a URI that is none.
    """

    def __init__(
        self, uri: str, reading: Reading, store: Store | None = None, *, access: Mapping[str, str] | None = None
    ) -> None:
        self._uri = uri.rstrip("/")
        self._reading = reading
        self._only = ""
        root, _, last = self._uri.rpartition("/")
        if is_container(last) or language_of_path(last):
            self._only = last
        try:
            self._store = store or open_store(root if self._only else self._uri, access)
        except StorageError as error:
            raise Misconfigured("CorpusMissing", f"corpus {uri}: {error}") from error

    @property
    def name(self) -> str:
        return self._uri

    def files(self, unread: Unread) -> Iterator[CorpusFile]:
        licenses = LicenseFiles()
        seen = False
        for entry in self._store.list(""):
            if licenses.is_one(entry.key) and entry.size_bytes <= self._reading.limits.document_bytes:
                licenses.add(entry.key, self._store.get(entry.key).decode("utf-8", "replace"))
        for entry in self._store.list(self._only):
            if self._only and entry.key != self._only:
                continue
            seen = True
            language = language_of_path(entry.key)
            if any(is_passed_over(part) for part in PurePosixPath(entry.key).parts[:-1]):
                continue
            if not is_container(entry.key):
                if language not in self._reading.languages:
                    unread.languages.update([language] if language else [])
                    continue
                if entry.size_bytes > self._reading.limits.document_bytes:
                    unread.reasons["too_large"] += 1
                    continue
            project = PurePosixPath(self._uri.removeprefix("s3://")).name
            yield CorpusFile(entry.key, entry.size_bytes, entry.stamp, project, license=licenses.nearest(entry.key))
        if not seen:
            raise Misconfigured("CorpusMissing", f"corpus {self._uri}: there is no object; check bucket and prefix")

    @contextmanager
    def local(self, file: CorpusFile) -> Generator[Path]:
        with tempfile.TemporaryDirectory(prefix="seedmill-corpus-") as folder:
            path = Path(folder) / ("object" + "".join(PurePosixPath(file.path).suffixes[-2:]))
            try:
                self._store.get_file(file.path, path)
            except ObjectMissing as error:
                raise FileNotFoundError(file.path) from error
            yield path
