"""A store in memory, with faults on demand. It passes the storage contract; real stores are tested beside it."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from seedmill.storage.keys import check_key
from seedmill.storage.store import Entry, ObjectMissing


class MemoryStore:
    """`before_put` is called with each key first: raise a StorageError there, or wait."""

    def __init__(self, before_put: Callable[[str], None] = lambda key: None) -> None:
        self.objects: dict[str, bytes] = {}
        self.written: defaultdict[str, float] = defaultdict(float)
        self.before_put = before_put
        self._lock = threading.Lock()

    @property
    def uri(self) -> str:
        return "memory:"

    def put(self, key: str, data: bytes) -> None:
        self.before_put(check_key(key))
        with self._lock:
            self.objects[key] = bytes(data)
            self.written[key] = time.time()

    def put_file(self, key: str, path: Path) -> None:
        self.put(key, path.read_bytes())

    def get(self, key: str) -> bytes:
        with self._lock:
            if check_key(key) not in self.objects:
                raise ObjectMissing(f"memory: no object {key}")
            return self.objects[key]

    def get_file(self, key: str, path: Path) -> None:
        data = self.get(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def exists(self, key: str) -> bool:
        with self._lock:
            return check_key(key) in self.objects

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        with self._lock:
            found = [
                Entry(key, len(data), sha256(data).hexdigest(), self.written[key])
                for key, data in self.objects.items()
                if key.startswith(prefix) and key > after
            ]
        yield from sorted(found, key=lambda entry: entry.key.encode())

    def copy(self, source: str, target: str) -> None:
        self.put(target, self.get(source))

    def delete(self, key: str) -> None:
        with self._lock:
            self.objects.pop(check_key(key), None)


class _Cut(Exception):
    """The process is gone."""


def ends_within(store: MemoryStore, deletions: int, work: Callable[[], object]) -> bool:
    """Whether the work ends with so many deletions; at the next one its process is gone."""
    left = iter(range(deletions))

    def deleting(key: str) -> None:
        if next(left, None) is None:
            raise _Cut
        store.objects.pop(key, None)

    store.delete = deleting
    try:
        work()
    except _Cut:
        return False
    finally:
        del store.delete
    return True
