"""Prometheus metrics of calls, named as go-grpc-prometheus names them, so that its dashboards work."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from prometheus_client import Counter, Histogram

from seedmill.serving.interceptors.around import Around, final_code

LABELS = ("grpc_type", "grpc_service", "grpc_method")
BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

started_total = Counter("grpc_server_started_total", "Calls that began.", LABELS)
handled_total = Counter("grpc_server_handled_total", "Calls that ended, by code.", (*LABELS, "grpc_code"))
handling_seconds = Histogram("grpc_server_handling_seconds", "Time from begin to end.", LABELS, buckets=BUCKETS_SECONDS)


class Metrics(Around):
    """Counts calls and measures how long they take."""

    @asynccontextmanager
    async def around(
        self, method: str, kind: str, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AsyncGenerator[None]:
        """Count a call's begin and end."""
        _, service, name = method.split("/")
        started_total.labels(kind, service, name).inc()
        started = time.monotonic()
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            raise
        finally:
            handled_total.labels(kind, service, name, final_code(context, error).name).inc()
            handling_seconds.labels(kind, service, name).observe(time.monotonic() - started)
