"""What a run's own `output.retention` lets go: of what may go (`retention`), what is known to be old.

Nobody looks at a list before this is deleted, so it is less than what `seedmill prune` may delete:

* What a later publication took the place of less than `ttlSecondsAfterSuperseded` ago stays: a run that follows this
  one pins what it found only when its seeds are collected, and people read datasets.
* What HEAD.json does not lead to may be a publication that is being written, or the rest of one that was not deleted to
  the end. It stays for an hour. Under a name that none of ours has it stays for ever.
* Times are the store's, never this machine's. What has none is new.

retention.json beside run.json says what was asked for last, since run.json holds nothing that may change:
`seedmill prune` keeps no less.
"""

import re

from seedmill.spec.output import Retention
from seedmill.storage.pruning import heads_of
from seedmill.storage.publications import Head
from seedmill.storage.retention import (
    HEAD_FILE,
    Item,
    Kind,
    StoredRun,
    head_of,
    past_publications,
    pins_upon,
    superseded_publications,
)
from seedmill.storage.store import ObjectMissing, StorageError, Store

NOTE_FILE = "retention.json"
UNKNOWN_SECONDS = 3600.0
"""How long what HEAD.json does not lead to stays."""

_OUR_NAMES = {Kind.PUBLICATION: re.compile(r"\d+-[0-9a-f]{8}"), Kind.DATASET: re.compile(r"[0-9a-f]{64}")}


def note_retention(store: Store, prefix: str, retention: Retention | None) -> None:
    """Write down what is asked for, or that nothing is. Raises StorageError."""
    key = f"{prefix}/{NOTE_FILE}"
    if retention is not None:
        store.put(key, retention.model_dump_json(by_alias=True).encode())
    elif store.exists(key):
        store.delete(key)


def noted_retention(store: Store, prefix: str) -> Retention | None:
    """What was asked for last. Raises StorageError, also when it cannot be read."""
    try:
        return Retention.model_validate_json(store.get(f"{prefix}/{NOTE_FILE}"))
    except ObjectMissing:
        return None
    except ValueError as error:
        raise StorageError(
            f"{store.uri}/{prefix}/{NOTE_FILE}: not of this version; what it keeps is not known"
        ) from error


def publications_to_keep(store: Store, stored: StoredRun, head: Head, retention: Retention, now: float) -> int:
    """How many of the latest publications stay at this time of the store's clock. Raises StorageError."""
    written = {entry.key: entry.modified or now for entry in stored.entries}
    superseded_at = now
    keep = 0
    for each in past_publications(store, stored.prefix, head):
        if keep and now - superseded_at >= retention.ttl_seconds_after_superseded:
            break
        keep += 1
        superseded_at = written.get(f"{stored.prefix}/publications/{each.name}/manifest.json", now)
    return max(keep, retention.publications)


def expired(store: Store, prefix: str, retention: Retention) -> tuple[list[Item], dict[str, bytes]]:
    """What goes, in the order in which it is to be deleted, and the HEAD.json behind which it does (`pruning.delete`).

    Datasets go before publications, and these from the first one on, so that HEAD.json still leads to what is left
    when it is cut off. A publication without its dataset is nothing new: the one before the oldest kept one is such.
    The time is that of retention.json or HEAD.json, the later one: note first. Raises StorageError.
    """
    heads = heads_of(store, [prefix])
    head = head_of(store, prefix)
    if head is None:
        return [], heads
    listed = [entry for folder in ("publications", "dataset") for entry in store.list(f"{prefix}/{folder}/")]
    stored = StoredRun(prefix, tuple(listed), None)
    written = (entry.modified for name in (HEAD_FILE, NOTE_FILE) for entry in store.list(f"{prefix}/{name}"))
    now = max(written, default=0.0)
    keep = publications_to_keep(store, stored, head, retention, now)
    if not superseded_publications(store, stored, head, (), keep):
        return [], heads  # the common case, without reading what other runs pin
    past = list(past_publications(store, prefix, head))
    age_in_publications = {each.name: number for number, each in enumerate(past)}
    led_to = {Kind.PUBLICATION: age_in_publications.keys(), Kind.DATASET: {each.dataset for each in past}}

    def is_known_to_be_old(item: Item) -> bool:
        name = item.name.rpartition("/")[2]
        if name in led_to[item.kind]:
            return True
        age = now - (item.modified or now)
        is_ours = _OUR_NAMES[item.kind].fullmatch(name) is not None
        return is_ours and age >= max(UNKNOWN_SECONDS, retention.ttl_seconds_after_superseded)

    pinned = pins_upon(store, prefix)
    found = [
        item for item in superseded_publications(store, stored, head, pinned, keep) if is_known_to_be_old(item)
    ]  # fmt: skip

    def order(item: Item) -> tuple[bool, int]:
        return item.kind is Kind.PUBLICATION, -age_in_publications.get(item.name.rpartition("/")[2], len(past))

    return sorted(found, key=order), heads
