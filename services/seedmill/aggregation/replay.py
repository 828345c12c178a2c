"""The published dataset again, from the journal alone: no model, no sandbox, no corpus."""

import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import orjson

from seedmill.aggregation.building import build_dataset
from seedmill.aggregation.walk import read_run, walk
from seedmill.records.publication import End, Limits
from seedmill.serving.errors import InvalidRequest
from seedmill.storage.publications import open_outcomes, published_segments, read_head
from seedmill.storage.store import Store


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Digests of what was published and of what was rebuilt; equal when they are the same to the byte."""

    published_digest: str
    rebuilt_digest: str
    rows: int


def replay_head(store: Store, run_prefix: str, output: Path | None = None) -> ReplayResult:
    """Rebuild the latest publication, into `output` if given.

    Raises InvalidRequest when nothing was published, StorageError when a segment is gone, OSError for `output`.
    """
    head = read_head(store, run_prefix)
    if head is None:
        raise InvalidRequest("NothingPublished", f"{store.uri}/{run_prefix}: nothing was published yet")
    limits = Limits.from_json(head.limits)
    about = orjson.loads(store.get(f"{run_prefix}/{head.publication}/manifest.json"))
    before = about["predecessor"]
    given = read_run(store, run_prefix, limits)
    segments = published_segments(store, run_prefix, head.publication)
    with (
        open_outcomes(store, run_prefix, before) if before else nullcontext() as predecessor,
        walk(store, given, segments, predecessor, limits, End(head.end)) as walked,
        _folder(output) as folder,
    ):
        manifest = build_dataset(given, walked, limits, Path(folder))
    return ReplayResult(head.dataset_digest, manifest.digest, manifest.rows)


def _folder(output: Path | None) -> AbstractContextManager[str]:
    return tempfile.TemporaryDirectory(prefix="seedmill-replay-") if output is None else nullcontext(str(output))
