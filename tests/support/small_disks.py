"""Disks that are small or read-only: tmpfs, mounted by the test. Root ignores modes and quotas, but not these."""

import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from support.requirements import require

FILLER = "filler"


@contextmanager
def mounted(folder: Path, size_kib: int, *, read_only: bool = False) -> Generator[Path]:
    """The folder as a disk of its own. Skips where nothing may be mounted."""
    mount = require("the right to mount")
    folder.mkdir(exist_ok=True)
    options = f"size={size_kib}k,{'ro' if read_only else 'rw'}"
    subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> None:
    """Leave no room at all."""
    with (disk / FILLER).open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(disk).free == 0


def free(disk: Path) -> None:
    """Make room again."""
    (disk / FILLER).unlink()
