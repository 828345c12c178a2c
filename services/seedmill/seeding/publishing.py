"""Seeds into the store: parts first, the manifest last, then a note by which the same request finds them at once."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from seedmill.records.collection import CollectedSeeds
from seedmill.records.seed import Seed
from seedmill.storage import ObjectMissing, Store
from seedmill.storage.seeds import (
    PART_SEEDS,
    SeedsManifest,
    SeedsPart,
    manifest_key,
    part_key,
    read_manifest,
    write_part,
)

_DIGEST_CHARACTERS = 16


def publish_seeds(
    store: Store,
    seeds: Iterator[Seed],
    manifest: Callable[[], SeedsManifest],
    collector_digest: str,
    folder: Path,
    check_stop: Callable[[], None],
) -> tuple[SeedsManifest, CollectedSeeds]:
    """Write the seeds; `manifest` gives the rest of the manifest once the last one was taken.

    Where the same seeds lie complete in the store nothing is written. No seeds: nothing is written either. Raises
    StorageError, OSError.
    """
    licenses: Counter[str] = Counter()
    local: list[tuple[Path, SeedsPart]] = []
    for chunk in _chunks(seeds):
        check_stop()
        path = folder / f"part-{len(local):05d}"
        write_part(path, chunk)
        licenses.update(seed.source.license for seed in chunk)
        with path.open("rb") as file:
            local.append((path, SeedsPart("", _sha256(file.read()), len(chunk))))
    begun = manifest()
    prefix = f"seeds/{begun.corpus_digest[:_DIGEST_CHARACTERS]}-{collector_digest[:_DIGEST_CHARACTERS]}"
    parts = tuple(replace(part, key=part_key(prefix, number)) for number, (_, part) in enumerate(local))
    complete = replace(
        begun, parts=parts, count=sum(part.rows for part in parts), licenses=dict(sorted(licenses.items()))
    )
    if complete.count == 0:
        return complete, _collected(prefix, complete)
    try:
        present = read_manifest(store, prefix)
    except ObjectMissing:
        for (path, _), part in zip(local, parts, strict=True):
            check_stop()
            store.put_file(part.key, path)
        store.put(manifest_key(prefix), complete.encode())
        present = complete
    return present, _collected(prefix, present)


def find_finished(store: Store, collector_digest: str, fingerprint: str) -> CollectedSeeds | None:
    """The result of the same request over the same listing, when its manifest is there."""
    try:
        prefix = json.loads(store.get(_note_key(collector_digest, fingerprint)))["prefix"]
        return _collected(prefix, read_manifest(store, prefix))
    except (ObjectMissing, ValueError, KeyError, TypeError):
        return None


def remember_finished(store: Store, collector_digest: str, fingerprint: str, collected: CollectedSeeds) -> None:
    """Write the note that `find_finished` reads."""
    store.put(_note_key(collector_digest, fingerprint), json.dumps({"prefix": collected.prefix}).encode())


def _note_key(collector_digest: str, fingerprint: str) -> str:
    return f"seeds/finished/{collector_digest[:_DIGEST_CHARACTERS]}-{fingerprint[:_DIGEST_CHARACTERS]}.json"


def _collected(prefix: str, manifest: SeedsManifest) -> CollectedSeeds:
    return CollectedSeeds(prefix, manifest.digest, manifest.count, dict(manifest.skipped))


def _chunks(seeds: Iterator[Seed]) -> Iterator[list[Seed]]:
    chunk: list[Seed] = []
    for seed in seeds:
        chunk.append(seed)
        if len(chunk) == PART_SEEDS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _sha256(data: bytes) -> str:
    return sha256(data).hexdigest()
