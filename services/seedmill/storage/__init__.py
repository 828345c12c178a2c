"""Where artifacts live: a directory, or any S3. `open_store(uri)` gives a `Store`."""

from seedmill.storage.opening import ACCESS_VARIABLES, open_store
from seedmill.storage.store import Entry, ObjectMissing, ReadOnlyStore, StorageError, Store, StoreAway, StoreFull

__all__ = [
    "ACCESS_VARIABLES",
    "Entry",
    "ObjectMissing",
    "ReadOnlyStore",
    "StorageError",
    "Store",
    "StoreAway",
    "StoreFull",
    "open_store",
]
