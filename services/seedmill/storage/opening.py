"""From a URI to a store. Only here are the environment's S3 settings read."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from seedmill.storage.directory import DirectoryStore
from seedmill.storage.keys import check_key
from seedmill.storage.store import StorageError, Store

ENDPOINT_VARIABLE = "SEEDMILL_S3_ENDPOINT"
REGION_VARIABLE = "AWS_REGION"

_ENDPOINT_VARIABLES = (ENDPOINT_VARIABLE, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")

ACCESS_VARIABLES = (
    *_ENDPOINT_VARIABLES,
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    REGION_VARIABLE,
)
"""What an S3 store is opened with, by the names of environment variables."""


def endpoint_of(environment: Mapping[str, str]) -> str:
    """The S3 endpoint that `open_store` takes from it; empty when there is none."""
    return next((environment[name] for name in _ENDPOINT_VARIABLES if environment.get(name)), "")


def open_store(uri: str | Path, environment: Mapping[str, str] | None = None) -> Store:
    """The store at a path (absolute, relative, ~/…), a file:// URI, or s3://bucket/prefix.

    Nothing is contacted or made yet. S3 takes its endpoint, keys and region from `environment` (os.environ when left
    out): SEEDMILL_S3_ENDPOINT or AWS_ENDPOINT_URL(_S3), AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
    AWS_REGION. Whom to trust is this process' own affair: SSL_CERT_FILE is always read from os.environ. Raises
    StorageError that names everything that is missing.
    """
    text = str(uri)
    scheme, separator, _ = text.partition("://")
    if not separator:
        if not text:
            raise StorageError("the store's URI is empty; give a directory, or s3://bucket/prefix")
        return DirectoryStore(Path(os.path.abspath(Path(text).expanduser())))
    match scheme:
        case "file":
            return _open_file_uri(text)
        case "s3":
            return _open_s3(text, os.environ if environment is None else environment)
        case _:
            raise StorageError(f"{text}: there is no store for {scheme}://; give a directory, or s3://bucket/prefix")


def _open_file_uri(uri: str) -> DirectoryStore:
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise StorageError(
            f"{uri}: a file URI needs three slashes and an absolute path, as in file:///var/lib/seedmill"
        )
    return DirectoryStore(Path(os.path.abspath(unquote(parts.path))))


def _open_s3(uri: str, environment: Mapping[str, str]) -> Store:
    # Imported here: it takes a fifth of a second, and most commands and services of a laptop never meet S3.
    import certifi
    from minio import Minio

    from seedmill.storage.s3 import S3Store, new_pool

    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    prefix = prefix.strip("/")
    if not 3 <= len(bucket) <= 63:
        raise StorageError(f"{uri}: a bucket name has 3 to 63 characters, as in s3://datasets/team-a")
    if prefix:
        try:
            check_key(prefix)
        except ValueError as error:
            raise StorageError(f"{uri}: {error}") from error
    endpoint = endpoint_of(environment)
    access_key, secret_key = environment.get("AWS_ACCESS_KEY_ID", ""), environment.get("AWS_SECRET_ACCESS_KEY", "")
    given = {
        "SEEDMILL_S3_ENDPOINT (or AWS_ENDPOINT_URL), as in https://s3.eu-central-1.amazonaws.com": endpoint,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
    }
    if missing := [name for name, value in given.items() if not value]:
        raise StorageError(f"{uri}: not set in the environment: {'; '.join(missing)}")
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise StorageError(f"{uri}: S3 endpoint {endpoint!r} must be http://host:port or https://host, without a path")
    try:
        client = Minio(
            parts.netloc,
            access_key=access_key,
            secret_key=secret_key,
            session_token=environment.get("AWS_SESSION_TOKEN") or None,
            secure=parts.scheme == "https",
            region=environment.get(REGION_VARIABLE) or None,
            http_client=new_pool(os.environ.get("SSL_CERT_FILE") or certifi.where()),
        )
    except ValueError as error:
        raise StorageError(f"{uri}: S3 endpoint {endpoint!r}: {error}") from error
    return S3Store(client, bucket, prefix, f"{parts.scheme}://{parts.netloc}")
