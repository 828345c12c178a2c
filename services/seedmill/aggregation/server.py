"""The AggregationService: publications as operations. Protobuf stays in this file."""

from decimal import Decimal, InvalidOperation
from typing import Any

import grpc

from seedmill.aggregation.operations import Operations, Place
from seedmill.records.publication import End, Limits, Price
from seedmill.serving.errors import InvalidRequest
from seedmill.serving.server import Service
from seedmill.serving.store_access import store_access
from seedmill.v1alpha1 import aggregation_pb2 as pb
from seedmill.v1alpha1 import aggregation_pb2_grpc as pb_grpc

Context = grpc.aio.ServicerContext[Any, Any]


def service() -> Service:
    """The service, to be served."""
    servicer = _Servicer()
    return Service("aggregation", servicer.register, stop=servicer.close)


class _Servicer(pb_grpc.AggregationServiceServicer):
    def __init__(self) -> None:
        self._operations = Operations()

    def register(self, server: grpc.aio.Server) -> None:
        pb_grpc.add_AggregationServiceServicer_to_server(self, server)

    async def close(self) -> None:
        await self._operations.close()

    async def StartPublication(
        self, request: pb.StartPublicationRequest, context: Context
    ) -> pb.StartPublicationResponse:
        limits, end = _limits(request.limits)
        where = Place(request.store_uri, request.run_prefix, store_access(context))
        name = self._operations.start(request.request_id, where, limits, end)
        return pb.StartPublicationResponse(operation=name)

    async def GetPublication(self, request: pb.GetPublicationRequest, context: Context) -> pb.GetPublicationResponse:
        published = self._operations.get(request.operation)
        if published is None:
            return pb.GetPublicationResponse()
        return pb.GetPublicationResponse(
            result=pb.PublicationResult(
                publication_prefix=published.prefix,
                dataset_prefix=published.dataset_prefix,
                dataset_digest=published.dataset_digest,
                rows=published.rows,
            )
        )


def _limits(message: pb.Limits) -> tuple[Limits, End]:
    try:
        price = Price(Decimal(message.price_input), Decimal(message.price_output)) if message.price_input else None
        limits = Limits(
            accepted_samples=message.accepted_samples,
            max_candidates=message.max_candidates,
            max_tokens=message.max_tokens or None,
            max_cost=Decimal(message.max_cost) if message.max_cost else None,
            price=price,
        )
        return limits, End(message.end)
    except (InvalidOperation, ValueError) as error:
        raise InvalidRequest("BadLimits", f"limits cannot be read: {error}") from error
