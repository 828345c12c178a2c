"""Publishes a run: lists its journal once, folds it up to the cut, makes the dataset, and points HEAD.json at it.

A dataset's folder is named by the digest of its content, so two publishers with other clocks or libraries cannot write
different bytes under one name (journal rule 14); its manifest is written last, so a folder without one is no dataset.
Outcomes of the predecessor stay (rule 12). One publisher at a time is the caller's affair; one that was thought dead
and comes late does not write HEAD.json, for what it went on behind may be deleted by then (`output.retention`).
"""

import secrets
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
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
    Outcomes,
    OutcomesFile,
    encode_head,
    encode_segments,
    open_outcomes,
    read_head,
)
from seedmill.storage.store import StorageError, Store


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
    segments = list_journal(store, run_prefix).segments
    name = f"publications/{_number_of(before) + 1}-{random_hex()}"
    base = f"{run_prefix}/{name}"
    with (
        _outcomes_of(store, run_prefix, before) as predecessor,
        walk(store, given, segments, predecessor, limits, end) as walked,
        tempfile.TemporaryDirectory(prefix="seedmill-dataset-") as folder,
    ):
        target = Path(folder) / "dataset"
        outcomes = Path(folder) / "outcomes.parquet"
        with closing(OutcomesFile(outcomes)) as file:
            manifest = build_dataset(given, walked, limits, target, file.write)
        dataset_prefix = f"dataset/{manifest.digest}"
        _upload(store, f"{run_prefix}/{dataset_prefix}", target, manifest)
        store.put(f"{base}/segments.json", encode_segments(segments))
        store.put_file(f"{base}/outcomes.parquet", outcomes)
        store.put(f"{base}/manifest.json", _publication_manifest(manifest, walked, limits, before))
        head = Head(
            publication=name,
            dataset_prefix=dataset_prefix,
            dataset_digest=manifest.digest,
            rows=manifest.rows,
            end=walked.end.value,
            limits=limits.to_json(),
            ledger=walked.selection.counts.ledger().to_json(),
            cut=walked.selection.next_root,
            tokens=walked.selection.tokens.total,
        )
        if read_head(store, run_prefix) != before:
            raise StorageError(f"{store.uri}/{run_prefix}: another process has published this run meanwhile")
        store.put(f"{run_prefix}/HEAD.json", encode_head(head))
        # It was there and is this publication's now, but who saw no HEAD.json that needs it may have been deleting it.
        _upload(store, f"{run_prefix}/{dataset_prefix}", target, manifest)
    return Publication(name, dataset_prefix, manifest.digest, manifest.rows)


def _outcomes_of(store: Store, run_prefix: str, head: Head | None) -> AbstractContextManager[Outcomes | None]:
    return nullcontext() if head is None else open_outcomes(store, run_prefix, head.publication)


def _upload(store: Store, prefix: str, folder: Path, manifest: Manifest) -> None:
    if store.exists(f"{prefix}/{manifests.FILE_NAME}"):
        return  # the same bytes were published before
    for entry in manifest.files:
        store.put_file(f"{prefix}/{entry.name}", folder / entry.name)
    store.put(f"{prefix}/{manifests.FILE_NAME}", (folder / manifests.FILE_NAME).read_bytes())


def _number_of(head: Head | None) -> int:
    return 0 if head is None else int(head.publication.partition("/")[2].partition("-")[0])


def _publication_manifest(manifest: Manifest, walked: Walk, limits: Limits, before: Head | None) -> bytes:
    content: dict[str, Any] = {
        "datasetDigest": manifest.digest,
        "rows": manifest.rows,
        "end": walked.end.value,
        "limits": limits.to_json(),
        "cut": walked.selection.next_root,
        "countedTokens": walked.selection.tokens.total,
        "journalTokens": walked.paid.total,
        "predecessor": None if before is None else before.publication,
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
