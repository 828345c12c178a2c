"""The engine `tgi` through TGI's real client, before a server that plays a script."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from seedmill.inference import retry, tgi_engine
from seedmill.inference.client import InferenceClient
from seedmill.inference.endpoint_names import TgiName
from seedmill.inference.retry import Kind, Trouble
from seedmill.inference.server import service
from seedmill.inference.tgi_engine import TgiEngine
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
from seedmill.serving.errors import ItemError, Misconfigured, Unavailable
from seedmill.serving.server import running_server
from support.scripted_tgi import MODEL, Failure, ScriptedTgi, failure, serving_tgi

WAYS = ("whole", "stream", "chat")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.005)
    for name in ("SEEDMILL_TEACHER_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def ask(
    text: str = "hello",
    *,
    way: str = "whole",
    max_tokens: int = 16,
    temperature: float = 0.7,
    top_p: float = 0.9,
    stop: tuple[str, ...] = (),
) -> GenerationRequest:
    api = Api.CHAT if way == "chat" else Api.COMPLETIONS
    prompt = Prompt(messages=(Message("user", text),), stop=stop) if way == "chat" else Prompt(text=text, stop=stop)
    return GenerationRequest(text, ModelCall(MODEL, api, Sampling(temperature, top_p, max_tokens)), prompt, 2**31)


def engine_for(server: ScriptedTgi, way: str = "whole", **options: float) -> TgiEngine:
    return TgiEngine(TgiName(server.url, stream=way == "stream"), **options)


@asynccontextmanager
async def client_for(folder: Path, server: ScriptedTgi, way: str = "whole") -> AsyncGenerator[InferenceClient]:
    endpoint = f"tgi:{server.url}" + ("?stream=true" if way == "stream" else "")
    async with running_server([service([endpoint])], f"unix:{folder}/i.sock") as address:
        channels = Channels([address], "inference")
        client = InferenceClient(channels, "run")
        try:
            yield client
        finally:
            await client.close()
            await channels.close()


@pytest.mark.parametrize("way", WAYS)
async def test_each_caller_gets_the_answer_to_its_own_prompt(tmp_path: Path, way: str):
    def answer(body: dict) -> str:
        return "said: " + (body["messages"][0]["content"] if way == "chat" else body["inputs"])

    async with serving_tgi(ScriptedTgi(answer)) as server, client_for(tmp_path, server, way) as client:
        assert await client.check_models([MODEL]) == Served((f"tgi {server.url}",))
        texts = [f"prompt {n}" for n in range(40)]
        answers = await asyncio.gather(*(client.generate(ask(text, way=way)) for text in texts))
    assert [each.text for each in answers] == [f"said: {text}" for text in texts]
    for each in answers:
        assert each.completion_tokens == 3
        assert each.finish_reason is FinishReason.STOP
        assert each.prompt_tokens > 0


@pytest.mark.parametrize("way", WAYS)
async def test_sampling_arrives_as_the_server_takes_it(way: str):
    async with serving_tgi(ScriptedTgi()) as server:
        engine = engine_for(server, way)
        await engine.attempt(ask(way=way))
        await engine.attempt(ask(way=way, temperature=0.0, top_p=1.0))
    sampled, greedy = [body.get("parameters", body) for body in server.asked]
    assert (sampled["temperature"], sampled["top_p"], sampled["seed"]) == (0.7, 0.9, 2**31)
    assert greedy["top_p"] is None
    if way == "chat":
        assert greedy["temperature"] == 0.0
        assert sampled["max_tokens"] == 16
    else:
        assert (sampled["do_sample"], greedy["do_sample"], greedy["temperature"]) == (True, False, None)
        assert (sampled["max_new_tokens"], sampled["return_full_text"]) == (16, False)


@pytest.mark.parametrize("way", WAYS)
async def test_a_text_ends_before_its_stop_string_and_at_its_bound(way: str):
    async with serving_tgi(ScriptedTgi(lambda body: "a b <end> c d")) as server:
        engine = engine_for(server, way)
        stopped = await engine.attempt(ask(way=way, stop=("1", "2", "3", "4", "<end>")))
        early = await engine.attempt(ask(way=way, stop=("<end>",)))
        bounded = await engine.attempt(ask(way=way, max_tokens=2))
    assert stopped.completion.text == early.completion.text == "a b "
    assert stopped.completion.finish_reason is FinishReason.STOP
    assert early.completion.completion_tokens == (5 if way == "chat" else 3)
    assert (bounded.completion.text, bounded.completion.finish_reason) == ("a b", FinishReason.LENGTH)


@pytest.mark.parametrize("way", ["whole", "stream"])
async def test_what_does_not_fit_the_context_fails_alone(tmp_path: Path, way: str):
    async with serving_tgi(ScriptedTgi()) as server, client_for(tmp_path, server, way) as client:
        asked = [ask("word " * 200, way=way), ask("short", way=way), ask("", way=way)]
        results = await asyncio.gather(*(client.generate(each) for each in asked), return_exceptions=True)
    reasons = [each.reason if isinstance(each, ItemError) else each.text for each in results]
    assert reasons == ["ContextExceeded", "one two three", "PromptRefused"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (failure("overloaded", "Model is overloaded", 429), Kind.REFUSED),
        (failure("generation", "CUDA out of memory", 424), Kind.FAILED),
        (failure("incomplete_generation", "Incomplete generation", 500), Kind.FAILED),
        (Failure(504, {"error": "shard timeout"}), Kind.FAILED),
        (Failure(503, {"error": "loading"}), Kind.FAILED),
        (Failure(424, {"error": "shard not ready"}), Kind.REFUSED),
        (Failure(500, {"error": "something else"}), Kind.FAILED),
        (Failure(502, "<html>bad gateway</html>"), Kind.FAILED),
        (Failure(503, "<html>unavailable</html>"), Kind.REFUSED),
        (Failure(500, {"message": "no error field"}), Kind.UNREADABLE),
        (Failure(200, {"nothing": "of ours"}), Kind.UNREADABLE),
        (Failure(200, [{}]), Kind.UNREADABLE),
    ],
)
async def test_what_may_pass_is_a_trouble(way: str, given: Failure, kind: Kind):
    async with serving_tgi(ScriptedTgi(lambda body: given)) as server:
        if way == "stream" and given.status == 200:
            given.after_events = 0
        with pytest.raises(Trouble) as raised:
            await engine_for(server, way).attempt(ask(way=way))
    assert raised.value.kind is kind
    assert server.url in raised.value.message
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("given", "error", "reason"),
    [
        (failure("validation", "temperature must be positive", 422), ItemError, "PromptRefused"),
        (Failure(400, {"error": "no such grammar"}), ItemError, "PromptRefused"),
        (Failure(404, {"error": "not found"}), Misconfigured, "RouteNotServed"),
        (Failure(401, "<html>who are you</html>"), Misconfigured, "Unauthorized"),
        (Failure(200, "<html>welcome</html>"), Misconfigured, "NotATgiServer"),
    ],
)
async def test_what_no_retry_mends_says_whose_fault_it_is(way: str, given: Failure, error: type, reason: str):
    if way == "stream" and given.status == 200:
        pytest.skip("a stream's client reads lines that begin with data: and no others")
    async with serving_tgi(ScriptedTgi(lambda body: given)) as server:
        with pytest.raises(error) as raised:
            await engine_for(server, way).attempt(ask(way=way))
    assert raised.value.reason == reason
    assert "\n" not in raised.value.message


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (failure("generation", "out of memory", 200, after_events=1), "out of memory"),
        (Failure(200, None, after_events=1), "broke off"),
        (Failure(200, None, after_events=0), "broke off"),
    ],
)
async def test_a_stream_that_ends_early_is_a_trouble(given: Failure, says: str):
    async with serving_tgi(ScriptedTgi(lambda body: given)) as server:
        with pytest.raises(Trouble, match=says) as raised:
            await engine_for(server, "stream").attempt(ask())
    assert raised.value.kind is Kind.FAILED


@pytest.mark.parametrize("way", WAYS)
async def test_silence_broken_connections_and_no_server(way: str):
    async with serving_tgi(ScriptedTgi(delay_seconds=30)) as server:
        with pytest.raises(Trouble) as silent:
            await engine_for(server, way, answer_seconds=0.3).attempt(ask(way=way))
    async with serving_tgi(ScriptedTgi(lambda body: None if "inputs" in body else Failure(500, {}))) as server:
        with pytest.raises(Trouble) as broken:
            await engine_for(server, way).attempt(ask(way=way))
    engine = engine_for(server, way)
    with pytest.raises(Trouble) as away:
        await engine.attempt(ask(way=way))
    with pytest.raises(Unavailable, match="Connection refused") as listed:
        await engine.list_models()
    assert silent.value.kind is Kind.SILENT
    assert broken.value.kind is (Kind.UNREADABLE if way == "chat" else Kind.FAILED)
    assert away.value.kind is Kind.UNREACHABLE
    assert listed.value.reason == "TeacherUnreachable"


@pytest.mark.parametrize("way", WAYS)
async def test_cancelling_closes_the_connection(way: str):
    async with serving_tgi(ScriptedTgi(delay_seconds=30)) as server:
        attempt = asyncio.create_task(engine_for(server, way).attempt(ask(way=way)))
        while not server.asked:
            await asyncio.sleep(0.01)
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        for _ in range(200):
            if server.dropped:
                break
            await asyncio.sleep(0.01)
        assert server.dropped == 1


@pytest.mark.parametrize(
    ("info", "error", "reason"),
    [
        (lambda: web.Response(text="<html>nginx</html>", content_type="text/html"), Misconfigured, "NotATgiServer"),
        (lambda: web.json_response({"data": []}), Misconfigured, "NotATgiServer"),
        (lambda: web.Response(status=404, text="not found"), Misconfigured, "NotATgiServer"),
        (lambda: web.json_response({"error": "key?"}, status=401), Misconfigured, "Unauthorized"),
        (lambda: web.Response(status=503), Unavailable, "TeacherUnavailable"),
    ],
)
async def test_a_server_that_does_not_say_what_it_serves(info, error: type, reason: str):
    async with serving_tgi(ScriptedTgi(info=info)) as server:
        with pytest.raises(error) as raised:
            await engine_for(server).list_models()
    assert raised.value.reason == reason


@pytest.mark.parametrize("way", WAYS)
async def test_the_key_is_sent_and_never_shown(way: str):
    script = ScriptedTgi(lambda body: Failure(400, {"error": "who is s3cret?"}))
    async with serving_tgi(script) as server:
        engine = TgiEngine(TgiName(server.url, stream=way == "stream"), key="s3cret")
        with pytest.raises(ItemError) as raised:
            await engine.attempt(ask(way=way))
    assert server.keys == ["Bearer s3cret"]
    assert "s3cret" not in raised.value.message


async def test_another_model_is_refused_with_what_is_served(tmp_path: Path):
    async with serving_tgi(ScriptedTgi()) as server, client_for(tmp_path, server) as client:
        with pytest.raises(Misconfigured, match="served/model") as raised:
            await client.check_models(["gpt-99"])
    assert raised.value.reason == "ModelNotServed"


def test_every_error_of_the_client_has_its_meaning():
    from text_generation import errors

    known = {*tgi_engine.TROUBLES, *tgi_engine.OF_PROMPT, "NotFoundError", "NotSupportedError"}
    assert {name for name, each in vars(errors).items() if isinstance(each, type)} <= known
