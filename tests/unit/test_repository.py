"""What may be in the repository: no addresses of package indexes, no paths of someone's machine, nothing large."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from support.requirements import ROOT

LARGEST_BYTES = 2**20
BINARY_SUFFIXES = {".npz", ".zst", ".gz", ".png"}

# Written so that they do not find themselves.
FORBIDDEN = {
    "host of a package index": r"py"
    r"pi\.org|pythonh"
    r"osted\.|npmj"
    r"s\.|crates\.i"
    r"o|(proxy|sum)\.go"
    r"lang",
    "option that names an index": r"--(extra-)?index-[u]rl|find-[l]inks",
    "path of a machine": r"(?<![\w.])/(root|work|home/\w+)/",
}


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listing.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_tracked_files_are_small() -> None:
    large = [str(path.relative_to(ROOT)) for path in tracked() if path.stat().st_size > LARGEST_BYTES]
    assert not large


def test_tracked_files_are_text_or_known_data() -> None:
    strange = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if b"\0" in path.read_bytes() and path.suffix not in BINARY_SUFFIXES
    ]
    assert not strange


def test_no_tracked_text_names_an_index_or_a_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {what}: {line.strip()[:100]}"
        for path in tracked()
        if path.suffix not in BINARY_SUFFIXES and path.name != "go.sum"
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        for what, pattern in FORBIDDEN.items()
        if re.search(pattern, line)
    ]
    assert not found, "\n".join(found)


def dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    return {re.split(r"[\[<>=!~; ]", requirement)[0] for requirement in [*project["dependencies"], *extras]}


def test_every_dependency_is_explained() -> None:
    explained = set(re.findall(r"^\| `([^`]+)`", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE))
    needed = dependencies()
    assert needed <= explained, f"add to docs/dependencies.md: {', '.join(sorted(needed - explained))}"
    assert explained <= needed, f"no dependency any more: {', '.join(sorted(explained - needed))}"


def test_every_dependency_is_pinned() -> None:
    pins = (ROOT / "constraints" / "pinned.txt").read_text().splitlines()
    pinned = {line.split("==")[0] for line in pins if "==" in line}
    heavy = {"vllm", "text-generation"}  # extras that cannot live with the others: the user's own choice of release
    assert dependencies() - heavy <= pinned
    assert "://" not in "".join(pins)
