"""What every call of our services passes, outermost first: metrics, access log, errors.

Health and reflection are left alone: they are gRPC's own servicers, and probes would drown the log.
"""

import grpc

from seedmill.serving.interceptors.access_log import AccessLog
from seedmill.serving.interceptors.errors import Errors
from seedmill.serving.interceptors.metrics import Metrics

__all__ = ["all_interceptors"]


def all_interceptors() -> list[grpc.aio.ServerInterceptor]:
    """In the order in which calls pass them."""
    return [Metrics(), AccessLog(), Errors()]
