"""Health (`grpc.health.v1`) and reflection: what probes, load balancers and `grpcurl` ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass(slots=True)
class Readiness:
    """Whether a server's health is SERVING, for who asks in another way than by gRPC, from any thread."""

    serving: bool = False


class Health:
    """The health of one server: NOT_SERVING until `serving`, while it is `away`, and for good after `draining`."""

    def __init__(self, server: grpc.aio.Server, services: Sequence[str], readiness: Readiness) -> None:
        self._readiness = readiness
        self._servicer: Any = cast(Any, health).aio.HealthServicer()
        self._services = ["", *services]
        self._draining = False
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)
        reflection.enable_server_reflection([*services, health.SERVICE_NAME, reflection.SERVICE_NAME], server)

    async def starting(self) -> None:
        """Every service is known, none serves."""
        for service in self._services:
            await self._servicer.set(service, NOT_SERVING)

    async def serving(self) -> None:
        """Every service serves. Nothing once it is draining."""
        if self._draining:
            return
        for service in self._services:
            await self._servicer.set(service, SERVING)
        self._readiness.serving = True

    async def away(self) -> None:
        """For now no service can do its work."""
        self._readiness.serving = False
        for service in self._services:
            await self._servicer.set(service, NOT_SERVING)

    async def draining(self) -> None:
        """No service will serve again; watchers are told."""
        self._readiness.serving = False
        self._draining = True
        await self._servicer.enter_graceful_shutdown()
