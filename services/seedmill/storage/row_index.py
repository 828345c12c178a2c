"""The index of kept rows with its tables on disk: a run of a million rows needs no more memory for it than a small one.

It is a cache: whoever folds a journal makes it anew, and it goes with its process.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from seedmill.filters.similarity import RowIndex
from seedmill.storage.key_file import KeyFile
from seedmill.storage.row_file import RowFile
from seedmill.storage.scratch import scratch_place


@contextmanager
def row_index(folder: Path | None = None) -> Generator[RowIndex]:
    """An empty index in scratch files of a folder (the system's temporary one), until the context is left.

    About 1.7 KiB of disk a row, and once more a third of that while entries are merged. Raises StorageError when there
    is no room, here and in `add`.
    """
    place = scratch_place(folder)
    keys, rows = KeyFile(place), RowFile(place)
    try:
        yield RowIndex(keys, rows)
    finally:
        keys.close()
        rows.close()
