"""A corpus to its seeds in the store, as one function.

List the corpus; when the same collection of the same listing is finished, that is the result. Else read it once,
document by document: licence gate, then extraction in child processes, then buckets on disk that sort and deduplicate,
then near-duplicates and the type check where they are asked for, then parts in the store, and the manifest last.

What names the result: `seeds/<corpus>-<collector>`, two digests. The corpus digest is the sum, modulo 2^256, of a hash
of every document as it was read (path, project, version, licence, text) or left out (path, reason), so it depends
neither on order nor on how documents are packed in files, and needs no second pass. The collector digest is of what was
asked and of what decides the answer (rules' version, limits, Python's grammar, type checker). Neither holds a path of
this machine.
"""

import errno
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from seedmill.filters.license import is_allowed
from seedmill.records.collection import CollectedSeeds, Collection, CollectionProgress
from seedmill.records.seed import Seed
from seedmill.seeding.buckets import SeedBuckets
from seedmill.seeding.containers import read_file
from seedmill.seeding.corpora import Corpus, open_corpus
from seedmill.seeding.documents import Document, Skipped
from seedmill.seeding.limits import Limits
from seedmill.seeding.listing import Listing, take_listing
from seedmill.seeding.nothing import nothing_collected
from seedmill.seeding.publishing import find_finished, publish_seeds, remember_finished
from seedmill.seeding.request import Request, checked_request
from seedmill.seeding.screening import FunctionJudge, Judge, nothing_wrong, screened
from seedmill.seeding.type_check import TypeChecker
from seedmill.seeding.workers import BatchResult, Workers
from seedmill.serving.errors import Misconfigured, Unavailable
from seedmill.storage import ReadOnlyStore, StorageError, Store, open_store
from seedmill.storage.seeds import SeedsManifest

_BATCH_DOCUMENTS = 64
_BATCH_CHARACTERS = 1 << 20
_DISTINCT_LICENSES = 1000


class Stopped(Exception):
    """The collection was told to stop."""


@dataclass(slots=True)
class Tally:
    """What a collection has counted so far."""

    documents: int = 0
    seeds: int = 0
    corpus_sum: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])
    changed: Counter[str] = field(default_factory=Counter[str])
    excluded_licenses: Counter[str] = field(default_factory=Counter[str])

    def saw(self, *parts: str) -> None:
        """Add a document to the corpus digest."""
        line = "\0".join(parts).encode("utf-8", "surrogateescape")
        self.corpus_sum = (self.corpus_sum + int.from_bytes(sha256(line).digest(), "big")) % (1 << 256)

    def drop(self, reason: str, seeds: int) -> None:
        """Count seeds that were found and do not stay."""
        self.skipped[reason] += seeds
        self.seeds -= seeds

    @property
    def corpus_digest(self) -> str:
        return sha256(self.corpus_sum.to_bytes(32, "big")).hexdigest()


def collect(
    collection: Collection,
    progress: Callable[[CollectionProgress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    *,
    store: Store | None = None,
    access: Mapping[str, str] | None = None,
    workers: int = 1,
    limits: Limits | None = None,
) -> CollectedSeeds:
    """Collect the seeds of a corpus. Idempotent.

    `progress` is called now and then, `should_stop` asked as often. `store` stands for the one that the collection
    names; `access` is what that one is opened with, where it is not this process' environment. Raises InvalidRequest,
    Misconfigured (CorpusMissing, CorpusUnreadable, NothingAllowed), Unavailable (StoreUnavailable), Stopped.
    """
    request = checked_request(collection, limits or Limits())
    try:
        target = store or _open(collection.store_uri, access)
        corpus = open_corpus(collection.corpus_uri, request.reading, target, access)
        with tempfile.TemporaryDirectory(prefix="seedmill-seeding-") as folder:
            return _Collecting(request, corpus, target, Path(folder), progress, should_stop, workers).run()
    except ReadOnlyStore as error:
        raise Misconfigured("StoreReadOnly", str(error)) from error
    except StorageError as error:
        raise Unavailable("StoreUnavailable", str(error)) from error
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise Unavailable("StoreUnavailable", f"no space for temporary files in {tempfile.gettempdir()}") from error


def _open(uri: str, access: Mapping[str, str] | None) -> Store:
    try:
        return open_store(uri, access)
    except StorageError as error:  # nothing was contacted: the URI or the environment is wrong
        raise Misconfigured("StoreMisconfigured", str(error)) from error


class _Collecting:
    """One run of `collect`."""

    def __init__(
        self,
        request: Request,
        corpus: Corpus,
        store: Store,
        folder: Path,
        progress: Callable[[CollectionProgress], None],
        should_stop: Callable[[], bool],
        workers: int,
    ) -> None:
        self._request = request
        self._corpus = corpus
        self._store = store
        self._folder = folder
        self._progress = progress
        self._should_stop = should_stop
        self._workers = workers
        self._tally = Tally()

    def run(self) -> CollectedSeeds:
        listing = take_listing(self._corpus, self._folder / "listing", self._report_nothing_yet)
        collector = self._request.collector_digest(self._corpus.name)
        if (finished := find_finished(self._store, collector, listing.fingerprint)) is not None:
            return finished
        self._tally.skipped.update(listing.unread.reasons)
        self._tally.skipped["other_language"] += listing.unread.languages.total()
        with SeedBuckets(self._folder) as buckets:
            self._extract(listing, buckets)
            manifest, collected = publish_seeds(
                self._store, self._screened(buckets, listing), self._manifest, collector, self._folder, self._check_stop
            )
        if not collected.count:
            raise nothing_collected(self._request.collection, manifest, self._tally.documents, listing)
        remember_finished(self._store, collector, listing.fingerprint, collected)
        return collected

    def _extract(self, listing: Listing, buckets: SeedBuckets) -> None:
        task = self._request.task(self._corpus.name)
        with Workers(task, self._workers) as workers:
            for result in workers.extract(self._batches(listing)):
                self._take(result, buckets)
                self._report(listing)

    def _take(self, result: BatchResult, buckets: SeedBuckets) -> None:
        for key, seed in result.seeds:
            buckets.add(key, seed)
        self._tally.seeds += len(result.seeds)
        self._tally.skipped.update(result.skipped)
        self._tally.changed.update(result.changed)

    def _batches(self, listing: Listing) -> Iterator[list[Document]]:
        batch: list[Document] = []
        characters = 0
        for document in self._allowed(listing):
            batch.append(document)
            characters += len(document.text)
            if len(batch) == _BATCH_DOCUMENTS or characters >= _BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
        if batch:
            yield batch

    def _allowed(self, listing: Listing) -> Iterator[Document]:
        """Documents whose licence is allowed; all others are counted."""
        collection = self._request.collection
        for item in self._read(listing):
            self._check_stop()
            if isinstance(item, Skipped):
                self._tally.saw(item.path, item.reason)
                self._tally.skipped[item.reason] += 1
                continue
            self._tally.documents += 1
            self._tally.saw(item.path, item.project, item.version, item.license, item.text)
            if self._request.licenses_settled or _license_is_allowed(
                item.license, collection.allowed_licenses, collection.allow_unknown_license
            ):
                yield item
            else:
                self._tally.skipped["license_not_allowed" if item.license else "license_unknown"] += 1
                known = item.license in self._tally.excluded_licenses
                if known or len(self._tally.excluded_licenses) < _DISTINCT_LICENSES:
                    self._tally.excluded_licenses[item.license] += 1
            if collection.max_files and self._tally.documents >= collection.max_files:
                return

    def _read(self, listing: Listing) -> Iterator[Document | Skipped]:
        for file in listing.files():
            try:
                with self._corpus.local(file) as local:
                    yield from read_file(local, file, self._request.reading)
            except OSError:
                yield Skipped("unreadable", file.path)

    def _screened(self, buckets: SeedBuckets, listing: Listing) -> Iterator[Seed]:
        """Seeds by id that pass what is asked of them, within the languages' quotas."""
        quotas = {each.language: each.max_seeds for each in self._request.collection.languages}
        yield from screened(buckets.in_order(), quotas, self._judge(listing), self._tally.drop)
        self._tally.drop("duplicate", buckets.duplicates)
        self._report(listing)

    def _judge(self, listing: Listing) -> Judge:
        if not self._request.functions_are_screened:
            return nothing_wrong
        folder = self._folder / "type-check"
        folder.mkdir()

        def tick() -> None:
            self._check_stop()
            self._report(listing)

        return FunctionJudge(TypeChecker(folder, self._request.limits, tick).check)

    def _manifest(self) -> SeedsManifest:
        """All but the parts: known once the last seed was written."""
        tally = self._tally
        return SeedsManifest(
            parts=(),
            count=0,
            skipped=_positive(tally.skipped),
            changed=_positive(tally.changed),
            licenses={},
            excluded_licenses=_positive(tally.excluded_licenses),
            collection=self._request.as_json(self._corpus.name),
            corpus_digest=tally.corpus_digest,
        )

    def _report(self, listing: Listing) -> None:
        total = listing.documents
        if limit := self._request.collection.max_files:
            total = min(total, limit)
        self._progress(CollectionProgress(self._tally.documents, total, self._tally.seeds))

    def _report_nothing_yet(self) -> None:
        self._check_stop()
        self._progress(CollectionProgress(0, 0, 0))

    def _check_stop(self) -> None:
        if self._should_stop():
            raise Stopped


@lru_cache(maxsize=10_000)
def _license_is_allowed(expression: str, allowed: tuple[str, ...], allow_unknown: bool) -> bool:
    return is_allowed(expression, allowed) if expression else allow_unknown


def _positive(counts: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}
