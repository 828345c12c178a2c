"""The embedded model: a real llama.cpp with real weights, through the whole service."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from seedmill.inference.client import InferenceClient
from seedmill.inference.embedded import SLOTS
from seedmill.inference.server import service
from seedmill.inference.weights import MODEL_NAME
from seedmill.records.generation import (
    Api,
    FinishReason,
    GenerationRequest,
    Message,
    ModelCall,
    Prompt,
    Sampling,
    Served,
)
from seedmill.serving.channel import Channels
from seedmill.serving.errors import ItemError, Misconfigured
from seedmill.serving.server import running_server
from support.requirements import require


@asynccontextmanager
async def embedded(folder: Path, endpoint: str = "embedded:") -> AsyncGenerator[InferenceClient]:
    require("embedded model")
    async with running_server([service([endpoint])], f"unix:{folder}/i.sock") as address:
        channels = Channels([address], "inference")
        client = InferenceClient(channels, "run")
        try:
            yield client
        finally:
            await client.close()
            await channels.close()


def ask(text: str, api: Api, *, max_tokens: int = 8, seed: int = 1, temperature: float = 0.7) -> GenerationRequest:
    prompt = Prompt(text=text) if api is Api.COMPLETIONS else Prompt(messages=(Message("user", text),))
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens)
    return GenerationRequest(text, ModelCall(MODEL_NAME, api, sampling), prompt, seed)


async def test_it_answers_both_routes_in_parallel_refuses_what_does_not_fit_and_cancels(tmp_path: Path):
    async with embedded(tmp_path) as client:
        assert await client.check_models([MODEL_NAME]) == Served((f"embedded {MODEL_NAME}",))
        with pytest.raises(Misconfigured, match=MODEL_NAME):
            await client.check_models(["gpt-99"])
        hard = ask("def add(a, b):", Api.COMPLETIONS)
        asked = [ask(f"Say {n}.", list(Api)[n % 2]) for n in range(SLOTS + 2)]
        answers = await asyncio.gather(*(client.generate(each) for each in asked), client.generate(hard))
        for answer in answers:
            assert answer.model == MODEL_NAME
            assert 0 < answer.completion_tokens <= 8
            assert answer.prompt_tokens > 0
            assert answer.finish_reason in (FinishReason.STOP, FinishReason.LENGTH)

        with pytest.raises(ItemError) as raised:
            await client.generate(ask("word " * 9000, Api.COMPLETIONS))
        assert raised.value.reason == "ContextExceeded"

        tasks = [
            asyncio.create_task(client.generate(ask(f"Count to {n}", Api.CHAT, max_tokens=4000)))
            for n in range(100, 100 + SLOTS)
        ]
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        answer = await asyncio.wait_for(client.generate(ask("Say hello.", Api.CHAT)), 30)
        assert answer.completion_tokens > 0


async def test_a_prompt_that_runs_alone_gets_the_same_answer_for_the_same_seed(tmp_path: Path):
    async with embedded(tmp_path) as client:
        same = [await client.generate(ask("Once upon", Api.COMPLETIONS, max_tokens=12, seed=5)) for _ in range(2)]
        other = await client.generate(ask("Once upon", Api.COMPLETIONS, max_tokens=12, seed=6))
    assert same[0].text == same[1].text
    assert other.text != same[0].text


async def test_it_stops_and_starts_again_in_one_process(tmp_path: Path):
    for _ in range(2):
        async with embedded(tmp_path) as client:
            assert (await client.generate(ask("Hi", Api.CHAT, max_tokens=2))).completion_tokens > 0


async def test_a_file_that_is_no_model_is_one_clear_line(tmp_path: Path):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + os.urandom(4096))
    for name, says in (("broken.gguf", "cannot be loaded"), ("missing.gguf", "is not a file")):
        (folder := tmp_path / says[:2]).mkdir()
        with pytest.raises(Misconfigured, match=says):
            async with embedded(folder, f"embedded:{tmp_path / name}"):
                pass
