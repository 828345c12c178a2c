"""Python values as Arrow tables, without pandas.

Before its first conversion Arrow imports pandas, where that is installed, to know its objects: 55 MiB and 0.3 s of CPU
in each of our processes, none of which has such objects.
"""

import sys
from collections.abc import Mapping
from functools import cache
from importlib.abc import MetaPathFinder
from typing import Any

import pyarrow as pa


def arrow_table(columns: Mapping[str, list[Any]], schema: pa.Schema) -> pa.Table:
    """A table of these columns, one for each field of the schema."""
    _pass_over_pandas()
    return pa.Table.from_pydict(columns, schema=schema)


class _WithoutPandas(MetaPathFinder):
    """Says of pandas that it is not installed, and of everything else nothing."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


@cache
def _pass_over_pandas() -> None:
    """Let Arrow's only attempt fail. Who asks it for pandas' objects later (`Table.to_pandas`) gets them."""
    finder = _WithoutPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)
