"""The aggregation service as its callers see it (`pipeline/ports.py`, `Aggregation`). Protobuf stays in this file."""

import asyncio
import secrets
from typing import Any

import grpc

from seedmill.records.publication import End, Limits, Publication
from seedmill.serving.channel import Channels
from seedmill.serving.errors import InvalidRequest, Unavailable
from seedmill.serving.status import OPERATION_UNKNOWN, from_rpc_error
from seedmill.serving.store_access import Metadata, StoreAccess, store_metadata
from seedmill.v1alpha1 import aggregation_pb2 as pb
from seedmill.v1alpha1 import aggregation_pb2_grpc as pb_grpc

_CALL_SECONDS = 10.0
_FIRST_POLL_SECONDS = 0.05
_LONGEST_POLL_SECONDS = 1.0


class AggregationClient:
    """Publishes through any of the service's replicas."""

    def __init__(self, channels: Channels, access: StoreAccess | None = None) -> None:
        """`access`: to the run's own store; None where it has the release's. Raises Misconfigured: not to be sent."""
        self._channels = channels
        self._metadata = store_metadata(channels, access)

    async def publish(self, store_uri: str, run_prefix: str, limits: Limits, end: End) -> Publication:
        """Start the publication on one replica and follow it.

        Raises Unavailable when that replica is gone (publishing again is safe: what it left is found or overwritten),
        InvalidRequest when it can never work.
        """
        stub: Any = pb_grpc.AggregationServiceStub(self._channels.pick())
        request = pb.StartPublicationRequest(
            store_uri=store_uri, run_prefix=run_prefix, limits=_message(limits, end), request_id=secrets.token_hex(8)
        )
        try:
            return await _followed(stub, request, self._metadata)
        except InvalidRequest as error:
            if error.reason == OPERATION_UNKNOWN:
                raise Unavailable("ReplicaLost", "the aggregation service was restarted while it published") from error
            raise


async def _followed(stub: Any, request: pb.StartPublicationRequest, metadata: Metadata) -> Publication:
    pause_seconds = _FIRST_POLL_SECONDS
    try:
        started = await stub.StartPublication(request, timeout=_CALL_SECONDS, metadata=metadata)
        while True:
            asked = pb.GetPublicationRequest(operation=started.operation)
            answer = await stub.GetPublication(asked, timeout=_CALL_SECONDS)
            if answer.HasField("result"):
                result = answer.result
                return Publication(
                    result.publication_prefix, result.dataset_prefix, result.dataset_digest, result.rows
                )  # fmt: skip
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(1.5 * pause_seconds, _LONGEST_POLL_SECONDS)
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None


def _message(limits: Limits, end: End) -> pb.Limits:
    return pb.Limits(
        accepted_samples=limits.accepted_samples,
        max_candidates=limits.max_candidates,
        max_tokens=limits.max_tokens or 0,
        max_cost="" if limits.max_cost is None else str(limits.max_cost),
        price_input="" if limits.price is None else str(limits.price.input),
        price_output="" if limits.price is None else str(limits.price.output),
        end=end.value,
    )
