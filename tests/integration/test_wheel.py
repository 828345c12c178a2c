"""The wheel holds both source roots with all their data: prompts, templates, indexes, the sandbox's Go module."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.requirements import ROOT


def test_the_wheel_holds_every_tracked_file_of_both_roots(tmp_path: Path) -> None:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "services/seedmill", "operator/seedmill"], cwd=ROOT, capture_output=True, check=False
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT],
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    tracked = {name.partition("/")[2] for name in listing.stdout.decode().split("\0") if name}
    present = {name for name in tracked if any((ROOT / root / name).exists() for root in ("services", "operator"))}
    assert present <= packed, f"missing: {sorted(present - packed)}"
