"""Collections under way in this process: started once for each request, asked for by name.

A collection runs in a thread (it reads, hashes and waits for child processes), so the event loop stays free. A request
that is running is joined; one that ended is run again when it is started again, which is cheap where nothing has
changed, for the finished seeds are found.
"""

import asyncio
import json
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from hashlib import sha256

from seedmill.records.collection import CollectedSeeds, Collection, CollectionProgress
from seedmill.seeding.collect import Stopped, collect
from seedmill.serving.errors import InvalidRequest, Unavailable
from seedmill.serving.status import OPERATION_UNKNOWN
from seedmill.serving.store_access import StoreAccess, forget_values
from seedmill.storage import endpoint_of

_AT_ONCE = 2
_REMEMBERED = 256


class _Operation:
    """One collection: its thread's outcome, its progress, and the switch that stops it."""

    def __init__(
        self, collection: Collection, access: StoreAccess | None, threads: ThreadPoolExecutor, workers: int
    ) -> None:
        self.progress = CollectionProgress(0, 0, 0)
        self.stop = threading.Event()
        self.task = asyncio.get_running_loop().run_in_executor(
            threads, partial(collect, collection, self._report, self.stop.is_set, access=access, workers=workers)
        )
        self.task.add_done_callback(forget_values)

    def _report(self, progress: CollectionProgress) -> None:
        self.progress = progress


class Operations:
    """Made inside the event loop. `workers` is how many child processes one collection has."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="collection")
        self._known: OrderedDict[str, _Operation] = OrderedDict()

    def start(self, collection: Collection, access: StoreAccess | None = None) -> str:
        """Start the collection, or join it; returns its name, a digest of the request.

        `access` opens the store that the collection names; None: this service's environment does. A bucket's name does
        not say at which endpoint it is, so that and the account belong to the request. Its secret is no part of a name.
        """
        whose = None if access is None else [endpoint_of(access), access.get("AWS_ACCESS_KEY_ID")]
        request = [asdict(collection), whose]
        name = sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        operation = self._known.get(name)
        if operation is None or operation.task.done():
            self._known[name] = _Operation(collection, access, self._threads, self._workers)
        self._known.move_to_end(name)
        self._forget_old()
        return name

    def get(self, name: str) -> tuple[CollectionProgress, CollectedSeeds | None]:
        """Progress, and the result once there is one. Raises what the collection raised; InvalidRequest if unknown."""
        operation = self._known.get(name)
        if operation is None:
            raise InvalidRequest(OPERATION_UNKNOWN, f"no collection {name[:12]} here; start it again")
        if not operation.task.done():
            return operation.progress, None
        try:
            return operation.progress, operation.task.result()
        except (Stopped, asyncio.CancelledError):
            raise Unavailable(
                "ServiceStopping", "the seeding service is stopping; start the collection again"
            ) from None

    async def close(self) -> None:
        """Stop all collections and wait for them."""
        for operation in self._known.values():
            operation.stop.set()
        tasks = [operation.task for operation in self._known.values()]
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget_old(self) -> None:
        ended = [name for name, operation in self._known.items() if operation.task.done()]
        for name in ended[: max(0, len(self._known) - _REMEMBERED)]:
            del self._known[name]
