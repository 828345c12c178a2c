"""Where `seedmill run` keeps things, and that only one process at a time works on a run."""

import errno
import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from seedmill.records.run_file import run_prefix
from seedmill.serving.errors import Misconfigured
from seedmill.spec.digest import spec_digest
from seedmill.spec.model import DatasetGeneration
from seedmill.storage import Store


def prefix_of(generation: DatasetGeneration) -> str:
    """The run's key prefix in the store."""
    from seedmill.pipeline.preparation import DEFAULT_NAMESPACE

    namespace = generation.metadata.namespace or DEFAULT_NAMESPACE
    return run_prefix(namespace, generation.metadata.name, spec_digest(generation))


def corpus_uri(generation: DatasetGeneration, file: Path) -> str:
    """The corpus as an absolute URI: relative paths are relative to the file that names them."""
    corpus = generation.spec.seeds.corpus
    uri = "" if corpus is None else corpus.uri
    if ":" in uri.split("/", 1)[0] or not uri:
        return uri
    return str((file.parent / Path(uri).expanduser()).resolve())


@contextmanager
def only_process(store: Store, prefix: str) -> Generator[None]:
    """Hold the run's lock. Raises Misconfigured when another process of this machine works on it.

    A store that is not a directory has no lock: there the journal's attempts see to it.
    """
    if store.uri.startswith("s3://"):
        yield
        return
    path = Path(store.uri) / prefix / ".lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        mend = "make room there" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "make it a folder you can write"
        raise Misconfigured(
            "WorkdirNotWritable", f"{path.parent}: {error.strerror}; {mend}, or give another --workdir"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Misconfigured(
                "RunInUse", f"another process is working on {path.parent}; wait for it, or stop it"
            ) from error
        yield
    finally:
        os.close(handle)


def log_folder(store: Store, prefix: str) -> Path:
    """Where the services of a run on this machine write their logs: beside the run, or in the cache for S3."""
    if store.uri.startswith("s3://"):
        cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
        return cache / "seedmill" / "logs" / prefix.replace("/", "_")
    return Path(store.uri) / prefix / "logs"
