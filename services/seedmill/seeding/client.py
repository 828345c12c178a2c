"""The seeding service as its callers see it (`pipeline/ports.py`, `Seeding`). Protobuf and gRPC stay in this file."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc

from seedmill.records.collection import CollectedSeeds, Collection, CollectionProgress
from seedmill.records.seed import SeedKind
from seedmill.serving.channel import Channels
from seedmill.serving.errors import InvalidRequest, Unavailable
from seedmill.serving.status import OPERATION_UNKNOWN, from_rpc_error
from seedmill.serving.store_access import Metadata, StoreAccess, store_metadata
from seedmill.v1alpha1 import seeding_pb2 as pb
from seedmill.v1alpha1 import seeding_pb2_grpc as pb_grpc

_KINDS = {SeedKind.SNIPPET: pb.SEED_KIND_SNIPPET, SeedKind.FUNCTION: pb.SEED_KIND_FUNCTION}
_CALL_SECONDS = 10.0
_FIRST_POLL_SECONDS = 0.05
_LONGEST_POLL_SECONDS = 1.0
_RESTARTS = 5


class SeedingClient:
    """Collects through any of the service's replicas."""

    def __init__(self, channels: Channels, access: StoreAccess | None = None) -> None:
        """`access`: to the run's own store; None where it has the release's. Raises Misconfigured: not to be sent."""
        self._channels = channels
        self._metadata = store_metadata(channels, access)

    async def collect(self, collection: Collection, progress: Callable[[CollectionProgress], None]) -> CollectedSeeds:
        """Start the collection on one replica and follow it; when that replica is gone, start it on another.

        Raises Unavailable after several replicas were lost in a row: wait and call again, what is finished is found.
        """
        lost = 0
        while True:
            # The operation lives in the process that began it, so its calls go to one replica.
            stub: Any = pb_grpc.SeedingServiceStub(self._channels.pick())
            try:
                return await _followed(stub, collection, progress, self._metadata)
            except (Unavailable, InvalidRequest) as error:
                replica_lost = isinstance(error, Unavailable) or error.reason == OPERATION_UNKNOWN
                lost += 1
                if not replica_lost or lost > _RESTARTS:
                    raise
            await asyncio.sleep(_FIRST_POLL_SECONDS * 2**lost)


async def _followed(
    stub: Any, collection: Collection, progress: Callable[[CollectionProgress], None], metadata: Metadata
) -> CollectedSeeds:
    pause_seconds = _FIRST_POLL_SECONDS
    try:
        started = await stub.StartCollection(
            pb.StartCollectionRequest(collection=_message(collection)), timeout=_CALL_SECONDS, metadata=metadata
        )
        while True:
            answer = await stub.GetCollection(
                pb.GetCollectionRequest(operation=started.operation), timeout=_CALL_SECONDS
            )
            progress(CollectionProgress(answer.files_read, answer.files_total, answer.seeds))
            if answer.HasField("result"):
                result = answer.result
                return CollectedSeeds(result.prefix, result.digest, result.count, dict(result.skipped))
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(1.5 * pause_seconds, _LONGEST_POLL_SECONDS)
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None


def _message(collection: Collection) -> pb.Collection:
    return pb.Collection(
        store_uri=collection.store_uri,
        corpus_uri=collection.corpus_uri,
        kind=_KINDS[collection.kind],
        languages=[pb.LanguageQuota(language=each.language, max_seeds=each.max_seeds) for each in collection.languages],
        allowed_licenses=collection.allowed_licenses,
        allow_unknown_license=collection.allow_unknown_license,
        corpus_license=collection.corpus_license,
        text_field=collection.text_field,
        max_lines=collection.max_lines,
        random_seed=collection.random_seed,
        require_doctests=collection.require_doctests,
        self_oss_filters=collection.self_oss_filters,
        max_files=collection.max_files,
        decontaminate=collection.decontaminate,
    )
