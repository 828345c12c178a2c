"""The files of a dataset, made from rows in one pass: a pure function of what it is given, byte for byte.

Parquet and messages are written while rows come; card, attribution and report afterwards, from what was counted; the
manifest is last, so a folder that has one is whole.
"""

from pathlib import Path

from seedmill.aggregation import manifest as manifests
from seedmill.aggregation.card import write_card
from seedmill.aggregation.published import Facts, Manifest, PublishedRow, Tally
from seedmill.aggregation.report import write_report
from seedmill.aggregation.shards import ROWS_PER_FILE, shards_of
from seedmill.aggregation.statistics import Statistics


class FolderInUse(ValueError):
    """The target folder holds files already; a dataset gets a folder of its own."""


class DatasetWriter:
    """Writes one dataset into an empty folder (made if it is missing): `add` each row in order, then `finish`.

    Raises FolderInUse, OSError.
    """

    def __init__(self, target: Path, facts: Facts, *, rows_per_file: int = ROWS_PER_FILE) -> None:
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise FolderInUse(f"{target} is not empty")
        self._target = target
        self._facts = facts
        self._statistics = Statistics()
        self._shards = [shards_of(each, target, facts, rows_per_file) for each in facts.formats]

    @property
    def rows(self) -> int:
        """Rows written so far."""
        return self._statistics.rows

    def add(self, row: PublishedRow) -> None:
        """Write the next row."""
        for shards in self._shards:
            shards.write(row)
        self._statistics.add(row)

    def finish(self, tally: Tally) -> Manifest:
        """Write everything else, the manifest last."""
        for shards in self._shards:
            shards.close()
        write_card(self._target, self._facts, tally, self._statistics)
        write_report(self._target, self._facts, tally, self._statistics)
        manifest = manifests.manifest_of(self._target, self._statistics.rows)
        (self._target / manifests.FILE_NAME).write_bytes(manifests.encode(manifest))
        return manifest
