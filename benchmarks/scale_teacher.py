"""A teacher for runs of a million rows: OpenAI's chat protocol with answers for OSS-Instruct, at a twentieth of a
millisecond each. An answer is a function of the request, and no two are alike.

    .venv/bin/python benchmarks/scale_teacher.py [--port 0]

It prints its URL. GET /stats says how many prompts it answered.
"""

import argparse
import asyncio
import random
import sys
from hashlib import sha256
from itertools import product
from keyword import iskeyword

import orjson

MODEL = "scripted"
_WORDS = [word for word in map("".join, product("bdfgklmnprstvz", "aeiou", "bdklmnrstx")) if not iskeyword(word)]


def answer(request: bytes) -> str:
    """A problem of about ninety words and a solution of ten lines."""
    luck = random.Random(sha256(request).digest())
    problem = luck.choices(_WORDS, k=90)
    names = luck.choices(_WORDS, k=22)
    lines = [f"    {names[2 * i]} = {names[2 * i + 1]}_of({luck.randrange(10_000)})" for i in range(10)]
    code = "\n".join([f"def {names[20]}_{names[21]}(value):", *lines, f"    return {names[0]}"])
    return f"[Problem Description]\n{' '.join(problem)}.\n\n[Solution]\n```python\n{code}\n```\n"


class Conversation(asyncio.Protocol):
    """One connection: requests one after the other, each answered at once."""

    answered = 0

    def __init__(self) -> None:
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._received[:end]).lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._received) < end + 4 + length:
                return
            body = bytes(self._received[end + 4 : end + 4 + length])
            del self._received[: end + 4 + length]
            self._answer(head.split(b" ", 2)[1], body)

    def _answer(self, path: bytes, body: bytes) -> None:
        if path.endswith(b"/models"):
            content = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
        elif path.endswith(b"/stats"):
            content = {"answered": Conversation.answered}
        else:
            Conversation.answered += 1
            text = answer(body)
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            usage = {"prompt_tokens": len(body) // 4, "completion_tokens": len(text) // 4}
            content = {"model": MODEL, "choices": [choice], "usage": usage}
        data = orjson.dumps(content)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data) + data
        )


async def serve(port: int) -> None:
    """Serve on the loopback until killed."""
    server = await asyncio.get_running_loop().create_server(Conversation, "127.0.0.1", port, backlog=1024)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(serve(parser.parse_args().port))
