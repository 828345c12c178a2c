"""Whole files or none: how a file is written so that no reader, and no crash, ever meets half of it.

Bytes go to a temporary file in the target's own folder (a rename is atomic within a file system only), then the file
takes its name. Where durability is promised, the file is synced before the rename and its folder behind it: a rename
alone may be lost, or survive without the bytes.
"""

import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from seedmill.storage.keys import TEMPORARY_PREFIX
from seedmill.storage.store import ReadOnlyStore, StorageError, StoreFull

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED = frozenset({errno.EACCES, errno.EPERM})
_FOLDER_VANISHED_TRIES = 5


def write_whole(path: Path, fill: Callable[[BinaryIO], None], *, durable: bool) -> None:
    """Make or replace the file at `path` with what `fill` writes. Raises OSError; leaves no temporary file then.

    Folders are made as needed. One that vanishes in between (a `delete` beside us tidies empty ones up) is made again.
    """
    for tries_left in reversed(range(_FOLDER_VANISHED_TRIES)):
        make_folder(path.parent, durable=durable)
        temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
        try:
            file = temporary.open("xb")
        except FileNotFoundError:
            if tries_left:
                continue
            raise
        try:
            with file:
                fill(file)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if durable:
            _sync_folder(path.parent)
        return


def write_at(handle: int, offset: int, data: bytes | bytearray) -> None:
    """All of the data from this offset on. Raises OSError; a nearly full disk takes a part first, and says nothing."""
    with memoryview(data) as rest:
        done = 0
        while done < len(rest):
            done += os.pwrite(handle, rest[done:], offset + done)


def make_folder(folder: Path, *, durable: bool) -> None:
    """Make the folder and its parents; each new name is synced into its parent where that is asked for."""
    missing: list[Path] = []
    at = folder
    while not at.is_dir():
        missing.append(at)
        at = at.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        if durable:
            _sync_folder(new.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def as_storage_error(error: OSError, path: Path, *, writing: bool) -> StorageError:
    """What went wrong with a file, and what to do about it."""
    why = f"{path}: {error.strerror or error}"
    match error.errno:
        case code if code in _FULL:
            return StoreFull(f"{why}; make room there")
        case errno.EROFS:
            return ReadOnlyStore(f"{why}; mount it writable, or choose another folder")
        case code if code in _REFUSED and writing:
            return ReadOnlyStore(f"{why}; make the folder writable for this user, or choose another one")
        case code if code in _REFUSED:
            return StorageError(f"{why}; make it readable for this user")
        case errno.ENOTDIR | errno.EISDIR | errno.EEXIST:
            return StorageError(f"{why}; a file stands where a folder is needed, or the other way round: move it away")
        case errno.EIO:
            return StorageError(f"{why}; the disk reports an error: check it before you go on")
        case _:
            return StorageError(why)
