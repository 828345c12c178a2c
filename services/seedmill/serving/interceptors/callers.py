"""Who may call, by the name in the caller's certificate.

Health is told to any holder of a certificate. Reflection is not: what a service can do is for those who may call it.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import structlog

from seedmill.serving.errors import Misconfigured
from seedmill.serving.identity import peer_names
from seedmill.serving.interceptors.around import Around
from seedmill.serving.interceptors.errors import abort
from seedmill.serving.status import CALLER_NOT_ALLOWED

log = structlog.get_logger("seedmill.serving.callers")

HEALTH = "/grpc.health.v1.Health/"


class Callers(Around):
    """Refuses calls of who is not `allowed`, before anything of them is read."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed

    def concerns(self, method: str) -> bool:
        """Every method but health's, also those that are not ours."""
        return not method.startswith(HEALTH)

    @asynccontextmanager
    async def around(
        self, method: str, kind: str, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AsyncGenerator[None]:
        """Abort with PERMISSION_DENIED, or let pass."""
        names = peer_names(context)
        if not names & self._allowed:
            caller = ", ".join(sorted(names)) or "a certificate without a name of ours"
            log.warning("caller not allowed", caller=caller, method=method, peer=context.peer())
            allowed = ", ".join(sorted(self._allowed))
            await abort(context, Misconfigured(CALLER_NOT_ALLOWED, f"{caller} may not call here, only {allowed}"))
        yield
