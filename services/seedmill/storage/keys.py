"""Which keys a store takes: what any file system and any S3 can hold, and nothing that leaves the store."""

_MAX_KEY_BYTES = 1024  # S3's limit
_MAX_PART_BYTES = 255  # a file name's limit on every common file system

TEMPORARY_PREFIX = ".tmp-"
"""Names that begin with this are half-written files of a directory store, never objects."""


def check_key(key: str) -> str:
    """The key itself. Raises ValueError when no store may hold it; keys are made by our code, so that is a mistake."""
    parts = key.split("/")
    if not key or "" in parts or "." in parts or ".." in parts:
        raise ValueError(f"storage key {key!r}: must be a relative path without empty parts, '.' and '..'")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in key):
        raise ValueError(f"storage key {key!r}: must not hold control characters")
    if parts[-1].startswith(TEMPORARY_PREFIX):
        raise ValueError(f"storage key {key!r}: names that begin with {TEMPORARY_PREFIX} are kept for temporary files")
    try:
        longest = max(len(part.encode()) for part in parts)
    except UnicodeEncodeError as error:
        raise ValueError(f"storage key {key!r}: is not valid Unicode") from error
    if longest > _MAX_PART_BYTES or len(key.encode()) > _MAX_KEY_BYTES:
        raise ValueError(
            f"storage key {key[:80]!r}…: at most {_MAX_KEY_BYTES} bytes, and {_MAX_PART_BYTES} between two slashes"
        )
    return key
