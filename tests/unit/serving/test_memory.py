"""A process gives large pieces back when they are freed, also where small ones that are kept lie between them."""

import platform
import subprocess
import sys

import pytest

PIECES, PIECE_BYTES, SMALL_BYTES = 64, 1 << 20, 600
PROGRAM = f"""
import os, sys
from seedmill.serving.memory import keep_little

def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

if "keep_little" in sys.argv:
    keep_little()
bytearray({PIECE_BYTES + 100})  # freed at once: from now on pieces of this size come from the heap
before = resident_bytes()
kept = [(b"1" * {PIECE_BYTES}, bytearray({SMALL_BYTES})) for _ in range({PIECES})]
kept = [small for _, small in kept]
print(resident_bytes() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator keeps so much")
def test_what_was_freed_does_not_stay():
    kept = {way: int(subprocess.check_output([sys.executable, "-c", PROGRAM, way])) for way in ("keep_little", "as_is")}
    assert kept["as_is"] > PIECES * PIECE_BYTES / 2
    assert kept["keep_little"] < PIECES * PIECE_BYTES / 8


def test_arrow_takes_its_memory_where_the_rest_does():
    program = "from seedmill.serving.memory import keep_little; keep_little(); import pyarrow; "
    program += "print(pyarrow.default_memory_pool().backend_name)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "system"
