"""The engine `openai-batch` before a provider that plays a script."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from seedmill.inference import retry
from seedmill.inference.answers import Answer
from seedmill.inference.batch_engine import BatchEngine, BatchLimits
from seedmill.inference.client import InferenceClient
from seedmill.inference.endpoint_names import BatchName
from seedmill.inference.retry import Kind, Trouble
from seedmill.inference.server import service
from seedmill.records.generation import Api, GenerationRequest, Served
from seedmill.serving.channel import Channels
from seedmill.serving.errors import ItemError, Misconfigured
from seedmill.serving.server import running_server
from support.eventually import until
from support.gateways import ask
from support.scripted_batches import CONTEXT, MODEL, ScriptedProvider, completion, providing, text_of

QUICK = BatchLimits(
    quiet_seconds=0.05, first_poll_seconds=0.02, longest_poll_seconds=0.05, abandon_seconds=0.2, look_seconds=0.0
)
NEVER_ABANDONED = BatchLimits(
    quiet_seconds=0.05, first_poll_seconds=0.02, longest_poll_seconds=0.05, abandon_seconds=60, look_seconds=0.0
)


@asynccontextmanager
async def engine_for(
    provider: ScriptedProvider, limits: BatchLimits = QUICK, key: str | None = None
) -> AsyncGenerator[BatchEngine]:
    engine = BatchEngine(BatchName(provider.url), key, limits)
    try:
        yield engine
    finally:
        await engine.close()


async def answers(engine: BatchEngine, *asked: GenerationRequest) -> list[Answer | BaseException]:
    return await asyncio.gather(*(engine.attempt(each) for each in asked), return_exceptions=True)


def texts(results: list[Answer | BaseException]) -> list[str]:
    return [result.completion.text if isinstance(result, Answer) else repr(result) for result in results]


async def test_prompts_of_one_lane_go_in_one_batch_and_each_gets_its_own_line():
    async with providing(ScriptedProvider()) as provider, engine_for(provider) as engine:
        chats = [ask(f"p{n}") for n in range(100)]
        results = await answers(engine, *chats, *(ask(f"p{n}", api=Api.COMPLETIONS) for n in range(3)))
    assert texts(results) == [f"<p{n}>" for n in [*range(100), *range(3)]]
    assert sorted(len(made.lines) for made in provider.batches.values()) == [3, 100]
    first = results[0]
    assert isinstance(first, Answer)
    assert (first.completion.prompt_tokens, first.completion.completion_tokens, first.estimated) == (5, 3, False)
    made = provider.batches["batch_0"].fields
    assert (made["endpoint"], made["completion_window"]) == ("/v1/chat/completions", "24h")
    assert provider.batches["batch_0"].lines[0]["body"]["seed"] == 7


async def test_a_batch_is_handed_in_when_it_is_full_by_count_or_by_size():
    few = BatchLimits(10, quiet_seconds=30, longest_gathering_seconds=1, first_poll_seconds=0.02, look_seconds=0.0)
    async with providing(ScriptedProvider()) as provider, engine_for(provider, few) as engine:
        assert len(texts(await answers(engine, *(ask(f"p{n}") for n in range(25))))) == 25
    assert [len(made.lines) for made in provider.batches.values()] == [10, 10, 5]

    small = BatchLimits(most_bytes=5000, quiet_seconds=0.05, first_poll_seconds=0.02, look_seconds=0.0)
    async with providing(ScriptedProvider()) as provider, engine_for(provider, small) as engine:
        assert texts(await answers(engine, *(ask("x" * 1000 + str(n)) for n in range(9))))
    assert max(len(raw) for raw in provider.files.values() if b'"method"' in raw) <= 5000
    assert sum(len(made.lines) for made in provider.batches.values()) == 9


async def test_one_bad_line_harms_no_other():
    def answer(line: dict) -> tuple[int, object] | None:
        match text_of(line):
            case "long":
                return 400, CONTEXT
            case "odd":
                return 400, {"error": {"message": "not this"}}
            case "late":
                return None
            case "broken":
                return 500, {"error": {"message": "out of order"}}
            case "empty":
                return 200, {"nothing": "here"}
            case text:
                return 200, completion(text)

    async with providing(ScriptedProvider(answer)) as provider, engine_for(provider) as engine:
        asked = ("good", "long", "odd", "late", "broken", "empty", "fine")
        good, long, odd, late, broken, empty, fine = await answers(engine, *(ask(text) for text in asked))
    assert texts([good, fine]) == ["good", "fine"]
    assert isinstance(long, ItemError)
    assert isinstance(odd, ItemError)
    assert (long.reason, odd.reason) == ("ContextExceeded", "PromptRefused")
    kinds = [each.kind for each in (late, broken, empty) if isinstance(each, Trouble)]
    assert kinds == [Kind.FAILED, Kind.FAILED, Kind.UNREADABLE]
    assert "batch_expired" in str(late)


async def test_a_prompt_in_trouble_is_another_line_when_it_is_asked_again():
    tries: list[str] = []

    def answer(line: dict) -> tuple[int, object]:
        tries.append(text_of(line))
        return (500, {}) if len(tries) == 1 else (200, completion("at last"))

    async with providing(ScriptedProvider(answer)) as provider, engine_for(provider) as engine:
        with pytest.raises(Trouble):
            await engine.attempt(ask("p"))
        assert texts(await answers(engine, ask("p"))) == ["at last"]


async def test_a_parameter_that_is_refused_is_left_out_from_then_on():
    def answer(line: dict) -> tuple[int, object]:
        if "max_tokens" in line["body"]:
            return 400, {"error": {"message": "Use 'max_completion_tokens' instead.", "param": "max_tokens"}}
        return 200, completion("fine")

    async with providing(ScriptedProvider(answer)) as provider, engine_for(provider) as engine:
        with pytest.raises(Trouble, match="is asked without it"):
            await engine.attempt(ask("p"))
        assert texts(await answers(engine, ask("p"), ask("q"))) == ["fine", "fine"]


async def test_a_connection_that_breaks_while_it_is_asked_after_changes_nothing():
    asked = Counter[str]()

    def broken(method: str, path: str) -> bool:
        return method == "GET" and (path.startswith("/batches/") or path.endswith("/content")) and asked[path] % 4 != 0

    def refuses(method: str, path: str) -> int | None:
        asked[path] += 1
        return 502 if path.startswith("/batches/") and asked[path] == 2 else None

    script = ScriptedProvider(broken=broken, refuses=refuses)
    async with providing(script) as provider, engine_for(provider) as engine:
        assert texts(await answers(engine, ask("p"), ask("q"))) == ["<p>", "<q>"]
    assert len(provider.batches) == 1


async def test_a_connection_that_breaks_as_a_batch_is_handed_in_does_not_hand_it_in_twice():
    script = ScriptedProvider(broken=lambda method, path: (method, path) == ("POST", "/batches"))
    async with providing(script) as provider, engine_for(provider) as engine:
        assert texts(await answers(engine, ask("p"), ask("q"))) == ["<p>", "<q>"]
    assert len(provider.batches) == 1
    assert set(provider.paid.values()) == {1}


async def test_the_next_process_pays_for_nothing_that_is_under_way_or_done():
    script = ScriptedProvider(polls=10**9)
    async with providing(script) as provider:
        async with engine_for(provider, NEVER_ABANDONED) as first:
            under_way = [asyncio.create_task(first.attempt(ask(f"p{n}"))) for n in range(20)]
            await until(lambda: provider.batches)
            for task in under_way:
                task.cancel()
        async with engine_for(provider, NEVER_ABANDONED) as second:
            again = asyncio.create_task(answers(second, *(ask(f"p{n}") for n in range(25))))
            await until(lambda: len(provider.batches) == 2)
            provider.polls = 0
            assert texts(await again) == [f"<p{n}>" for n in range(25)]
        async with engine_for(provider, NEVER_ABANDONED) as third:
            assert texts(await answers(third, ask("p3"), ask("p24"))) == ["<p3>", "<p24>"]
        assert [len(made.lines) for made in provider.batches.values()] == [20, 5]
        assert set(provider.paid.values()) == {1}
        assert not provider.cancelled()


async def test_batches_of_others_in_the_same_account_are_left_alone():
    async with providing(ScriptedProvider()) as provider:
        async with engine_for(provider) as first:
            await answers(first, ask("p"))
        provider.batches["batch_0"].fields["metadata"] = {"made_by": "someone"}
        provider.calls.clear()
        async with engine_for(provider) as second:
            assert texts(await answers(second, ask("p"))) == ["<p>"]
    assert len(provider.batches) == 2
    assert not [call for call in provider.calls if "file-0" in call]


async def test_a_batch_that_nobody_waits_for_is_cancelled_at_the_provider_after_a_while():
    async with providing(ScriptedProvider(polls=10**9)) as provider, engine_for(provider) as engine:
        tasks = [asyncio.create_task(engine.attempt(ask(f"p{n}"))) for n in range(3)]
        await until(lambda: provider.batches)
        tasks[0].cancel()
        await asyncio.sleep(0.4)
        assert not provider.cancelled()  # two still wait
        for task in tasks:
            task.cancel()
        await until(provider.cancelled)
        provider.polls = 0
        assert texts(await answers(engine, ask("p0"))) == ["<p0>"]
    assert len(provider.batches) == 2


async def test_a_caller_that_comes_back_in_time_finds_its_prompt():
    async with providing(ScriptedProvider(polls=10**9)) as provider, engine_for(provider, NEVER_ABANDONED) as engine:
        gone = asyncio.create_task(engine.attempt(ask("p")))
        await until(lambda: provider.batches)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        provider.polls = 0
        assert texts(await answers(engine, ask("p"))) == ["<p>"]
        assert texts(await answers(engine, ask("p"))) == ["<p>"]  # and once more, of the batch that has ended
    assert sum(provider.paid.values()) == 1


async def test_a_prompt_that_is_cancelled_before_it_is_handed_in_is_not_asked():
    async with providing(ScriptedProvider()) as provider, engine_for(provider) as engine:
        kept, dropped = (asyncio.create_task(engine.attempt(ask(text))) for text in ("kept", "dropped"))
        await until(lambda: "GET /batches" in provider.calls)
        await asyncio.sleep(0.01)
        dropped.cancel()
        assert texts([await kept]) == ["<kept>"]
        alone = asyncio.create_task(engine.attempt(ask("alone")))
        await asyncio.sleep(0.03)
        alone.cancel()
        await asyncio.sleep(0.2)
    assert [[text_of(line) for line in made.lines] for made in provider.batches.values()] == [["kept"]]


@pytest.mark.parametrize(
    ("errors", "error", "reason"),
    [
        ([{"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}], Trouble, Kind.REFUSED),
        ([{"code": "model_not_found", "message": "no such model"}], Misconfigured, "ModelNotServed"),
        ([{"code": "billing_hard_limit_reached", "message": "pay first"}], Misconfigured, "BatchRefused"),
    ],
)
async def test_a_batch_that_is_refused_says_why(errors: list, error: type, reason: str):
    async with providing(ScriptedProvider(fails=lambda lines: errors)) as provider, engine_for(provider) as engine:
        await engine.list_models()
        results = await answers(engine, ask("p"), ask("q"))
    for result in results:
        assert isinstance(result, error)
        assert getattr(result, "kind", None) == reason or getattr(result, "reason", None) == reason
        assert errors[0]["message"] in str(result) or reason == "ModelNotServed"


async def test_a_line_that_makes_the_provider_refuse_a_batch_is_to_blame_and_the_others_are_asked_again():
    def fails(lines: list[dict]) -> list[dict]:
        bad = [number for number, line in enumerate(lines, 1) if text_of(line) == "bad"]
        return [{"code": "invalid_request", "message": "no", "line": number} for number in bad]

    async with providing(ScriptedProvider(fails=fails)) as provider, engine_for(provider) as engine:
        good, bad = await answers(engine, ask("good"), ask("bad"))
        assert isinstance(good, Trouble)
        assert isinstance(bad, ItemError)
        assert texts(await answers(engine, ask("good"))) == ["<good>"]


@pytest.mark.parametrize(
    ("status", "error"), [(401, Misconfigured), (404, Misconfigured), (400, Misconfigured), (429, Trouble)]
)
@pytest.mark.parametrize("call", [("GET", "/batches"), ("POST", "/files"), ("POST", "/batches")])
async def test_what_the_provider_refuses_ends_the_prompts_with_its_words(call: tuple, status: int, error: type):
    script = ScriptedProvider(refuses=lambda method, path: status if (method, path) == call else None)
    async with providing(script) as provider, engine_for(provider) as engine:
        results = await answers(engine, ask("p"), ask("q"))
    for result in results:
        assert isinstance(result, error)
        assert "out of order" in str(result)
    assert not provider.paid


async def test_no_provider():
    async with providing(ScriptedProvider()) as provider:
        pass
    async with engine_for(provider) as engine:
        (result,) = await answers(engine, ask("p"))
    assert isinstance(result, Trouble)
    assert result.kind is Kind.UNREACHABLE


async def test_the_key_is_sent_with_every_call_and_never_shown():
    script = ScriptedProvider(answer=lambda line: (400, {"error": {"message": "who is s3cret?"}}))
    async with providing(script) as provider, engine_for(provider, key="s3cret") as engine:
        (result,) = await answers(engine, ask("p"))
    assert provider.keys == {"Bearer s3cret"}
    assert "s3cret" not in str(result)


async def test_through_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.005)
    patient = replace(QUICK, quiet_seconds=0.5)
    monkeypatch.setattr("seedmill.inference.batch_engine.BatchLimits", lambda: patient)
    async with providing(ScriptedProvider()) as provider:
        endpoint = f"openai-batch:{provider.url}"
        async with running_server([service([endpoint])], f"unix:{tmp_path}/i.sock") as address:
            channels = Channels([address], "inference")
            client = InferenceClient(channels, "run")
            assert await client.check_models([MODEL]) == Served((f"openai-batch {provider.url}",))
            given = await asyncio.gather(*(client.generate(ask(f"p{n}")) for n in range(300)))
            await client.close()
            await channels.close()
    assert [each.text for each in given] == [f"<p{n}>" for n in range(300)]
    assert len(provider.batches) <= 2  # one, unless this machine is very slow
    assert provider.paid.total() == 300
