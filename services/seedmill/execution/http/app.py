"""Routes, errors and the server of the HTTP interface.

It takes JSON only, so that a page in somebody's browser cannot post to it without being asked, and it listens on
loopback addresses only, unless it is told that others may reach it: whoever does may run programs.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from seedmill.execution.http import run_code, submit
from seedmill.execution.http.settings import HttpSettings
from seedmill.execution.pool import Pool
from seedmill.serving.errors import Busy, InvalidRequest, Misconfigured, ServiceError, Unavailable

LARGEST_REQUEST_BYTES = 32 << 20
T = TypeVar("T", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpServer:
    """Serves a pool. Raises Misconfigured at `start` when the address cannot be had."""

    def __init__(self, settings: HttpSettings, pool: Pool) -> None:
        self._address = settings.checked()
        self._runner = web.AppRunner(application(pool), access_log=None, handler_cancellation=True)
        self.port = 0

    async def start(self) -> None:
        """Begin to answer; `port` is then the one it has."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._address.host, self._address.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise Misconfigured("AddressInUse", f"--http-address {self._address}: {error.strerror or error}") from error
        self.port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Answer no more."""
        await self._runner.cleanup()


def application(pool: Pool) -> web.Application:
    """The routes, before this pool."""
    pod = os.environ.get("MY_POD_NAME") or os.environ.get("POD_NAME")

    async def run(request: web.Request) -> web.Response:
        wanted = await _body(request, run_code.RunCodeRequest)
        if problem := run_code.problem_of(wanted):
            return web.json_response(run_code.response("SandboxError", problem, None, pod=pod))
        return web.json_response(run_code.answer(await pool.run_script(run_code.script_of(wanted)), pod))

    async def judge(request: web.Request) -> web.Response:
        wanted = await _body(request, submit.SubmitRequest)
        submission = submit.submission_of(wanted, pool.isolations[0])
        verdict = await pool.run(submission.program)
        return web.json_response(submit.answer(wanted, submission, verdict, pod))

    async def ping(_: web.Request) -> web.Response:
        return web.json_response("pong")

    made = web.Application(client_max_size=LARGEST_REQUEST_BYTES, middlewares=[_errors])
    made.add_routes([web.post("/run_code", run), web.post("/submit", judge), web.get("/v1/ping", ping)])
    return made


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One sentence in `detail`, whatever is wrong."""
    try:
        return await handler(request)
    except InvalidRequest as error:
        return _refused(400, error)
    except Busy as busy:
        refused = _refused(429, busy)
        refused.headers["Retry-After"] = str(max(1, round(busy.retry_after_seconds)))
        return refused
    except Unavailable as error:
        return _refused(503, error)
    except ServiceError as error:
        return _refused(500, error)
    except web.HTTPRequestEntityTooLarge:
        return _detail(413, f"a request may have {LARGEST_REQUEST_BYTES >> 20} MiB")
    except web.HTTPException as error:
        known = "there are POST /run_code and POST /submit"
        return _detail(error.status, f"{request.method} {request.path}: {error.reason}; {known}")


async def _body(request: web.Request, kind: type[T]) -> T:
    """Raises InvalidRequest."""
    if request.content_type != "application/json":
        raise InvalidRequest("NoJson", "the request must have Content-Type: application/json")
    try:
        return kind.model_validate_json(await request.read())
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest("BadRequest", f"{where or 'the request'}: {first['msg']}") from None


def _refused(status: int, error: ServiceError) -> web.Response:
    return _detail(status, f"{error.reason}: {error.message}")


def _detail(status: int, text: str) -> web.Response:
    return web.json_response({"detail": text}, status=status)
