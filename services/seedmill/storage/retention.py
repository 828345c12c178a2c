"""What of a store may go: what no publication that is kept, no other run and no replay needs.

A run is its journal, and what it published. `replay` needs the latest publication, the outcomes of the one before it
(journal rule 12), and all segments; going on behind it needs the same. So these are never offered:

* run.json, HEAD.json, the journal's records, the `keep` latest publications with their datasets, and the publication
  before those, whose outcomes they rest on (where the latest or the one before it cannot be found, nothing is offered);
* publications that another run's run.json pins (`seeds.dataset`, `reuse`), with their datasets;
* seeds that a run.json names, and whatever this module does not know.

Each item lists its objects in the order in which they are deleted: what refers before what is referred to, so that a
deletion that is cut off leaves only what nothing refers to, and the next one finds it. A dataset or a collection of
seeds without its manifest is none, by their own rules.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count, groupby, islice

import orjson

from seedmill.records.run_file import RunFile
from seedmill.storage.journal import SegmentRef, list_journal
from seedmill.storage.publications import Head, read_head
from seedmill.storage.store import Entry, ObjectMissing, StorageError, Store

RUN_FILE = "run.json"
HEAD_FILE = "HEAD.json"
LOCK_FILE = ".lock"
_MANIFEST = "manifest.json"
_NOTES = "seeds/finished/"
_LAST = (RUN_FILE, LOCK_FILE)


class Kind(StrEnum):
    """What an item is."""

    PUBLICATION = "publication"
    DATASET = "dataset"
    SEGMENTS = "segments"
    SEEDS = "seeds"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Item:
    """Objects that may go together. `run` is the run's prefix, empty for seeds; `modified` that of the newest object.

    `segments` are those whose own objects a roll-up has made superfluous (if it can be read, which is seen to then).
    """

    kind: Kind
    name: str
    why: str
    keys: tuple[str, ...]
    size_bytes: int
    modified: float
    run: str = ""
    segments: tuple[SegmentRef, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run of a store: all its objects, and what it pins (`run`, None while it has no run.json)."""

    prefix: str
    entries: tuple[Entry, ...]
    run: RunFile | None

    @property
    def newest(self) -> float:
        """When anything of it was written last."""
        return max((entry.modified for entry in self.entries), default=0.0)

    @property
    def pins(self) -> tuple[str, ...]:
        """Publications of other runs that it follows, as `<run prefix>/publications/…`."""
        if self.run is None:
            return ()
        return (*self.run.reuse, *filter(None, [self.run.seeds_publication]))

    def below(self, folder: str) -> dict[str, list[Entry]]:
        """Its objects below `<prefix>/<folder>/`, by the name that comes next."""
        start = f"{self.prefix}/{folder}/"
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            if entry.key.startswith(start):
                found[entry.key.removeprefix(start).partition("/")[0]].append(entry)
        return dict(found)


@dataclass(frozen=True, slots=True)
class PastPublication:
    """A publication by its name below publications/, the digest of its dataset, and the publication before it."""

    name: str
    dataset: str
    predecessor: str | None


def stored_runs(store: Store) -> list[StoredRun]:
    """All runs. Raises StorageError, also when a run.json cannot be read: nobody knows then what it pins."""
    runs: list[StoredRun] = []
    for prefix, group in groupby(store.list("runs/"), key=lambda entry: "/".join(entry.key.split("/")[:3])):
        entries = tuple(group)
        has_run_file = any(entry.key == f"{prefix}/{RUN_FILE}" for entry in entries)
        runs.append(StoredRun(prefix, entries, _run_file(store, prefix) if has_run_file else None))
    return runs


def pins_upon(store: Store, prefix: str) -> list[str]:
    """Publications of this run that any run pins. Raises StorageError, also when a run.json cannot be read."""
    runs = (key.rpartition("/") for key in (entry.key for entry in store.list("runs/")) if key.count("/") == 3)
    pinning = (StoredRun(run, (), _run_file(store, run)) for run, _, file in runs if file == RUN_FILE)
    return [pin for stored in pinning for pin in stored.pins if pin.startswith(f"{prefix}/publications/")]


def superseded(store: Store, stored: StoredRun, pinned: Iterable[str], keep: int) -> list[Item]:
    """What of a run may go: old publications, datasets that none has, segments that were rolled up.

    A run that has published nothing keeps all but those segments. Raises StorageError.
    """
    head = head_of(store, stored.prefix)
    past = [] if head is None else superseded_publications(store, stored, head, pinned, keep)
    return past + _rolled_up(store, stored)


def superseded_publications(
    store: Store, stored: StoredRun, head: Head, pinned: Iterable[str], keep: int
) -> list[Item]:  # fmt: skip
    """Publications of a run that may go, then datasets of none that stays. Raises StorageError."""
    publications, datasets = _kept(store, stored.prefix, head, pinned, keep)
    return [
        *_others(stored, "publications", Kind.PUBLICATION, publications, "a later one took its place"),
        *_others(stored, "dataset", Kind.DATASET, datasets, "of no publication that is kept"),
    ]


def past_publications(store: Store, prefix: str, head: Head) -> Iterator[PastPublication]:
    """The latest publication, the one before it, and so on, as far back as none is gone.

    Raises StorageError, also when the latest or the one before it is gone: replay needs both.
    """
    publication: str | None = head.publication
    for place in count():
        if publication is None:
            return
        about = _about(store, prefix, publication)
        if about is None and place < 2:
            missing = f"{store.uri}/{prefix}/{publication}/{_MANIFEST}"
            raise StorageError(f"{missing} is missing, which the latest publication needs; nothing is deleted")
        if about is None:
            return
        yield about
        publication = about.predecessor


def whole_run(stored: StoredRun) -> Item:
    """All of a run. Its publications go first and run.json last: what is left then is a run with a shorter journal."""

    def order(entry: Entry) -> tuple[bool, bool, str]:
        name = entry.key.removeprefix(f"{stored.prefix}/")
        return (name in _LAST, name != HEAD_FILE, "" if name.endswith(f"/{_MANIFEST}") else name)

    return _item(Kind.RUN, stored.prefix, "named", sorted(stored.entries, key=order), stored.prefix)


def unpinned_seeds(store: Store, runs: Sequence[StoredRun]) -> list[Item]:
    """Collections of seeds that no run names. Raises StorageError."""
    pinned = {each.run.seeds_prefix for each in runs if each.run is not None}
    notes: defaultdict[str, list[Entry]] = defaultdict(list)
    collections: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in store.list("seeds/"):
        prefix = "/".join(entry.key.split("/")[:2])
        if entry.key.startswith(_NOTES):
            notes[_noted(store, entry.key)].append(entry)
        elif prefix not in pinned:
            collections[prefix].append(entry)
    return [
        _item(Kind.SEEDS, prefix, "no run has them", [*notes[prefix], *_manifest_first(entries)])
        for prefix, entries in sorted(collections.items())
    ]


def pinned_by_others(runs: Iterable[StoredRun]) -> Mapping[str, list[str]]:
    """Publications that are pinned, with the runs that pin them."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for stored in runs:
        for publication in stored.pins:
            found[publication].append(stored.prefix)
    return found


def _kept(
    store: Store, prefix: str, head: Head, pinned: Iterable[str], keep: int
) -> tuple[set[str], set[str]]:  # fmt: skip
    """Names of publications and of datasets that stay."""
    past = list(islice(past_publications(store, prefix, head), keep + 1))
    publications = {each.name for each in past}
    datasets = {head.dataset_digest, *(each.dataset for each in past[:keep])}
    for each in pinned:
        run, _, name = each.partition("/publications/")
        if run == prefix:
            publications.add(name)
            if (about := _about(store, prefix, f"publications/{name}")) is not None:
                datasets.add(about.dataset)
    return publications, datasets


def _others(stored: StoredRun, folder: str, kind: Kind, kept: set[str], why: str) -> list[Item]:
    return [
        _item(kind, f"{stored.prefix}/{folder}/{name}", why, _manifest_first(entries), stored.prefix)
        for name, entries in sorted(stored.below(folder).items())
        if name not in kept
    ]


def _rolled_up(store: Store, stored: StoredRun) -> list[Item]:
    sizes = {entry.key: entry for entry in stored.entries}
    items: list[Item] = []
    both = [ref for ref in list_journal(store, stored.prefix).segments if ref.rollup and ref.key in sizes]
    for rollup, group in groupby(both, key=lambda ref: ref.rollup):
        segments = tuple(group)
        entries = [sizes[ref.key] for ref in segments]
        found = _item(Kind.SEGMENTS, rollup, "copied into this roll-up", entries, stored.prefix)
        items.append(
            Item(found.kind, found.name, found.why, found.keys, found.size_bytes, found.modified, found.run, segments)
        )
    return items


def _item(kind: Kind, name: str, why: str, entries: Sequence[Entry], run: str = "") -> Item:
    keys = tuple(entry.key for entry in entries)
    newest = max((entry.modified for entry in entries), default=0.0)
    return Item(kind, name, why, keys, sum(entry.size_bytes for entry in entries), newest, run)


def _manifest_first(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (not entry.key.endswith(f"/{_MANIFEST}"), entry.key))


def _run_file(store: Store, prefix: str) -> RunFile:
    try:
        return RunFile.decode(store.get(f"{prefix}/{RUN_FILE}"))
    except ValueError as error:
        raise StorageError(f"{store.uri}/{prefix}/{RUN_FILE}: {error}; what it needs is not known") from error


def head_of(store: Store, prefix: str) -> Head | None:
    """HEAD.json, None when nothing was published. Raises StorageError, also when it cannot be read."""
    try:
        return read_head(store, prefix)
    except (ValueError, TypeError) as error:
        raise StorageError(f"{store.uri}/{prefix}/{HEAD_FILE}: {error}; what it needs is not known") from error


def _about(store: Store, prefix: str, publication: str) -> PastPublication | None:
    """None when it is gone."""
    try:
        said = orjson.loads(store.get(f"{prefix}/{publication}/{_MANIFEST}"))
        return PastPublication(publication.removeprefix("publications/"), said["datasetDigest"], said["predecessor"])
    except ObjectMissing:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{store.uri}/{prefix}/{publication}/{_MANIFEST}: {error}") from error


def _noted(store: Store, key: str) -> str:
    """The collection that a note of a finished one names; empty when it cannot be read."""
    try:
        return str(orjson.loads(store.get(key))["prefix"])
    except (ObjectMissing, ValueError, KeyError, TypeError):
        return ""
