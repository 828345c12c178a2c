"""The gateway before several servers: which one a prompt goes to, and what becomes of those that wait at a bad one."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from seedmill.inference import durations, retry
from seedmill.inference.gateway import Caller, Gateway
from support.eventually import until
from support.gateways import ask, gateway
from support.scripted_http import MODEL, ScriptedServer, completion, refusal, reply, serving


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.005)
    monkeypatch.setattr(retry, "QUIET_SECONDS", 0.4)


async def test_load_is_spread_and_an_endpoint_that_dies_is_passed_over():
    async def answer(body: dict, n: int) -> web.Response:
        await asyncio.sleep(0.01)
        return completion()

    one, two = ScriptedServer(answer), ScriptedServer(answer)
    async with serving(one), AsyncExitStack() as stack:
        async with serving(two):
            g = await stack.enter_async_context(gateway(one.url, two.url))
            await asyncio.gather(*(g.generate(ask(f"p{n}")) for n in range(40)))
            assert min(len(one.asked), len(two.asked)) >= 12
        results = await asyncio.gather(*(g.generate(ask(f"q{n}")) for n in range(40)))
    assert len(results) == 40


async def test_models_on_different_endpoints_find_their_own():
    other = ScriptedServer(lambda body, n: completion("other"), lambda: reply({"data": [{"id": "other"}]}))
    async with serving(ScriptedServer()) as one, serving(other) as two, gateway(one.url, two.url) as g:
        assert await g.check_models([MODEL, "other"]) == [f"openai {one.url}", f"openai {two.url}"]
        assert (await g.generate(ask(model="other"))).completion.text == "other"
        assert (await g.generate(ask())).completion.text == "fine"


async def hangs(body: dict, n: int) -> web.Response:
    await asyncio.sleep(30)
    return completion("never")


def expect_quick_answers(g: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durations, "AT_LEAST_SECONDS", 0.1)
    monkeypatch.setattr("seedmill.inference.duplicates.CHECK_SECONDS", 0.02)
    for endpoint in g._endpoints:
        for _ in range(durations.NEEDED):
            endpoint.durations.add(0.01)


async def test_a_late_prompt_gets_one_duplicate_elsewhere_and_what_loses_is_cut_off_and_counted(monkeypatch):
    """Both are asked; whichever of the two the prompt went to first, the other one's answer counts."""
    for slow_one in (0, 1):
        servers = [ScriptedServer(hangs) if n == slow_one else ScriptedServer() for n in range(2)]
        async with serving(servers[0]) as one, serving(servers[1]) as two, gateway(one.url, two.url) as g:
            expect_quick_answers(g, monkeypatch)
            caller = Caller("run")
            answers = await asyncio.gather(*(g.generate(ask(f"p{n}"), caller) for n in range(4)))
            assert {answer.completion.text for answer in answers} == {"fine"}
            late, quick = servers[slow_one], servers[1 - slow_one]
            assert (len(late.asked), len(quick.asked)) == (2, 4)
            assert caller.wasted.prompt > 0
            assert caller.wasted.completion == 2 * answers[0].completion.completion_tokens
            await until(lambda late=late: late.dropped == 2)


async def test_alone_or_beside_a_full_endpoint_a_late_prompt_is_waited_for(monkeypatch):
    async def slow(body: dict, n: int) -> web.Response:
        await asyncio.sleep(0.4)
        return completion()

    async with serving(ScriptedServer(slow)) as one, serving(ScriptedServer(slow)) as two:
        async with gateway(one.url) as g:
            expect_quick_answers(g, monkeypatch)
            await g.generate(ask())
        async with gateway(one.url, two.url, first=1.0) as g:
            expect_quick_answers(g, monkeypatch)
            await asyncio.gather(*(g.generate(ask(f"p{n}")) for n in range(2)))
    assert len(one.asked) + len(two.asked) == 3


@pytest.mark.parametrize("unhurried", [0, 1])
async def test_an_endpoint_that_takes_its_time_neither_gives_duplicates_nor_gets_any(monkeypatch, unhurried):
    """Whichever of the two it is, the slow one, which would be late, or the quick one, which could help."""

    async def slow(body: dict, n: int) -> web.Response:
        await asyncio.sleep(0.4)
        return completion()

    async with (
        serving(ScriptedServer(slow)) as one,
        serving(ScriptedServer()) as two,
        gateway(one.url, two.url, unhurried=(one.url, two.url)[unhurried]) as g,
    ):
        expect_quick_answers(g, monkeypatch)
        await asyncio.gather(*(g.generate(ask(f"p{n}")) for n in range(4)))
    assert (len(one.asked), len(two.asked)) == (2, 2)


async def test_answers_that_break_in_a_row_send_those_who_wait_elsewhere(monkeypatch):
    """With a limit of 1 each, twenty prompts are in line at the broken one; few find out for themselves."""

    async def breaks(body: dict, n: int) -> web.Response:
        await asyncio.sleep(0.01)
        return refusal(500, "out of memory")

    async def works(body: dict, n: int) -> web.Response:
        await asyncio.sleep(0.001)
        return completion()

    broken, good = ScriptedServer(breaks), ScriptedServer(works)
    async with serving(broken), serving(good), gateway(broken.url, good.url, first=1.0) as g:
        await g.check_models([MODEL])
        answers = await asyncio.gather(*(g.generate(ask(f"p{n}")) for n in range(40)))
    assert len(answers) == 40
    assert len(broken.asked) <= 8
