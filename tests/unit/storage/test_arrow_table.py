"""Tables are made without pandas, which stays to be had by those who ask for it."""

import importlib.util
import subprocess
import sys

import pytest

PROGRAM = """
import sys
import pyarrow as pa
from seedmill.storage.arrow_table import arrow_table

table = arrow_table({"a": [1, None], "b": [["x"], []]}, pa.schema([("a", pa.int32()), ("b", pa.list_(pa.string()))]))
assert table.to_pylist() == [{"a": 1, "b": ["x"]}, {"a": None, "b": []}]
assert not any(name.partition(".")[0] == "pandas" for name in sys.modules), "pandas was imported"
assert list(table.select(["a"]).to_pandas()["a"])[0] == 1
import pandas
assert pa.array(pandas.Series([1, 2])).to_pylist() == [1, 2]
"""


@pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="pandas is not installed")
def test_pandas_is_imported_only_by_who_asks_for_it():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
