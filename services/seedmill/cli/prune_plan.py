"""Which items a `seedmill prune` is about: the runs it looks at, minus those that somebody works on.

On a directory `seedmill run` holds a lock as long as it lives, and while this command works it holds those of all runs
that it touches. Elsewhere there is no lock: a run counts as at work until its process has said how it ended, or has
written nothing for an hour (it writes every two seconds).
"""

import fcntl
import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from seedmill.serving.errors import Misconfigured
from seedmill.storage.expiry import noted_retention, publications_to_keep
from seedmill.storage.pruning import heads_of
from seedmill.storage.retention import (
    LOCK_FILE,
    RUN_FILE,
    Item,
    StoredRun,
    head_of,
    pinned_by_others,
    stored_runs,
    superseded,
    unpinned_seeds,
    whole_run,
)
from seedmill.storage.store import ObjectMissing, Store

QUIET_SECONDS = 3600.0
"""After so long without a word a process that did not say how it ended is taken for dead."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for.

    `runs` are names, empty for all. `keep` publications of each stay; None: what the run's retention says, else 1. Only
    what is older than `age_seconds` goes.
    """

    runs: tuple[str, ...] = ()
    keep: int | None = None
    age_seconds: float = 0.0
    seeds: bool = False
    entirely: bool = False


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What may go, in order; HEAD.json of the runs that it belongs to; what is left alone, and why."""

    items: tuple[Item, ...]
    heads: dict[str, bytes]
    left_alone: dict[str, str] = field(default_factory=dict[str, str])


@contextmanager
def planned(store: Store, workdir: str, wishes: Wishes, now: float) -> Generator[PrunePlan]:
    """The plan; while the context is open no `seedmill run` begins to work on a run that it is about.

    `now` is in seconds since 1970. Raises Misconfigured for names that are none and for runs that others need,
    StorageError.
    """
    runs = stored_runs(store)
    named = _named(store, workdir, wishes.runs)
    chosen = [stored for stored in runs if not named or stored.prefix in named]
    if wishes.entirely:
        _refuse_pinned(runs, chosen)
    left_alone: dict[str, str] = {}
    with ExitStack() as held:
        for stored in runs:
            with ExitStack() as looked_at:
                if why := _at_work(store, stored, now, looked_at):
                    left_alone[stored.prefix] = why
                elif stored in chosen:
                    held.push(looked_at.pop_all())
        if wishes.entirely and (busy := next((each for each in chosen if each.prefix in left_alone), None)):
            raise Misconfigured("RunInUse", f"{store.uri}/{busy.prefix}: {left_alone[busy.prefix]}; stop it first")
        free = [stored for stored in chosen if stored.prefix not in left_alone]
        heads = heads_of(store, [stored.prefix for stored in free])
        items = _of_runs(store, runs, free, wishes, now)
        if wishes.seeds:
            items += _of_seeds(store, runs, free if wishes.entirely else [], now, left_alone)
        old = tuple(item for item in items if now - item.modified >= wishes.age_seconds)
        shown = {prefix: why for prefix, why in left_alone.items() if not named or prefix in named or wishes.seeds}
        yield PrunePlan(old, heads, shown)


def _of_runs(
    store: Store, runs: Sequence[StoredRun], free: Sequence[StoredRun], wishes: Wishes, now: float
) -> list[Item]:  # fmt: skip
    if wishes.entirely:
        return [whole_run(stored) for stored in free]
    pinned = pinned_by_others(runs)
    keep = {stored.prefix: wishes.keep or _kept_by_itself(store, stored, now) for stored in free}
    return [item for stored in free for item in superseded(store, stored, pinned, keep[stored.prefix])]


def _kept_by_itself(store: Store, stored: StoredRun, now: float) -> int:
    """How many publications the run's own retention would keep now; 1 where it has none."""
    retention, head = noted_retention(store, stored.prefix), head_of(store, stored.prefix)
    if retention is None or head is None:
        return 1
    return publications_to_keep(store, stored, head, retention, now)


def _of_seeds(
    store: Store, runs: Sequence[StoredRun], going: Sequence[StoredRun], now: float, left_alone: dict[str, str]
) -> list[Item]:
    """Seeds that no run has, once the runs that are `going` are gone.

    A run that begins has its seeds before its run.json. On a directory its lock tells of it, elsewhere nothing does.
    """
    unpinned = [stored.prefix for stored in runs if stored.run is None and stored.prefix in left_alone]
    if unpinned:
        left_alone["seeds"] = f"{unpinned[0]} is collecting its own"
        return []
    gone = {stored.prefix for stored in going}
    found = unpinned_seeds(store, [stored for stored in runs if stored.prefix not in gone])
    if not store.uri.startswith("s3://"):
        return found
    for item in found:
        if now - item.modified < QUIET_SECONDS:
            left_alone[item.name] = "written within the last hour: a run may be about to take them"
    return [item for item in found if item.name not in left_alone]


def _named(store: Store, workdir: str, names: Sequence[str]) -> set[str]:
    from seedmill.cli.inspect import find_run

    found: set[str] = set()
    for name in names:
        there, prefix = find_run(name, workdir)
        if there.uri != store.uri:
            raise Misconfigured("AnotherStore", f"{name} lies in {there.uri}; give it as --workdir")
        found.add(prefix)
    return found


def _refuse_pinned(runs: Sequence[StoredRun], chosen: Sequence[StoredRun]) -> None:
    going = {stored.prefix for stored in chosen}
    for publication, by in pinned_by_others(runs).items():
        needing = [each for each in by if each not in going]
        if needing and publication.partition("/publications/")[0] in going:
            run = publication.partition("/publications/")[0]
            raise Misconfigured(
                "RunNeeded", f"{run} is followed by {', '.join(needing)} (seeds.dataset or reuse): name those, too"
            )


def _at_work(store: Store, stored: StoredRun, now: float, stack: ExitStack) -> str:
    """Why a run is to be left alone, or empty; then its lock, where it has one, is held until the stack unwinds."""
    if any(entry.key == f"{stored.prefix}/{LOCK_FILE}" for entry in stored.entries):
        return _lock(Path(store.uri) / stored.prefix / LOCK_FILE, stack)
    if not any(entry.key == f"{stored.prefix}/{RUN_FILE}" for entry in stored.entries):
        return ""
    try:
        ended = orjson.loads(store.get(f"{stored.prefix}/progress.json")).get("ending")
    except (ObjectMissing, orjson.JSONDecodeError, AttributeError):
        ended = None
    if ended or now - stored.newest >= QUIET_SECONDS:
        return ""
    return "it may be at work: it has not said that it ended, and wrote something within the last hour"


def _lock(path: Path, stack: ExitStack) -> str:
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError as error:
        return f"its lock cannot be opened: {error.strerror}"
    stack.callback(os.close, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "a process works on it"
    return ""
