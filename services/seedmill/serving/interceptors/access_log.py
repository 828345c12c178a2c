"""One line for each call, once it ended: method, code, seconds. Never metadata, never contents."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import structlog

from seedmill.serving.interceptors.around import Around, final_code

log = structlog.get_logger("seedmill.serving.access")

UNREMARKABLE = {grpc.StatusCode.OK, grpc.StatusCode.CANCELLED}


class AccessLog(Around):
    """Calls that ended as they should are logged at level debug, the others as warnings."""

    @asynccontextmanager
    async def around(
        self, method: str, kind: str, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AsyncGenerator[None]:
        """Measure a call and log it."""
        started = time.monotonic()
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            raise
        finally:
            code = final_code(context, error)
            write = log.debug if code in UNREMARKABLE else log.warning
            details = context.details() if code not in UNREMARKABLE else ""
            write(
                "call",
                method=method,
                code=code.name,
                details=details.decode(errors="replace") if isinstance(details, bytes) else details,
                seconds=round(time.monotonic() - started, 4),
            )
