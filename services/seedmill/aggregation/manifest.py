"""The manifest of a dataset: every file with its size and sha256, and the digest that names the whole."""

from hashlib import file_digest, sha256
from pathlib import Path

import orjson

from seedmill.aggregation.published import FileEntry, Manifest

FILE_NAME = "manifest.json"
FORMAT = 1


def manifest_of(folder: Path, rows: int) -> Manifest:
    """All files below the folder but a manifest."""
    files = tuple(
        _entry(folder, path) for path in sorted(folder.rglob("*")) if path.is_file() and path.name != FILE_NAME
    )
    return Manifest(files, digest_of(files), rows)


def digest_of(files: tuple[FileEntry, ...]) -> str:
    """sha256 over the sorted lines `<name> <sha256>`: equal digests are equal datasets."""
    lines = sorted(f"{entry.name} {entry.sha256}\n" for entry in files)
    return sha256("".join(lines).encode()).hexdigest()


def encode(manifest: Manifest) -> bytes:
    """manifest.json."""
    content = {
        "format": FORMAT,
        "digest": manifest.digest,
        "rows": manifest.rows,
        "files": [
            {"name": entry.name, "sizeBytes": entry.size_bytes, "sha256": entry.sha256} for entry in manifest.files
        ],
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _entry(folder: Path, path: Path) -> FileEntry:
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return FileEntry(path.relative_to(folder).as_posix(), path.stat().st_size, digest)
