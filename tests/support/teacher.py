"""A scripted OpenAI-compatible teacher: in tests, and as `python tests/support/teacher.py --port 8000 --mode busy`.

Its answers are a pure function of the request (`scripted_answers`), so that order, restarts and replicas do not change
them; modes add what goes wrong on the way. It counts what was paid for; GET /stats tells it to other processes, which
may slow it down by POST /pause.
"""

import argparse
import asyncio
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # as a script it finds the packages itself
    _root = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(_root / folder) for folder in ("services", "operator", "tests")]

import orjson
from aiohttp import web

from seedmill.records.randomness import Draw
from support.scripted_answers import Answer, scripted

MODEL = "scripted"
MODES = {
    "normal": "answers everything",
    "html": "a web page, whatever is asked",
    "unauthorized": "401, whatever is asked",
    "broken": "500, whatever is asked",
    "missing": "lists no model",
    "hang": "never answers a prompt",
    "busy": "429 with Retry-After to a third of the requests, once each",
    "flaky": "500, or half an answer, or a broken connection to half of the requests, once each",
    "picky": "400 to a tenth of the requests, always",
    "silent about usage": "no usage in answers",
}


class TeacherServer:
    """Serves on a loopback port, in a thread of its own, while the context is open.

    `answer(request)` writes, `delay(request)` in seconds reorders answers, `mode` is one of MODES.
    """

    def __init__(
        self,
        answer: Callable[[dict[str, Any]], Answer] = scripted,
        mode: str = "normal",
        delay: Callable[[dict[str, Any]], float] = lambda request: 0.0,
        port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        assert mode in MODES, f"{mode} is none of {', '.join(MODES)}"
        self.answer = answer
        self.mode = mode
        self.delay = delay
        self.pause = 0.0
        self.paid: Counter[bytes] = Counter()
        self.requests = 0
        self.url = ""
        self._host = host
        self._port = port
        self._seen: set[bytes] = set()
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> "TeacherServer":
        self._thread.start()
        assert self._ready.wait(10), "the teacher did not start"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def paid_twice(self) -> int:
        """Answers that were given more than once to the same request."""
        return sum(count - 1 for count in self.paid.values())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/stats", self._stats)
        app.router.add_post("/pause", self._set_pause)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/v1/completions", self._complete)
        runner = web.AppRunner(app, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _stats(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"requests": self.requests, "paid": sum(self.paid.values()), "paid_twice": self.paid_twice}
        )

    async def _set_pause(self, request: web.Request) -> web.Response:
        """`POST /pause?seconds=1`: from now on each answer takes that much longer."""
        self.pause = float(request.query["seconds"])
        return web.Response()

    async def _models(self, request: web.Request) -> web.Response:
        listed = [] if self.mode == "missing" else [{"id": MODEL, "object": "model"}]
        return self._refused() or web.json_response({"object": "list", "data": listed})

    async def _complete(self, request: web.Request) -> web.Response:
        self.requests += 1
        if (refused := self._refused()) is not None:
            return refused
        raw = await request.read()
        asked = orjson.loads(raw)
        key = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
        if (trouble := self._trouble(key, request)) is not None:
            return trouble
        await asyncio.sleep(3600 if self.mode == "hang" else self.delay(asked) + self.pause)
        self.paid[key] += 1
        given = self.answer(asked)
        choice: dict[str, Any] = {"index": 0, "finish_reason": given.finish}
        if "messages" in asked:
            choice["message"] = {"role": "assistant", "content": given.text}
        else:
            choice["text"] = given.text
        fields: dict[str, Any] = {"model": MODEL, "choices": [choice]}
        if self.mode != "silent about usage":
            fields["usage"] = {"prompt_tokens": len(raw) // 4, "completion_tokens": len(given.text) // 4 + 1}
        return web.json_response(fields)

    def _refused(self) -> web.Response | None:
        match self.mode:
            case "html":
                return web.Response(text="<html><body>Welcome to nginx</body></html>", content_type="text/html")
            case "unauthorized":
                return web.json_response({"error": {"message": "Incorrect API key provided"}}, status=401)
            case "broken":
                return web.json_response({"error": {"message": "out of order"}}, status=500)
            case _:
                return None

    def _trouble(self, key: bytes, request: web.Request) -> web.Response | None:
        """What goes wrong with some requests: which ones is a function of the request."""
        chance = Draw("trouble", key.hex()).below(60)
        if self.mode == "picky":
            return web.json_response({"error": {"message": "not this one"}}, status=400) if chance < 6 else None
        if key in self._seen:
            return None
        self._seen.add(key)
        match self.mode:
            case "busy" if chance < 20:
                return web.json_response(
                    {"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "0.1"}
                )
            case "flaky" if chance < 10:
                return web.json_response({"error": {"message": "out of memory"}}, status=500)
            case "flaky" if chance < 20:
                return web.Response(text='{"choices": [{"index": 0, "mess', content_type="application/json")
            case "flaky" if chance < 30:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case _:
                return None


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--mode", choices=MODES, default="normal", help="; ".join(f"{k}: {v}" for k, v in MODES.items())
    )
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    server = TeacherServer(mode=options.mode, delay=lambda request: options.delay, port=options.port, host=options.host)
    with server as teacher:
        sys.stdout.write(f"{teacher.url} serves {MODEL}\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
