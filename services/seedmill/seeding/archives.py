"""Source files in tar and zip archives. Nothing is ever extracted to disk, so no name in an archive can do harm there.

An archive is read twice: first its licence files, then its sources, because the licence may stand behind them.
"""

import stat
import tarfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from seedmill.seeding.documents import Document, Skipped, document_text
from seedmill.seeding.languages import language_of_path
from seedmill.seeding.license_files import LicenseFiles
from seedmill.seeding.limits import Limits
from seedmill.seeding.reading import CorpusFile, Reading, is_unsafe_path
from seedmill.seeding.streams import Bomb, decompressed

_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)
_EXTENDED_HEADERS = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)
_ZIP_END = b"PK\x05\x06"
_ZIP64_END = b"PK\x06\x06"
_ZIP_TAIL_BYTES = 22 + 20 + 56 + 65535


class _OverlongHeader(Exception):
    """A tar header that claims more than a name can need."""


def read_tar(path: Path, file: CorpusFile, reading: Reading) -> Iterator[Document | Skipped]:
    """Documents of a `.tar`, `.tar.gz` or `.tar.zst`."""
    licenses = LicenseFiles()
    for member, data in _tar_members(path, reading.limits, LicenseFiles.is_one):
        if isinstance(data, bytes):
            licenses.add(member, data.decode("utf-8", "replace"))
    for member, data in _tar_members(path, reading.limits, lambda name: language_of_path(name) in reading.languages):
        yield _document(member, data, file, licenses, reading)


def _tar_members(path: Path, limits: Limits, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | str]]:
    """Name and bytes of each wanted regular file; instead of bytes, the reason why there are none."""

    ends: deque[bool] = deque(maxlen=1)  # whether the last block read for a header was the end of the archive

    class BoundedTarInfo(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "BoundedTarInfo":
            ends.append(not any(buf))
            info = super().frombuf(buf, encoding, errors)
            if info.type in _EXTENDED_HEADERS and info.size > limits.header_bytes:
                raise _OverlongHeader
            return info

    try:
        with (
            decompressed(path, limits) as stream,
            tarfile.open(fileobj=stream, mode="r|", tarinfo=BoundedTarInfo) as archive,
        ):
            while (member := archive.next()) is not None:
                cast("Any", archive).members.clear()  # tarfile remembers every member, which is unbounded
                if member.isdir() or not wanted(member.name):
                    continue
                if is_unsafe_path(member.name):
                    yield member.name, "unsafe_path"
                elif member.issym() or member.islnk():
                    yield member.name, "link"
                elif not member.isreg():
                    yield member.name, "special_file"
                elif member.size > limits.document_bytes:
                    yield member.name, "too_large"
                elif (content := archive.extractfile(member)) is not None:
                    yield member.name, content.read(limits.document_bytes + 1)
        if not any(ends):
            yield "", "archive_damaged"  # cut between two members, which tarfile takes for an end
    except Bomb:
        yield "", "archive_bomb"
    except (_OverlongHeader, *_DAMAGE):
        yield "", "archive_damaged"


def read_zip(path: Path, file: CorpusFile, reading: Reading) -> Iterator[Document | Skipped]:
    """Documents of a `.zip`."""
    licenses = LicenseFiles()
    for member, data in _zip_members(path, reading.limits, LicenseFiles.is_one):
        if isinstance(data, bytes):
            licenses.add(member, data.decode("utf-8", "replace"))
    for member, data in _zip_members(path, reading.limits, lambda name: language_of_path(name) in reading.languages):
        yield _document(member, data, file, licenses, reading)


def _zip_members(path: Path, limits: Limits, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | str]]:
    left = limits.expansion_cap(path.stat().st_size)
    try:
        if _directory_bytes(path) > limits.directory_bytes:
            yield "", "archive_bomb"
            return
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.is_dir() or not wanted(member.filename):
                    continue
                if reason := _zip_refusal(member, limits):
                    yield member.filename, reason
                    continue
                try:
                    with archive.open(member) as content:
                        data = content.read(limits.document_bytes + 1)
                except (*_DAMAGE, RuntimeError):
                    yield member.filename, "archive_damaged"
                    continue
                left -= len(data)
                if left < 0:
                    yield "", "archive_bomb"
                    return
                yield member.filename, data
    except _DAMAGE:
        yield "", "archive_damaged"


def _zip_refusal(member: zipfile.ZipInfo, limits: Limits) -> str:
    mode = member.external_attr >> 16
    if is_unsafe_path(member.filename):
        return "unsafe_path"
    if stat.S_ISLNK(mode):
        return "link"
    if mode and stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return "special_file"
    if member.file_size > limits.document_bytes:
        return "too_large"
    if member.flag_bits & 1:
        return "encrypted"
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}:
        return "archive_damaged"  # lzma lets the archive say how much memory to take
    return ""


def _directory_bytes(path: Path) -> int:
    """How large the central directory says it is, which `zipfile` reads whole; 0 when there is none."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _ZIP_TAIL_BYTES))
        tail = file.read()
    sizes = [0]
    if (end := tail.rfind(_ZIP_END)) >= 0:
        sizes.append(int.from_bytes(tail[end + 12 : end + 16], "little") % 0xFFFFFFFF)
    if (end64 := tail.rfind(_ZIP64_END)) >= 0:
        sizes.append(int.from_bytes(tail[end64 + 40 : end64 + 48], "little"))
    return max(sizes)


def _document(
    member: str, data: bytes | str, file: CorpusFile, licenses: LicenseFiles, reading: Reading
) -> Document | Skipped:
    path = f"{file.path}/{member}" if member else file.path
    if isinstance(data, str):
        return Skipped(data, path)
    text, reason = document_text(data, reading.limits.document_bytes)
    if reason:
        return Skipped(reason, path)
    held = reading.license_of(text, licenses.nearest(member) or file.license)
    return Document(text, path, file.project, file.version, held, language_of_path(member))
