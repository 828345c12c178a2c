"""What every call of our services passes, outermost first: metrics, access log, errors, and who may call.

Health and reflection are left alone: they are gRPC's own servicers, and probes would drown the log. But who may not
call may not reflect.
"""

import grpc

from seedmill.serving.interceptors.access_log import AccessLog
from seedmill.serving.interceptors.callers import Callers
from seedmill.serving.interceptors.errors import Errors
from seedmill.serving.interceptors.metrics import Metrics

__all__ = ["all_interceptors"]


def all_interceptors(callers: frozenset[str] | None = None) -> list[grpc.aio.ServerInterceptor]:
    """In the order in which calls pass them. `callers` are who may call; None: whoever can connect."""
    return [Metrics(), AccessLog(), Errors(), *([] if callers is None else [Callers(callers)])]
