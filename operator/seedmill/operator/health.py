"""Probes that prove work: `/healthz` (restart me when it fails) and `/readyz` (I do not keep up).

Whether a restart would help decides which: it mends a pass that hangs, never an API server that is away.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from seedmill.serving.addresses import HostPort, cannot_bind, parse_address
from seedmill.serving.errors import Misconfigured

STUCK_SECONDS = 600.0
WAITED_SECONDS = 300.0
SILENT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Signs:
    """What can be seen of an operator's work, in seconds: ages of what works, what waits, of the last answer."""

    longest_work: float
    oldest_waiting: float
    since_answer: float


def is_alive(signs: Signs) -> str | None:
    """Why not, or None."""
    if signs.longest_work > STUCK_SECONDS:
        return f"a pass over one run has taken {signs.longest_work:.0f} s"
    return None


def is_ready(signs: Signs) -> str | None:
    """Why not, or None."""
    if signs.since_answer > SILENT_SECONDS:
        return f"the API server has not answered for {signs.since_answer:.0f} s"
    if signs.oldest_waiting > WAITED_SECONDS:
        return f"a run has waited {signs.oldest_waiting:.0f} s for its pass"
    return is_alive(signs)


@asynccontextmanager
async def probes(address: str | None, look: Callable[[], Signs]) -> AsyncGenerator[None]:
    """Serve both while this is open. Raises Misconfigured when the address cannot be bound."""
    if address is None:
        yield
        return
    parsed = parse_address(address)
    if not isinstance(parsed, HostPort):
        raise Misconfigured("BadAddress", f"health address {address}: probes are served at host:port only")
    application = web.Application()
    application.router.add_get("/healthz", _answering(look, is_alive))
    application.router.add_get("/readyz", _answering(look, is_ready))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, parsed.host, parsed.port).start()
        except OSError as error:
            raise cannot_bind(address, error) from error
        yield
    finally:
        await runner.cleanup()


def _answering(
    look: Callable[[], Signs], judge: Callable[[Signs], str | None]
) -> Callable[[web.Request], Coroutine[None, None, web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        fault = judge(look())
        return web.Response(text=fault or "ok", status=503 if fault else 200)

    return answer
