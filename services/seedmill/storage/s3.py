"""Artifacts in an S3 bucket, below a prefix, through `minio`.

Requests that meet connection trouble, 5xx or SlowDown are sent again for a bounded time (`stamina`: growing pauses with
jitter); what still fails then is a StorageError, and the caller decides how long to be patient. The client's own
connection pool does not retry: two such loops, one in the other, multiply.

An S3 PUT is atomic and durable when it is answered. Files of more than one part are multipart uploads, which become
visible whole; one whose writer died costs space until the bucket's lifecycle rule removes it (docs/storage.md).
"""

import io
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

import stamina
import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.datatypes import Object
from minio.error import MinioException
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from seedmill.storage.keys import check_key
from seedmill.storage.local_files import as_storage_error as as_local_error
from seedmill.storage.local_files import write_whole
from seedmill.storage.s3_errors import as_storage_error, passes_by_itself
from seedmill.storage.store import Entry, ObjectMissing

_PART_BYTES, _PARTS_AT_A_TIME = 8 << 20, 1
"""Of larger objects, which may have 10,000 parts: each is held in memory."""
_PAGE = 1000
_COPY_BYTES = 1 << 20
_CONNECT_SECONDS = 5.0
_READ_SECONDS = 60.0
_CONNECTIONS = 64

T = TypeVar("T")

_log = logging.getLogger("seedmill.storage")


def _log_retry(details: RetryDetails) -> None:
    _log.info("S3 request failed, again in %.1f s: %s", details.wait_for, details.caused_by)


# stamina's own hooks write through structlog, which prints to stdout where nobody configured it: there go the answers
# of `--json`.
set_on_retry_hooks([_log_retry])


def new_pool(ca_file: str) -> urllib3.PoolManager:
    """Connections for one client: with timeouts, with certificates checked, without retries or redirects."""
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
        maxsize=_CONNECTIONS,
        retries=False,
        cert_reqs="CERT_REQUIRED",
        ca_certs=ca_file,
    )


def _entry(found: Object) -> Entry:
    modified = 0.0 if found.last_modified is None else found.last_modified.timestamp()
    return Entry(found.object_name or "", found.size or 0, found.etag or "", modified)


class S3Store:
    """A `Store` under s3://bucket/prefix.

    `endpoint` is named in errors; `patience_seconds` is how long one operation is tried again at most.
    """

    def __init__(
        self, client: Minio, bucket: str, prefix: str, endpoint: str, *, patience_seconds: float = 15.0
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""
        self._endpoint = endpoint
        self._patience_seconds = patience_seconds

    @property
    def uri(self) -> str:
        return f"s3://{self._bucket}/{self._root}".rstrip("/")

    def put(self, key: str, data: bytes) -> None:
        name = self._name(key)

        def send() -> None:
            self._client.put_object(
                self._bucket,
                name,
                io.BytesIO(data),
                len(data),
                part_size=_PART_BYTES,
                num_parallel_uploads=_PARTS_AT_A_TIME,
            )

        self._call(send, f"writing {self.uri}/{key}", writing=True)

    def put_file(self, key: str, path: Path) -> None:
        name = self._name(key)

        def send() -> None:
            self._client.fput_object(
                self._bucket, name, str(path), part_size=_PART_BYTES, num_parallel_uploads=_PARTS_AT_A_TIME
            )

        try:
            self._call(send, f"writing {self.uri}/{key}", writing=True)
        except OSError as error:
            raise as_local_error(error, path, writing=False) from error

    def get(self, key: str) -> bytes:
        name = self._name(key)

        def receive() -> bytes:
            response = self._client.get_object(self._bucket, name)
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

        return self._call(receive, f"reading {self.uri}/{key}")

    def get_file(self, key: str, path: Path) -> None:
        name = self._name(key)

        def fill(file: BinaryIO) -> None:
            response = self._client.get_object(self._bucket, name)
            try:
                shutil.copyfileobj(response, file, _COPY_BYTES)
            finally:
                response.close()
                response.release_conn()

        try:
            self._call(lambda: write_whole(path, fill, durable=False), f"reading {self.uri}/{key}")
        except OSError as error:
            raise as_local_error(error, path, writing=True) from error

    def exists(self, key: str) -> bool:
        name = self._name(key)
        try:
            self._call(lambda: self._client.stat_object(self._bucket, name), f"looking for {self.uri}/{key}")
        except ObjectMissing:
            return False
        return True

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        folder, _, _ = prefix.rpartition("/")
        if folder:
            check_key(folder)
        return self._pages(prefix, self._root + after if after else None)

    def copy(self, source: str, target: str) -> None:
        name, source_name = self._name(target), self._name(source)

        def send() -> None:
            self._client.copy_object(self._bucket, name, CopySource(self._bucket, source_name))

        self._call(send, f"copying {self.uri}/{source} to {target}", writing=True)

    def delete(self, key: str) -> None:
        name = self._name(key)
        try:
            self._call(
                lambda: self._client.remove_object(self._bucket, name), f"deleting {self.uri}/{key}", writing=True
            )
        except ObjectMissing:
            return

    def _name(self, key: str) -> str:
        return self._root + check_key(key)

    def _pages(self, prefix: str, after: str | None) -> Iterator[Entry]:
        """One request a page, each tried again by itself, so that a long listing survives trouble in the middle.

        `after` is a name as the server has them.
        """
        while True:
            page = self._call(lambda after=after: self._page(prefix, after), f"listing {self.uri}/{prefix}")
            for entry in page:
                if not entry.key.endswith("/"):  # folder markers that other tools leave
                    yield replace(entry, key=entry.key.removeprefix(self._root))
            if len(page) < _PAGE:
                return
            after = page[-1].key

    def _page(self, prefix: str, after: str | None) -> Sequence[Entry]:
        """Names as the server has them, with our prefix."""
        objects = self._client.list_objects(self._bucket, prefix=self._root + prefix, recursive=True, start_after=after)
        return [_entry(each) for each in islice(objects, _PAGE)]

    def _call(self, request: Callable[[], T], tried: str, *, writing: bool = False) -> T:
        """Send until it is answered or refused, or patience ends. Raises StorageError, and OSError of local files."""
        try:
            for attempt in stamina.retry_context(
                on=passes_by_itself, attempts=None, timeout=self._patience_seconds, wait_max=5.0, wait_jitter=0.5
            ):
                with attempt:
                    return request()
        except (MinioException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise as_storage_error(
                error, tried, writing=writing, bucket=self._bucket, endpoint=self._endpoint
            ) from error
        raise AssertionError("stamina ends with a result or an error")
