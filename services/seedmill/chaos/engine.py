"""A scripted OpenAI-compatible server in a process of its own: `python -m seedmill.chaos.engine`.

It prints its base URL once it serves and ends when its standard input does, so it never outlives who started it. `POST
/script` gives it another script and forgets what it counted, `GET /stats` tells the counts. An answer counts as paid
when it is a good one and was sent to somebody who was still there; paid twice when its prompt had one before.
"""

import argparse
import asyncio
import hashlib
import random
import sys
from collections import Counter
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import web

from seedmill.chaos.answer_text import answer_text
from seedmill.chaos.script import Fault, Script

MODEL = "gpt-4o-mini"
"""Peers look their tokenizer up by the model's name, so it is one that they know."""
HANG_SECONDS = 3600.0
FEWEST_SECONDS = 0.01
LARGEST_REQUEST_BYTES = 64 << 20


class ScriptedEngine:
    """Answers as its script says. `answered` counts good answers by prompt."""

    def __init__(self, script: Script) -> None:
        self._rule(script)

    def _rule(self, script: Script) -> None:
        self.script = script
        self.tries: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.refused: set[str] = set()
        self.in_flight = 0
        self.most_in_flight = 0

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_REQUEST_BYTES)
        for prefix in ("", "/v1", "/v1/v1"):  # where peers look for it, given the same base URL
            app.router.add_get(f"{prefix}/models", self._models)
            app.router.add_post(f"{prefix}/chat/completions", self._complete)
            app.router.add_post(f"{prefix}/completions", self._complete)
        app.router.add_get("/health", self._models)
        app.router.add_get("/stats", self._stats)
        app.router.add_post("/script", self._new_script)
        return app

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def _stats(self, request: web.Request) -> web.Response:
        paid = self.answered.total()
        return web.json_response(
            {
                "requests": self.tries.total(),
                "paid": paid,
                "paid_twice": paid - len(self.answered),
                "prompts": len(self.tries),
                "refused_prompts": len(self.refused),
                "in_flight": self.in_flight,
                "most_in_flight": self.most_in_flight,
                "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            }
        )

    async def _new_script(self, request: web.Request) -> web.Response:
        self._rule(Script.from_json(orjson.loads(await request.read())))
        return web.Response()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        asked = orjson.loads(raw)
        prompt = asked.get("messages", asked.get("prompt"))
        key = hashlib.md5(orjson.dumps(prompt), usedforsecurity=False).hexdigest()
        script = self.script
        if script.cap and self.in_flight >= script.cap:
            return self._refusal(429, "rate limit reached", {"Retry-After": "1"})
        fault = script.fault_of(key, self.tries[key])
        self.tries[key] += 1
        if fault is Fault.BAD_REQUEST:
            self.refused.add(key)
            return self._refusal(400, "this prompt is not taken", {})
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self._seconds(fault))
            return self._answer(request, asked, key, len(raw), fault)
        finally:
            self.in_flight -= 1

    def _seconds(self, fault: Fault) -> float:
        if fault is Fault.HANG:
            return HANG_SECONDS
        script = self.script
        took = random.gauss(script.latency_seconds, script.jitter_seconds)
        return max(FEWEST_SECONDS, took) + (script.slow_seconds if fault is Fault.SLOW else 0.0)

    def _answer(
        self, request: web.Request, asked: dict[str, Any], key: str, size_bytes: int, fault: Fault
    ) -> web.StreamResponse:
        match fault:
            case Fault.SERVER_ERROR:
                return self._refusal(500, "out of memory", {})
            case Fault.RESET:
                return self._reset(request)
            case Fault.HTML:
                self.statuses[200] += 1
                return web.Response(text="<html><body>502 Bad Gateway</body></html>", content_type="text/html")
            case _:
                body = _completion(asked, key, size_bytes, self.script.answer_tokens, fault)
        self.statuses[200] += 1
        if fault is Fault.TRUNCATED:
            return web.Response(body=body[: len(body) // 2], content_type="application/json")
        if fault is not Fault.NO_CHOICES:
            self.answered[key] += 1
        return web.Response(body=body, content_type="application/json")

    def _reset(self, request: web.Request) -> web.Response:
        self.statuses[0] += 1
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _refusal(self, status: int, message: str, headers: dict[str, str]) -> web.Response:
        self.statuses[status] += 1
        return web.json_response({"error": {"message": message, "code": status}}, status=status, headers=headers)


def _completion(asked: dict[str, Any], key: str, size_bytes: int, tokens: int, fault: Fault) -> bytes:
    text = answer_text(key, tokens)
    fields: dict[str, Any] = {"id": f"c-{key}", "object": "chat.completion", "created": 0, "model": MODEL}
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    if "messages" in asked:
        choice["message"] = {"role": "assistant", "content": text}
    else:
        choice["text"] = text
        fields["object"] = "text_completion"
    choices = [choice]
    if fault is Fault.TOO_MANY_CHOICES:
        choices += [{**choice, "index": 1}, {**choice, "index": 2}]
    if fault is not Fault.NO_CHOICES:
        fields["choices"] = choices
    prompt_tokens = size_bytes // 4
    fields["usage"] = {
        "prompt_tokens": prompt_tokens, "completion_tokens": tokens, "total_tokens": prompt_tokens + tokens,
    }  # fmt: skip
    if fault is Fault.WRONG_USAGE:
        fields["usage"] = {"prompt_tokens": -1, "completion_tokens": "many", "total_tokens": None}
    return orjson.dumps(fields)


async def serve(script: Script, port: int) -> None:
    """Serve on the loopback until standard input ends."""
    engine = ScriptedEngine(script)
    runner = web.AppRunner(
        engine.application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.2
    )  # fmt: skip
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    chosen = runner.addresses[0][1]
    with suppress(OSError):  # a second name of this machine, for a peer that treats the first one in its own way
        await web.TCPSite(runner, "127.0.0.2", chosen).start()
    sys.stdout.write(f"http://127.0.0.1:{chosen}/v1\n")
    sys.stdout.flush()
    try:
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await runner.cleanup()


def main() -> None:
    """Serve with the script that is given as JSON, or with one that has no faults."""
    parser = argparse.ArgumentParser(prog="python -m seedmill.chaos.engine")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", type=orjson.loads, default=Script().to_json())
    options = parser.parse_args()
    asyncio.run(serve(Script.from_json(options.script), options.port))


if __name__ == "__main__":
    main()
