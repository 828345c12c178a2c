"""What the gateway does with answers that fail: what is asked again, which prompt fails alone, what stops the run."""

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest
from aiohttp import web

from seedmill.inference.gateway import CONTROL_TEXT, Caller
from seedmill.records.generation import Api
from seedmill.records.tokens import Tokens
from seedmill.serving.errors import ItemError, Misconfigured, Unavailable
from support.gateways import ask, gateway, text_of
from support.scripted_http import ScriptedServer, completion, refusal, reply, serving

pytestmark = pytest.mark.usefixtures("short_pauses")


async def test_a_prompt_that_the_server_refuses_is_asked_once_and_fails_alone():
    def answer(body: dict, n: int) -> web.Response:
        return refusal(400, "this is not allowed here") if text_of(body) == "bad" else completion()

    async with serving(ScriptedServer(answer)) as server, gateway(server.url) as g:
        with pytest.raises(ItemError, match="this is not allowed here") as raised:
            await g.generate(ask("bad"))
        assert raised.value.reason == "PromptRefused"
        assert len(server.asked) == 1
        assert (await g.generate(ask("good"))).completion.text == "fine"


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
async def test_what_may_pass_is_asked_again(status: int):
    script = ScriptedServer(lambda body, n: refusal(status) if n < 3 else completion())
    async with serving(script) as server, gateway(server.url) as g:
        assert (await g.generate(ask())).completion.text == "fine"
    assert len(server.asked) == 4


@pytest.mark.parametrize("broken", [lambda: None, lambda: reply('{"choices": [{"text": "half')])
async def test_half_an_answer_and_a_broken_connection_are_asked_again(broken: Callable[[], web.Response | None]):
    script = ScriptedServer(lambda body, n: broken() if n < 2 else completion())
    async with serving(script) as server, gateway(server.url) as g:
        assert (await g.generate(ask())).completion.text == "fine"
    assert len(server.asked) == 3


async def test_a_body_that_ends_early_is_asked_again():
    async def answer(body: dict, n: int) -> web.StreamResponse:
        if n:
            return completion()
        return web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})

    async with serving(ScriptedServer(answer)) as server, gateway(server.url, answer_seconds=1.0) as g:
        assert (await g.generate(ask())).completion.text == "fine"


async def test_a_prompt_that_always_breaks_the_server_fails_alone_although_no_other_is_asked():
    script = ScriptedServer(lambda body, n: refusal(500, "CUDA error") if text_of(body) == "poison" else completion())
    for api in Api:
        async with serving(script) as server, gateway(server.url) as g:
            with pytest.raises(ItemError, match="CUDA error") as raised:
                await g.generate(ask("poison", api=api))
            assert raised.value.reason == "ServerError"
            assert [text_of(body) for body in server.asked] == ["poison"] * 5 + [CONTROL_TEXT]
            server.asked.clear()


async def test_a_prompt_that_breaks_the_server_while_others_work_needs_no_control():
    script = ScriptedServer(lambda body, n: refusal(500) if text_of(body) == "poison" else completion())
    async with serving(script) as server, gateway(server.url) as g:
        poisoned = asyncio.create_task(g.generate(ask("poison")))
        while not poisoned.done():
            await g.generate(ask("good"))
        assert isinstance(poisoned.exception(), ItemError)
    assert CONTROL_TEXT not in {text_of(body) for body in server.asked}


async def test_a_server_that_breaks_for_everyone_is_waited_for_and_no_prompt_is_blamed():
    async with (
        serving(ScriptedServer(lambda body, n: refusal(500, "out of order"))) as server,
        gateway(server.url) as g,
    ):
        results = await asyncio.gather(*(g.generate(ask(f"p{n}")) for n in range(20)), return_exceptions=True)
    assert {type(result) for result in results} == {Unavailable}
    assert {result.reason for result in results} == {"TeacherFailing"}
    assert sum(text_of(body) == CONTROL_TEXT for body in server.asked) <= 3


async def test_refusals_of_everyone_end_after_a_quiet_time_with_the_servers_words():
    async with (
        serving(ScriptedServer(lambda body, n: refusal(429, "quota exceeded"))) as server,
        gateway(server.url) as g,
    ):
        with pytest.raises(Unavailable, match="quota exceeded") as raised:
            await g.generate(ask())
    assert raised.value.reason == "TeacherOverloaded"


@pytest.mark.parametrize("header", ["0.3", "date"])
async def test_retry_after_holds_the_whole_endpoint(header: str):
    at: list[float] = []

    def answer(body: dict, n: int) -> web.Response:
        at.append(time.monotonic())
        after = formatdate(time.time() + 1.99, usegmt=True) if header == "date" else header
        return refusal(429, Retry_After=after) if n == 0 else completion()

    async with serving(ScriptedServer(answer)) as server, gateway(server.url) as g:
        first = asyncio.create_task(g.generate(ask("first")))
        while not at:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        await asyncio.gather(first, g.generate(ask("second")))
    assert at[1] - at[0] >= (0.29 if header == "0.3" else 0.9)


async def test_a_server_with_less_room_than_asked_for_answers_everyone():
    busy = 0

    async def answer(body: dict, n: int) -> web.Response:
        nonlocal busy
        if busy >= 4:
            return refusal(429)
        busy += 1
        await asyncio.sleep(0.005)
        busy -= 1
        return completion()

    async with serving(ScriptedServer(answer)) as server, gateway(server.url, first=64) as g:
        results = await asyncio.gather(*(g.generate(ask(f"p{n}")) for n in range(200)))
    assert len(results) == 200
    assert len(server.asked) < 800


async def test_a_hang_ends_after_the_time_for_an_answer():
    async def answer(body: dict, n: int) -> web.Response:
        if text_of(body) == "slow":
            await asyncio.sleep(30)
        return completion()

    async with serving(ScriptedServer(answer)) as server, gateway(server.url, answer_seconds=0.1) as g:
        with pytest.raises(ItemError, match=r"did not answer within 0\.1 s") as raised:
            await g.generate(ask("slow"))
    assert raised.value.reason == "NoAnswerInTime"
    assert sum(text_of(body) == "slow" for body in server.asked) == 2


async def test_an_unreadable_answer_is_asked_for_once_more():
    async with serving(ScriptedServer(lambda body, n: reply({"choices": []}))) as server, gateway(server.url) as g:
        with pytest.raises(ItemError) as raised:
            await g.generate(ask())
    assert raised.value.reason == "ResponseUnreadable"
    assert len(server.asked) == 2


async def test_a_page_instead_of_an_answer_stops_the_run():
    async with (
        serving(ScriptedServer(lambda body, n: reply("<html>log in</html>"))) as server,
        gateway(server.url) as g,
    ):
        with pytest.raises(Misconfigured, match="log in") as raised:
            await g.generate(ask())
    assert raised.value.reason == "NotAnOpenAiServer"


async def test_parameters_that_a_server_refuses_are_left_out_and_remembered():
    def answer(body: dict, n: int) -> web.Response:
        if "seed" in body:
            return refusal(400, "Unknown parameter: 'seed'")
        if len(body.get("stop", ())) > 4:
            return refusal(400, "Invalid 'stop': array too long")
        return completion("one<6>two")

    stop = tuple(f"<{n}>" for n in range(9))
    async with serving(ScriptedServer(answer)) as server, gateway(server.url) as g:
        for _ in range(3):
            assert (await g.generate(ask(stop=stop))).completion.text == "one"
    assert len(server.asked) == 5
    assert [len(body["stop"]) for body in server.asked[2:]] == [4, 4, 4]
    assert not any("seed" in body for body in server.asked[1:])


async def test_a_refusal_that_only_mentions_a_parameter_changes_nothing_for_others():
    def answer(body: dict, n: int) -> web.Response:
        return refusal(400, "unsupported 'seed' in this story") if text_of(body) == "bad" else completion()

    async with serving(ScriptedServer(answer)) as server, gateway(server.url) as g:
        with pytest.raises(ItemError):
            await g.generate(ask("bad"))
        await g.generate(ask("good"))
    assert "seed" in server.asked[-1]


async def test_a_flood_of_bytes_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("seedmill.inference.openai_engine.LARGEST_ANSWER_BYTES", 1 << 16)
    async with serving(ScriptedServer(lambda body, n: reply("x" * (1 << 18)))) as server, gateway(server.url) as g:
        with pytest.raises(Misconfigured, match="more than"):
            await g.generate(ask())


async def test_a_page_from_a_server_that_has_answered_before_passes_like_a_502() -> None:
    def answer(body, n):
        return reply("<html>Bad Gateway</html>") if n == 1 else completion()

    async with serving(ScriptedServer(answer)) as server, gateway(server.url) as g:
        first = await g.generate(ask("abc"))
        second = await g.generate(ask("abc"))
    assert first.completion.text == second.completion.text == "fine"
    assert len(server.asked) == 3


async def test_a_page_before_the_first_answer_is_asked_about_again_and_then_told() -> None:
    welcome = ScriptedServer(lambda body, n: reply("<html>Welcome</html>"))
    async with serving(welcome) as server, gateway(server.url) as g:
        with pytest.raises(Misconfigured) as raised:
            await g.generate(ask("abc"))
    assert raised.value.reason == "NotAnOpenAiServer"
    assert len(server.asked) == 3


async def test_what_broke_is_counted_as_thrown_away():
    script = ScriptedServer(lambda body, n: refusal(500) if n < 2 else completion())
    async with serving(script) as server, gateway(server.url) as g:
        caller = Caller("run")
        await g.generate(ask("a prompt of thirty-three bytes ..."), caller)
    assert caller.wasted == Tokens(2 * 12, 0)
