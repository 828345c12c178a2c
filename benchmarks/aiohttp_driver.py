"""The limit in `pipeline.py`: prompts over HTTP and nothing else. aiohttp, as in the gateway; answers are read, counted
and dropped, so there is no journal, no gate and no dataset."""

import asyncio
import sys
from collections.abc import Iterator

import aiohttp
import orjson
import uvloop

from seedmill.chaos.tools import DRIVERS

sys.path.append(str(DRIVERS))

from options import made, options  # the peers' own; they are no package

given = options()


async def ask(session: aiohttp.ClientSession, prompts: Iterator[str]) -> int:
    answered = 0
    for text in prompts:
        body = {"model": given.model, "messages": [{"role": "user", "content": text}], "temperature": 0.8}
        async with session.post(f"{given.url}/chat/completions", data=orjson.dumps(body)) as response:
            answered += bool(orjson.loads(await response.read())["choices"][0]["message"]["content"])
    return answered


async def main() -> int:
    prompts = iter(given.prompts)
    timeout = aiohttp.ClientTimeout(total=given.timeout)
    headers = {"Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session:
        return sum(await asyncio.gather(*(ask(session, prompts) for _ in range(given.at_once))))


made(uvloop.run(main()))
