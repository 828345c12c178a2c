"""Where artifacts live: a directory, or any S3. `open_store(uri)` gives a `Store`."""

from seedmill.storage.opening import ACCESS_VARIABLES, ENDPOINT_VARIABLE, REGION_VARIABLE, endpoint_of, open_store
from seedmill.storage.store import Entry, ObjectMissing, ReadOnlyStore, StorageError, Store, StoreAway, StoreFull

__all__ = [
    "ACCESS_VARIABLES",
    "ENDPOINT_VARIABLE",
    "REGION_VARIABLE",
    "Entry",
    "ObjectMissing",
    "ReadOnlyStore",
    "StorageError",
    "Store",
    "StoreAway",
    "StoreFull",
    "endpoint_of",
    "open_store",
]
