"""A corpus's files, listed once: spooled to disk, counted, and hashed to a fingerprint that tells when they change."""

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from hashlib import sha256
from pathlib import Path

import orjson

from seedmill.seeding.containers import is_container
from seedmill.seeding.corpora import Corpus
from seedmill.seeding.frames import read_frame, write_frame
from seedmill.seeding.reading import CorpusFile
from seedmill.seeding.unread import Unread

_FILES_PER_REPORT = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """`documents` is how many there are to read, 0 when containers hide it. `fingerprint` is this machine's own."""

    spool: Path
    fingerprint: str
    documents: int
    unread: Unread

    def files(self) -> Iterator[CorpusFile]:
        with self.spool.open("rb") as spool:
            while (value := read_frame(spool)) is not None:
                path, *rest = value
                yield CorpusFile(bytes.fromhex(path).decode("utf-8", "surrogateescape"), *rest)


def take_listing(corpus: Corpus, spool: Path, report: Callable[[], None]) -> Listing:
    """List the corpus into the file `spool`. Raises Misconfigured, StorageError, OSError and what `report` raises."""
    unread = Unread()
    digest = sha256()
    count = 0
    hidden = False
    with spool.open("wb") as out:
        for count, file in enumerate(corpus.files(unread), 1):
            path, *rest = astuple(file)
            # A file name may be no text; orjson would refuse it.
            value = [path.encode("utf-8", "surrogateescape").hex(), *rest]
            digest.update(orjson.dumps(value) + b"\n")
            write_frame(out, value)
            hidden = hidden or is_container(file.path)
            if count % _FILES_PER_REPORT == 0:
                report()
    digest.update(orjson.dumps([dict(unread.reasons), dict(unread.languages)], option=orjson.OPT_SORT_KEYS))
    return Listing(spool, digest.hexdigest(), 0 if hidden else count, unread)
