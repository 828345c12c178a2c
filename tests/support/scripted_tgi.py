"""A Text Generation Inference server that plays a script: its routes, its shapes, its refusals, its errors.

`/` is the route that its client asks, whole or as a stream of events; `/v1/chat/completions` is for chats; `/info` says
what is served. A text's "tokens" are its words, and what is answered is `answer(request)`, cut at stop strings and
at the bound as the real server does.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from support.loopback import on_loopback

MODEL = "served/model"
CONTEXT_TOKENS = 100
MOST_STOP_SEQUENCES = 4


@dataclass
class Failure:
    """What is answered instead: a status and a body. In a stream it may come as an event, after `after_events`."""

    status: int
    body: Any
    after_events: int | None = None


def failure(kind: str, message: str, status: int, after_events: int | None = None) -> Failure:
    """An error as the server writes it."""
    return Failure(status, {"error": message, "error_type": kind}, after_events)


@dataclass
class ScriptedTgi:
    """`answer(request)` gives the text, or a Failure, or None to break the connection; `delay_seconds` come before it.

    `asked` holds the bodies of all prompts, `dropped` counts those whose client went away.
    """

    answer: Callable[[dict[str, Any]], str | Failure | None] = lambda request: "one two three"
    info: Callable[[], web.Response] = lambda: web.json_response({"model_id": MODEL, "max_total_tokens": 100})
    delay_seconds: float = 0.0
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    dropped: int = 0

    async def tell(self, request: web.Request) -> web.Response:
        return self.info()

    async def generate(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        parameters = body["parameters"]
        given = _refused(body) or await self._given(request, body)
        if given is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(given, Failure) and given.after_events is None:
            return _failed(given)
        if body["stream"]:
            return await self._stream(request, given, parameters)
        assert isinstance(given, str)
        text, reason, count = _cut(given, parameters["max_new_tokens"], parameters["stop"])
        details = {"finish_reason": reason, "generated_tokens": count, "seed": 1, "prefill": [], "tokens": []}
        return web.json_response([{"generated_text": text, "details": details}])

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        given = await self._given(request, body)
        if isinstance(given, Failure):
            return _failed(given)
        text, reason, count = _cut(given or "", body["max_tokens"], [])
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        usage = {"prompt_tokens": 7, "completion_tokens": count, "total_tokens": 7 + count}
        about = {"id": "", "object": "chat.completion", "created": 1, "model": MODEL, "system_fingerprint": "3.0"}
        return web.json_response({**about, "choices": [choice], "usage": usage})

    async def _given(self, request: web.Request, body: dict[str, Any]) -> str | Failure | None:
        self.asked.append(body)
        self.keys.append(request.headers.get("Authorization", ""))
        try:
            await asyncio.sleep(self.delay_seconds)
        except asyncio.CancelledError:
            self.dropped += 1
            raise
        return self.answer(body)

    async def _stream(
        self, request: web.Request, given: str | Failure, parameters: dict[str, Any]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        failed = given if isinstance(given, Failure) else None
        text, reason, count = _cut(
            "some words " if isinstance(given, Failure) else given, parameters["max_new_tokens"], parameters["stop"]
        )
        words = text.split(" ") or [""]
        for number, word in enumerate(words):
            if failed is not None and number == failed.after_events:
                if failed.body is not None:
                    await response.write(b"data:" + orjson.dumps(failed.body) + b"\n\n")
                return response
            event: dict[str, Any] = {"token": {"id": number, "text": word, "logprob": -0.1, "special": False}}
            if number == len(words) - 1:
                event["generated_text"] = text
                event["details"] = {"finish_reason": reason, "generated_tokens": count, "seed": 1}
            await response.write(b"data:" + orjson.dumps(event) + b"\n\n")
        return response


def _cut(text: str, most: int, stop: list[str]) -> tuple[str, str, int]:
    """Text, finish reason and count. The real server leaves a stop string in the text."""
    words = text.split(" ")
    for count in range(1, min(len(words), most) + 1):
        written = " ".join(words[:count])
        if any(string in written for string in stop):
            return written, "stop_sequence", count
    return " ".join(words[:most]), "length" if len(words) > most else "eos_token", min(len(words), most)


def _refused(body: dict[str, Any]) -> Failure | None:
    """What the real server's validation refuses, in its words."""
    parameters = body["parameters"]
    tokens, most = len(body["inputs"].split()), parameters["max_new_tokens"]
    if len(parameters["stop"]) > MOST_STOP_SEQUENCES:
        said = f"`stop` supports up to {MOST_STOP_SEQUENCES} stop sequences. Given: {len(parameters['stop'])}"
    elif tokens + most > CONTEXT_TOKENS:
        said = (
            f"`inputs` tokens + `max_new_tokens` must be <= {CONTEXT_TOKENS}. Given: {tokens} `inputs` tokens and "
            f"{most} `max_new_tokens`"
        )
    else:
        return None
    return failure("validation", f"Input validation error: {said}", 422)


def _failed(given: Failure) -> web.Response:
    if isinstance(given.body, str):
        return web.Response(status=given.status, text=given.body, content_type="text/html")
    return web.json_response(given.body, status=given.status)


@asynccontextmanager
async def serving_tgi(script: ScriptedTgi, port: int = 0) -> AsyncGenerator[ScriptedTgi]:
    """Serve the script on a loopback port, in this loop."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_get("/info", script.tell)
    app.router.add_post("/", script.generate)
    app.router.add_post("/v1/chat/completions", script.chat)
    async with on_loopback(app, port) as url:
        script.url = url
        yield script
