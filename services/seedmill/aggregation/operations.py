"""Publications under way in this process, by the digest of their request. Each runs in a thread of its own pool."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from seedmill.aggregation.publish import publish
from seedmill.records.journal import digest_of
from seedmill.records.publication import End, Limits, Publication
from seedmill.serving.errors import InvalidRequest, Unavailable
from seedmill.serving.status import OPERATION_UNKNOWN
from seedmill.serving.store_access import StoreAccess, forget_values
from seedmill.storage import StorageError, endpoint_of, open_store

_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run lies. `access` opens a store of its own; None: this service's environment does."""

    store_uri: str
    run_prefix: str
    access: StoreAccess | None = field(default=None, repr=False)


class Operations:
    """Made inside the event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="publication")
        self._known: dict[str, asyncio.Future[Publication]] = {}

    def start(self, request_id: str, where: Place, limits: Limits, end: End) -> str:
        """Start the publication, or join the one with the same request; returns its name."""
        endpoint = None if where.access is None else endpoint_of(where.access)
        name = digest_of([request_id, where.store_uri, endpoint, where.run_prefix, limits.to_json(), end])
        if name not in self._known:
            work = partial(_publish, where, limits, end)
            self._known[name] = asyncio.get_running_loop().run_in_executor(self._threads, work)
            self._known[name].add_done_callback(forget_values)
        return name

    def get(self, name: str) -> Publication | None:
        """The result, None while it is under way. Raises what publishing raised; InvalidRequest if it is unknown."""
        operation = self._known.get(name)
        if operation is None:
            raise InvalidRequest(OPERATION_UNKNOWN, f"no publication {name} here; start it again")
        return operation.result() if operation.done() else None

    async def close(self) -> None:
        """Wait for what is under way: a publication that was begun is cheap to finish."""
        await asyncio.gather(*self._known.values(), return_exceptions=True)
        self._threads.shutdown(wait=False)


def _publish(where: Place, limits: Limits, end: End) -> Publication:
    try:
        return publish(open_store(where.store_uri, where.access), where.run_prefix, limits, end)
    except StorageError as error:
        raise Unavailable("StoreUnavailable", str(error)) from error
    except OSError as error:
        raise Unavailable("NoScratchSpace", f"the dataset cannot be written on this machine: {error}") from error
