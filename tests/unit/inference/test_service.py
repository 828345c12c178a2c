"""The service and its client over gRPC, with a scripted engine behind them."""

import asyncio
import importlib.util
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from seedmill.inference import retry
from seedmill.inference.client import InferenceClient
from seedmill.inference.server import service
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
from seedmill.serving.errors import InvalidRequest, ItemError, Misconfigured, Unavailable
from seedmill.serving.server import ServerSettings, running_server, serve
from support.gateways import text_of
from support.scripted_http import MODEL, ScriptedServer, completion, refusal, serving


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.005)
    for name in ("SEEDMILL_TEACHER_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def client_of(addresses: list[str]) -> AsyncGenerator[InferenceClient]:
    channels = Channels(addresses, "inference")
    client = InferenceClient(channels, "team/run")
    try:
        yield client
    finally:
        await client.close()
        await channels.close()


@asynccontextmanager
async def client_for(folder: Path, *endpoints: str) -> AsyncGenerator[InferenceClient]:
    async with running_server([service(endpoints)], f"unix:{folder}/i.sock") as address, client_of([address]) as client:
        yield client


def ask(text: str, *, api: Api = Api.CHAT, max_tokens: int = 16) -> GenerationRequest:
    prompt = Prompt(text=text) if api is Api.COMPLETIONS else Prompt(messages=(Message("user", text),))
    return GenerationRequest(text, ModelCall(MODEL, api, Sampling(max_tokens=max_tokens)), prompt, seed=2**31)


async def test_each_caller_gets_the_answer_to_its_own_prompt_unchanged(tmp_path: Path):
    script = ScriptedServer(lambda body, n: completion(f"<{text_of(body)}>\n\t\u00e9\U0001f600", "length"))
    async with serving(script) as server, client_for(tmp_path, server.url) as client:
        assert await client.check_models([MODEL]) == Served((f"openai {server.url}",))
        texts = [f"prompt {n}" for n in range(300)]
        answers = await asyncio.gather(*(client.generate(ask(t, api=list(Api)[len(t) % 2])) for t in texts))
    assert [answer.text for answer in answers] == [f"<{t}>\n\t\u00e9\U0001f600" for t in texts]
    assert {answer.finish_reason for answer in answers} == {FinishReason.LENGTH}
    assert {body["seed"] for body in server.asked} == {2**31}


@pytest.mark.parametrize(
    ("endpoint", "package", "extra"),
    [("vllm:/models/x", "vllm", "seedmill[vllm]"), ("tgi:http://127.0.0.1:9", "text_generation", "seedmill[tgi]")],
)
async def test_an_engine_that_is_not_installed_is_named_at_the_start(
    tmp_path: Path, endpoint: str, package: str, extra: str
):
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed here")
    with pytest.raises(Misconfigured, match=re.escape(extra)) as raised:
        async with client_for(tmp_path, endpoint):
            pass
    assert raised.value.reason == "EngineMissing"


async def test_a_run_is_told_the_gpus_behind_the_service(tmp_path: Path):
    async with (
        serving(ScriptedServer()) as server,
        running_server([service([server.url], 2.5)], f"unix:{tmp_path}/i.sock") as up,
        client_of([up]) as client,
    ):
        assert (await client.check_models([MODEL])).gpus == 2.5


async def test_one_bad_prompt_harms_no_other(tmp_path: Path):
    script = ScriptedServer(lambda body, n: refusal(400, "not this") if text_of(body) == "p3" else completion())
    async with serving(script) as server, client_for(tmp_path, server.url) as client:
        results = await asyncio.gather(*(client.generate(ask(f"p{n}")) for n in range(8)), return_exceptions=True)
    assert isinstance(results[3], ItemError)
    assert (results[3].reason, "not this" in results[3].message) == ("PromptRefused", True)
    assert sum(isinstance(result, Exception) for result in results) == 1


async def test_prompts_that_are_being_answered_are_not_lost_when_the_teacher_goes_away_for_others(tmp_path: Path):
    async def answer(body: dict, n: int) -> web.Response:
        if text_of(body) == "slow":
            await asyncio.sleep(0.4)
            return completion("late but paid")
        return refusal(500, "out of order")

    async with serving(ScriptedServer(answer)) as server, client_for(tmp_path, server.url) as client:
        slow, broken = await asyncio.gather(
            client.generate(ask("slow")), client.generate(ask("x")), return_exceptions=True
        )
    assert slow.text == "late but paid"
    assert isinstance(broken, Unavailable)
    assert broken.reason == "TeacherFailing"


async def test_errors_that_concern_the_run_cross_the_wire(tmp_path: Path):
    async with serving(ScriptedServer()) as server, client_for(tmp_path, server.url) as client:
        with pytest.raises(Misconfigured, match="served: served") as raised:
            await client.check_models(["other"])
        assert raised.value.reason == "ModelNotServed"
        with pytest.raises(InvalidRequest, match="max_tokens"):
            await client.generate(ask("x", max_tokens=0))
    async with client_for(tmp_path) as client:
        with pytest.raises(Misconfigured, match="--teacher"):
            await client.generate(ask("x"))


async def test_an_endpoint_that_cannot_be_one_is_refused_before_serving():
    with pytest.raises(Misconfigured, match="is none of"):
        service(["localhost:8000"])


async def test_cancelling_a_caller_reaches_the_engine(tmp_path: Path):
    async def answer(body: dict, n: int) -> web.Response:
        await asyncio.sleep(30)
        return completion()

    async with serving(ScriptedServer(answer)) as server, client_for(tmp_path, server.url) as client:
        task = asyncio.create_task(client.generate(ask("x")))
        while not server.in_flight:
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for _ in range(200):
            if server.dropped:
                break
            await asyncio.sleep(0.01)
        assert server.dropped == 1


async def test_a_service_that_stops_answers_what_it_has_and_does_not_wait_for_its_callers_to_go(tmp_path: Path):
    async def answer(body: dict, n: int) -> web.Response:
        await asyncio.sleep(0.3)
        return completion("paid")

    stop = asyncio.Event()
    address = f"unix:{tmp_path}/i.sock"
    settings = ServerSettings(address, drain_seconds=1.5, grace_seconds=60)
    async with serving(ScriptedServer(answer)) as server, client_of([address]) as client:
        up = asyncio.create_task(serve(settings, [service([server.url])], stop))
        while not (tmp_path / "i.sock").exists():
            await asyncio.sleep(0.01)
        asked = asyncio.create_task(client.generate(ask("x")))
        while not server.in_flight:
            await asyncio.sleep(0.005)
        stop.set()
        assert (await asked).text == "paid"
        for n in range(2):  # others may not know yet that it drains
            assert (await client.generate(ask(f"late {n}"))).text == "paid"
        await asyncio.wait_for(up, 15)
        with pytest.raises(Unavailable):
            await client.generate(ask("y"))


async def test_a_replica_that_is_down_is_waited_for_once_then_passed_over(tmp_path: Path):
    async with (
        serving(ScriptedServer()) as server,
        running_server([service([server.url])], f"unix:{tmp_path}/a.sock") as up,
        client_of([f"unix:{tmp_path}/down.sock", up]) as client,
    ):
        with pytest.raises(Unavailable):
            await client.check_models([MODEL])
        assert await client.check_models([MODEL])
        assert (await client.generate(ask("p"))).text == "fine"


async def test_the_key_of_the_environment_is_sent_and_nowhere_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-place")
    monkeypatch.setenv("SEEDMILL_TEACHER_KEY", "sk-secret-value")
    script = ScriptedServer(lambda body, n: refusal(401, "Incorrect API key provided: sk-secret-value"))
    async with serving(script) as server, client_for(tmp_path, server.url) as client:
        with pytest.raises(Misconfigured) as raised:
            await client.generate(ask("x"))
    assert {headers["Authorization"] for headers in server.headers} == {"Bearer sk-secret-value"}
    assert "sk-" not in raised.value.message
    assert "sk-" not in "".join(capfd.readouterr())
