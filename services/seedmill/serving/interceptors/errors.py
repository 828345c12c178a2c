"""Our errors become statuses that say what to do; anything else becomes INTERNAL and a log line.

grpc would send the text of an uncaught exception to the caller: paths, queries, keys. So this is a security control.
"""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import structlog
from grpc_status import rpc_status

from seedmill.serving.errors import ServiceError
from seedmill.serving.interceptors.around import Around
from seedmill.serving.status import INTERNAL_ERROR, to_rpc_status

log = structlog.get_logger("seedmill.serving.errors")


class Errors(Around):
    """Maps what a handler raises."""

    @asynccontextmanager
    async def around(
        self, method: str, kind: str, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AsyncGenerator[None]:
        """Abort the call with the status of what is raised inside."""
        try:
            yield
        except grpc.aio.AbortError:
            raise
        except ServiceError as error:
            await abort(context, error)
        except Exception:
            trace = secrets.token_hex(8)
            log.exception("internal error", method=method, trace=trace)
            hidden = ServiceError(INTERNAL_ERROR, f"internal error (trace {trace}); the service's log has the cause")
            await abort(context, hidden)


async def abort(context: Any, error: ServiceError) -> None:
    """End the call with the status that this error means."""
    await context.abort_with_status(rpc_status.to_status(to_rpc_status(error)))
