"""The scripted teacher keeps its promise through the gateway: what goes wrong on the way changes no answer."""

import asyncio
import subprocess
import sys
import urllib.request
from pathlib import Path

import orjson
import pytest

from seedmill.inference import retry
from seedmill.inference.endpoint import Endpoint
from seedmill.inference.gateway import Gateway
from seedmill.inference.limit import Limit
from seedmill.inference.openai_engine import OpenAiEngine
from seedmill.records.generation import Api, Completion, GenerationRequest, Message, ModelCall, Prompt, Sampling
from seedmill.serving.errors import ItemError, Misconfigured
from support.teacher import MODEL, TeacherServer

PROMPT = "[Properties]\ncategory: function"


async def answers(teacher: TeacherServer, count: int) -> list[Completion | BaseException]:
    gateway = Gateway([Endpoint(OpenAiEngine(teacher.url), "teacher", Limit(16, 64))])
    call = ModelCall(MODEL, Api.CHAT, Sampling())
    requests = [
        GenerationRequest(str(n), call, Prompt(messages=(Message("user", PROMPT),)), seed=n) for n in range(count)
    ]
    results = await asyncio.gather(*(gateway.generate(each) for each in requests), return_exceptions=True)
    await gateway.close()
    return [result if isinstance(result, BaseException) else result.completion for result in results]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture(scope="module")
def calm() -> list[Completion | BaseException]:
    with TeacherServer() as teacher:
        return asyncio.run(answers(teacher, 120))


@pytest.mark.parametrize("mode", ["normal", "busy", "flaky"])
async def test_trouble_on_the_way_changes_no_answer_and_pays_nothing_twice(calm: list[Completion], mode: str):
    with TeacherServer(mode=mode) as teacher:
        assert await answers(teacher, 120) == calm
        stats = orjson.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(_stats(teacher)).read()))
    assert (stats["paid"], stats["paid_twice"]) == (120, 0)
    assert (stats["requests"] > 130) == (mode != "normal")


async def test_prompts_that_are_refused_are_always_the_same(calm: list[Completion]):
    with TeacherServer(mode="picky") as teacher:
        first, second = await answers(teacher, 120), await answers(teacher, 120)
        requests = teacher.requests
    refused = [n for n, answer in enumerate(first) if isinstance(answer, ItemError)]
    assert 3 <= len(refused) <= 30
    assert refused == [n for n, answer in enumerate(second) if isinstance(answer, ItemError)]
    assert [a for n, a in enumerate(first) if n not in refused] == [a for n, a in enumerate(calm) if n not in refused]
    assert requests == 240


async def test_without_usage_tokens_are_estimated():
    with TeacherServer(mode="silent about usage") as teacher:
        for answer in await answers(teacher, 5):
            assert isinstance(answer, Completion)
            assert answer.prompt_tokens > 0
            assert (answer.completion_tokens > 0) == bool(answer.text)


async def test_a_teacher_without_the_model():
    with TeacherServer(mode="missing") as teacher:
        (answer,) = await answers(teacher, 1)
    assert isinstance(answer, Misconfigured)
    assert "it lists no model" in answer.message


def test_it_runs_as_a_program():
    program = Path(__file__).parents[2] / "support" / "teacher.py"
    process = subprocess.Popen([sys.executable, program, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url, _, what = process.stdout.readline().partition(" ")
        assert what == f"serves {MODEL}\n"
        assert MODEL in urllib.request.urlopen(f"{url}/models").read().decode()
    finally:
        process.terminate()
        process.communicate()


def _stats(teacher: TeacherServer) -> str:
    return teacher.url.removesuffix("/v1") + "/stats"
