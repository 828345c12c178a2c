"""A provider of OpenAI's Batch API that plays a script: files, batches, their states, their replies.

A batch is worked on at once and shows its end after `polls` questions. `paid` counts how often each custom_id was
worked on.
"""

import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

MODEL = "served"
CONTEXT = {"error": {"message": "maximum context length is 10 tokens", "code": "context_length_exceeded"}}


def completion(text: str) -> dict[str, Any]:
    """A good body of both routes."""
    choice = {"index": 0, "text": text, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"model": MODEL, "choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}


def text_of(line: dict[str, Any]) -> str:
    """What a line asks."""
    return line["body"].get("prompt") or line["body"]["messages"][-1]["content"]


@dataclass
class Made:
    """A batch at the provider."""

    fields: dict[str, Any]
    lines: list[dict[str, Any]]
    asked: int = 0


@dataclass
class ScriptedProvider:
    """`answer(line)` gives status and body, or None for a line that is not worked on in time.

    `fails` gives the errors of a batch that is refused as a whole, else nothing. Where `broken(method, path)` is true,
    the call is done, and its connection breaks. `refuses(method, path)` is a status to answer instead of doing it.
    """

    answer: Callable[[dict[str, Any]], tuple[int, Any] | None] = lambda line: (200, completion(f"<{text_of(line)}>"))
    fails: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda lines: []
    broken: Callable[[str, str], bool] = lambda method, path: False
    refuses: Callable[[str, str], int | None] = lambda method, path: None
    polls: int = 2
    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    batches: dict[str, Made] = field(default_factory=dict[str, Made])
    paid: Counter[str] = field(default_factory=Counter[str])
    calls: list[str] = field(default_factory=list[str])
    keys: set[str] = field(default_factory=set[str])

    def cancelled(self) -> list[str]:
        return [each for each, made in self.batches.items() if made.fields["status"] == "cancelled"]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        method, path = request.method, request.path.removeprefix("/v1")
        self.calls.append(f"{method} {path}")
        self.keys.add(request.headers.get("Authorization", ""))
        if (status := self.refuses(method, path)) is not None:
            return web.json_response({"error": {"message": "out of order"}}, status=status)
        answer = await self._do(request, method, path.strip("/").split("/"))
        if self.broken(method, path):
            assert request.transport is not None
            request.transport.abort()
        return answer

    async def _do(self, request: web.Request, method: str, path: list[str]) -> web.Response:
        match method, path:
            case "GET", ["models"]:
                return web.json_response({"data": [{"id": MODEL}]})
            case "POST", ["files"]:
                form = await request.post()
                assert form["purpose"] == "batch"
                raw = form["file"]
                assert isinstance(raw, web.FileField)
                return web.json_response({"id": self._keep(raw.file.read()), "object": "file"})
            case "GET", ["files", name, "content"]:
                return web.Response(body=self.files[name])
            case "POST", ["batches"]:
                return web.json_response(self._begin(orjson.loads(await request.read())))
            case "GET", ["batches"]:
                return web.json_response(self._page(request.query))
            case "GET", ["batches", name]:
                return web.json_response(self._state(self.batches[name]))
            case "POST", ["batches", name, "cancel"]:
                self.batches[name].fields["status"] = "cancelled"
                return web.json_response(self.batches[name].fields)
            case _:
                return web.json_response({"error": {"message": "no such route"}}, status=404)

    def _keep(self, raw: bytes) -> str:
        name = f"file-{len(self.files)}"
        self.files[name] = raw
        return name

    def _begin(self, asked: dict[str, Any]) -> dict[str, Any]:
        lines = [orjson.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        assert {line["url"] for line in lines} == {asked["endpoint"]}
        assert len({line["body"]["model"] for line in lines}) == 1
        assert len({line["custom_id"] for line in lines}) == len(lines)
        name = f"batch_{len(self.batches)}"
        fields = {"id": name, "object": "batch", "status": "validating", "created_at": time.time(), **asked}
        self.batches[name] = Made(fields, lines)
        if not self.fails(lines):
            self.paid.update(line["custom_id"] for line in lines)
        return fields

    def _page(self, query: Any) -> dict[str, Any]:
        names = [*reversed(self.batches)]
        names = names[names.index(query["after"]) + 1 :] if "after" in query else names
        shown = names[: int(query["limit"])]
        return {"data": [self._state(self.batches[each]) for each in shown], "has_more": len(shown) < len(names)}

    def _state(self, made: Made) -> dict[str, Any]:
        made.asked += 1
        if made.fields["status"] in ("validating", "in_progress"):
            made.fields["status"] = "in_progress"
            if made.asked > self.polls:
                self._end(made)
        return made.fields

    def _end(self, made: Made) -> None:
        if errors := self.fails(made.lines):
            made.fields |= {"status": "failed", "errors": {"object": "list", "data": errors}}
            return
        output: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for line in reversed(made.lines):  # in any order
            given = self.answer(line)
            if given is None:
                error = {"code": "batch_expired", "message": "This request could not be executed in time."}
                failed.append({"custom_id": line["custom_id"], "response": None, "error": error})
                continue
            response = {"status_code": given[0], "request_id": "r", "body": given[1]}
            fields = {"custom_id": line["custom_id"], "response": response, "error": None}
            (output if given[0] == 200 else failed).append(fields)
        made.fields["status"] = "completed" if all(each["response"] for each in failed) else "expired"
        for name, lines in (("output_file_id", output), ("error_file_id", failed)):
            if lines:
                made.fields[name] = self._keep(b"".join(orjson.dumps(each) + b"\n" for each in lines))


@asynccontextmanager
async def providing(script: ScriptedProvider) -> AsyncGenerator[ScriptedProvider]:
    """Serve the script on a loopback port, in this loop."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", script.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    script.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield script
    finally:
        await runner.cleanup()
