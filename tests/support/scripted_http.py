"""A server of the model's API that plays a script: what it answers is said by the test, request by request."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from support.loopback import on_loopback

MODEL = "served"
Reply = web.StreamResponse | None
"""None breaks the connection."""


def reply(body: Any = None, status: int = 200, **headers: str) -> web.Response:
    """A response of JSON, or of text when `body` is bytes or str."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else orjson.dumps(body)
    return web.Response(body=raw, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def completion(text: str = "fine", finish: str | None = "stop", **more: Any) -> web.Response:
    """A good answer of both routes."""
    choice = {"index": 0, "text": text, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = {"prompt_tokens": 5, "completion_tokens": 3}
    return reply({"model": MODEL, "choices": [choice], "usage": usage, **more})


def refusal(status: int, message: str = "no", **headers: str) -> web.Response:
    """An error as OpenAI writes it."""
    return reply({"error": {"message": message}}, status, **headers)


@dataclass
class ScriptedServer:
    """`answer(body, number)` gives the reply to the completion request of that number, from 0.

    `asked` holds the bodies of all requests, `in_flight` and `most_in_flight` count, `dropped` counts requests whose
    client went away.
    """

    answer: Callable[[dict[str, Any], int], Reply | Awaitable[Reply]] = lambda body, number: completion()
    models: Callable[[], web.Response] = lambda: reply({"data": [{"id": MODEL}]})
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    dropped: int = 0

    async def list_models(self, request: web.Request) -> web.Response:
        self.headers.append(request.headers.copy())
        return self.models()

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        self.headers.append(request.headers.copy())
        self.asked.append(body)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            given = self.answer(body, len(self.asked) - 1)
            answer = given if isinstance(given, web.StreamResponse) or given is None else await given
        except asyncio.CancelledError:
            self.dropped += 1
            raise
        finally:
            self.in_flight -= 1
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer


@asynccontextmanager
async def serving(script: ScriptedServer, port: int = 0) -> AsyncGenerator[ScriptedServer]:
    """Serve the script on a loopback port, in this loop."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_get("/v1/models", script.list_models)
    app.router.add_post("/v1/chat/completions", script.complete)
    app.router.add_post("/v1/completions", script.complete)
    async with on_loopback(app, port) as url:
        script.url = f"{url}/v1"
        yield script
