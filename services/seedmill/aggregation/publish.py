"""Publishes a run: lists its journal once, folds it up to the cut, makes the dataset, and points HEAD.json at it.

A dataset's folder is named by the digest of its content, so two publishers with other clocks or libraries cannot write
different bytes under one name (journal rule 14); its manifest is written last, so a folder without one is no dataset.
Outcomes of the predecessor stay (rule 12). One publisher at a time is the caller's affair.
"""

import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from seedmill.aggregation import manifest as manifests
from seedmill.aggregation.building import build_dataset
from seedmill.aggregation.published import Manifest
from seedmill.aggregation.walk import Walk, read_run, walk
from seedmill.records.publication import End, Limits, Publication
from seedmill.storage.journal import list_journal
from seedmill.storage.publications import (
    Head,
    encode_head,
    encode_outcomes,
    encode_segments,
    read_head,
    read_outcomes,
)
from seedmill.storage.store import Store


def publish(
    store: Store,
    run_prefix: str,
    limits: Limits,
    end: End,
    random_hex: Callable[[], str] = lambda: secrets.token_hex(4),
) -> Publication:
    """Publish what the journal holds now, up to the cut. Raises InvalidRequest and StorageError."""
    given = read_run(store, run_prefix, limits)
    before = read_head(store, run_prefix)
    predecessor = {} if before is None else read_outcomes(store, run_prefix, before.publication)
    segments = list_journal(store, run_prefix).segments
    result = walk(store, given, segments, predecessor, limits, end)
    with tempfile.TemporaryDirectory(prefix="seedmill-dataset-") as folder:
        target = Path(folder) / "dataset"
        manifest = build_dataset(given, result, limits, target)
        dataset_prefix = f"dataset/{manifest.digest}"
        _upload(store, f"{run_prefix}/{dataset_prefix}", target, manifest)
    name = f"publications/{_number_of(before) + 1}-{random_hex()}"
    base = f"{run_prefix}/{name}"
    store.put(f"{base}/segments.json", encode_segments(segments))
    store.put(f"{base}/outcomes.parquet", encode_outcomes(result.outcomes))
    store.put(f"{base}/manifest.json", _publication_manifest(manifest, result, limits, before))
    head = Head(
        publication=name,
        dataset_prefix=dataset_prefix,
        dataset_digest=manifest.digest,
        rows=manifest.rows,
        end=result.end.value,
        limits=limits.to_json(),
        ledger=result.selection.counts.ledger().to_json(),
        cut=result.selection.next_root,
        tokens=result.selection.tokens.total,
    )
    store.put(f"{run_prefix}/HEAD.json", encode_head(head))
    return Publication(name, dataset_prefix, manifest.digest, manifest.rows)


def _upload(store: Store, prefix: str, folder: Path, manifest: Manifest) -> None:
    if store.exists(f"{prefix}/{manifests.FILE_NAME}"):
        return  # the same bytes were published before
    for entry in manifest.files:
        store.put_file(f"{prefix}/{entry.name}", folder / entry.name)
    store.put(f"{prefix}/{manifests.FILE_NAME}", (folder / manifests.FILE_NAME).read_bytes())


def _number_of(head: Head | None) -> int:
    return 0 if head is None else int(head.publication.partition("/")[2].partition("-")[0])


def _publication_manifest(manifest: Manifest, result: Walk, limits: Limits, before: Head | None) -> bytes:
    content: dict[str, Any] = {
        "datasetDigest": manifest.digest,
        "rows": manifest.rows,
        "end": result.end.value,
        "limits": limits.to_json(),
        "cut": result.selection.next_root,
        "countedTokens": result.selection.tokens.total,
        "journalTokens": result.paid.total,
        "predecessor": None if before is None else before.publication,
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
