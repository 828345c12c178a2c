"""Artifacts in a directory of this machine (or a network file system): one file an object.

What `put` promises rests on `local_files.write_whole`. A writer that dies leaves at most a file named `.tmp-…`, which
no listing shows and no key can name; it may be deleted at any time.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from seedmill.storage.keys import TEMPORARY_PREFIX, check_key
from seedmill.storage.local_files import as_storage_error, write_whole
from seedmill.storage.store import Entry, ObjectMissing

_NO_OBJECT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR})
_COPY_BYTES = 1 << 20


class DirectoryStore:
    """A `Store` under an absolute path. The directory is made with the first object.

    An object and a "folder" cannot have one name here, as on most S3 servers that keep files: after `put("a", …)`,
    `put("a/b", …)` raises StorageError.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def uri(self) -> str:
        return str(self._root)

    def put(self, key: str, data: bytes) -> None:
        self._write(key, lambda file: _write_all(file, data))

    def put_file(self, key: str, path: Path) -> None:
        try:
            source = path.open("rb")
        except OSError as error:
            raise as_storage_error(error, path, writing=False) from error
        with source:
            self._write(key, lambda target: shutil.copyfileobj(source, target, _COPY_BYTES))

    def get(self, key: str) -> bytes:
        with self._open(key) as file:
            try:
                return file.read()
            except OSError as error:
                raise as_storage_error(error, self._path(key), writing=False) from error

    def get_file(self, key: str, path: Path) -> None:
        with self._open(key) as source:
            try:
                write_whole(path, lambda target: shutil.copyfileobj(source, target, _COPY_BYTES), durable=False)
            except OSError as error:
                raise as_storage_error(error, path, writing=True) from error

    def exists(self, key: str) -> bool:
        path = self._path(key)
        try:
            return path.is_file()
        except OSError as error:
            raise as_storage_error(error, path, writing=False) from error

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        folder, _, _ = prefix.rpartition("/")
        start = check_key(folder) + "/" if folder else ""
        return self._walk(self._root / folder, start, prefix, after, ())

    def copy(self, source: str, target: str) -> None:
        with self._open(source) as file:
            self._write(target, lambda to: shutil.copyfileobj(file, to, _COPY_BYTES))

    def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            path.unlink()
        except OSError as error:
            if error.errno in _NO_OBJECT:
                return
            raise as_storage_error(error, path, writing=True) from error
        self._remove_empty_folders(path.parent)

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _open(self, key: str) -> BinaryIO:
        path = self._path(key)
        try:
            return path.open("rb")
        except OSError as error:
            if error.errno in _NO_OBJECT:
                raise ObjectMissing(f"{path}: there is no such file") from error
            raise as_storage_error(error, path, writing=False) from error

    def _write(self, key: str, fill: Callable[[BinaryIO], None]) -> None:
        path = self._path(key)
        try:
            write_whole(path, fill, durable=True)
        except OSError as error:
            raise as_storage_error(error, path, writing=True) from error

    def _walk(
        self, folder: Path, start: str, prefix: str, after: str, above: tuple[tuple[int, int], ...]
    ) -> Iterator[Entry]:
        """Objects below `folder`, whose keys begin with `start`, by key in byte order, as `list` gives them.

        A folder sorts as its name with the slash: `a.b` comes before `a/c`. `above` are the folders around it, so that
        a symbolic link to one of them is not walked for ever.
        """
        try:
            status = folder.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                return
            with os.scandir(folder) as found:
                entries = sorted((_name_in_order(entry), entry) for entry in found)
        except OSError as error:
            if error.errno in _NO_OBJECT:
                return
            raise as_storage_error(error, folder, writing=False) from error
        for _, entry in entries:
            key = start + entry.name
            if entry.is_dir():
                inner = key + "/"
                if inner.startswith(prefix) and (inner > after or after.startswith(inner)):
                    yield from self._walk(folder / entry.name, inner, prefix, after, (*above, identity))
            elif (
                key > after
                and key.startswith(prefix)
                and not entry.name.startswith(TEMPORARY_PREFIX)
                and entry.is_file()
            ):
                try:
                    status = entry.stat()
                    yield Entry(key, status.st_size, str(status.st_mtime_ns), status.st_mtime)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise as_storage_error(error, folder / entry.name, writing=False) from error

    def _remove_empty_folders(self, folder: Path) -> None:
        """Tidy up behind a deleted object; a folder that is not empty (any more) stays."""
        while folder != self._root:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent


def _name_in_order(entry: "os.DirEntry[str]") -> bytes:
    return os.fsencode(entry.name) + (b"/" if entry.is_dir() else b"")


def _write_all(file: BinaryIO, data: bytes) -> None:
    file.write(data)
