"""The gateway before one server: which servers it works with, what it waits for, and how much it admits."""

import asyncio
import socket

import pytest
from aiohttp import web

from seedmill.inference.gateway import Caller
from seedmill.inference.openai_engine import answer_seconds_from_environment
from seedmill.records.generation import Api
from seedmill.serving.errors import Busy, Misconfigured, Unavailable
from support.eventually import until
from support.gateways import ask, gateway, text_of
from support.scripted_http import MODEL, ScriptedServer, completion, refusal, reply, serving

pytestmark = pytest.mark.usefixtures("short_pauses")


def free_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/v1"


async def test_both_routes_answer():
    async with (
        serving(ScriptedServer(lambda body, n: completion(text_of(body)[::-1]))) as server,
        gateway(server.url) as g,
    ):
        for api in Api:
            answer = await g.generate(ask("abc", api=api))
            assert answer.completion.text == "cba"
            assert answer.completion.completion_tokens == 3
            assert 0 < answer.seconds < 5
    assert [sorted(body) for body in server.asked] == [
        ["max_tokens", "model", "prompt", "seed", "temperature", "top_p"],
        ["max_tokens", "messages", "model", "seed", "temperature", "top_p"],
    ]


async def test_models_are_checked():
    async with serving(ScriptedServer()) as server, gateway(server.url) as g:
        assert await g.check_models([MODEL]) == [f"openai {server.url}"]
        with pytest.raises(Misconfigured, match=r"'servad' is not served by .* \(served: served\)") as raised:
            await g.check_models([MODEL, "servad"])
        assert raised.value.reason == "ModelNotServed"
        with pytest.raises(Misconfigured, match="'servad'"):
            await g.generate(ask(model="servad"))
        assert server.asked == []


async def test_without_endpoints_it_says_how_to_give_one():
    async with gateway() as g:
        assert await g.check_models([]) == []
        with pytest.raises(Misconfigured, match="--teacher") as raised:
            await g.generate(ask())
        assert raised.value.reason == "NoEndpoint"


@pytest.mark.parametrize(
    ("answer", "reason", "says"),
    [
        (reply("<html><title>Welcome</title>"), "NotAnOpenAiServer", "<html>"),
        (reply("hello"), "NotAnOpenAiServer", "hello"),
        (reply({"status": "ok"}), "NotAnOpenAiServer", "status"),
        (refusal(401, "Incorrect API key"), "Unauthorized", "SEEDMILL_TEACHER_KEY"),
        (refusal(403), "Unauthorized", "403"),
        (reply("<h1>404</h1>", 404), "NotAnOpenAiServer", "base URL"),
        (reply("", 301, Location="http://elsewhere/"), "NotAnOpenAiServer", "301"),
        (refusal(400, "plain HTTP was sent to an HTTPS port"), "NotAnOpenAiServer", "HTTPS port"),
    ],
)
async def test_a_server_that_cannot_be_used_is_told_at_once(answer: web.Response, reason: str, says: str):
    async with serving(ScriptedServer(models=lambda: answer)) as server, gateway(server.url) as g:
        with pytest.raises(Misconfigured, match=says) as raised:
            await g.check_models([MODEL])
        assert raised.value.reason == reason
        assert server.url in raised.value.message


async def test_something_that_speaks_no_http():
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with listener, gateway(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1") as g:
        with pytest.raises(Misconfigured) as raised:
            await g.check_models([MODEL])
    assert raised.value.reason == "NotAnOpenAiServer"


@pytest.mark.parametrize("url", [free_url(), "http://no-such-host.invalid/v1"])
async def test_an_endpoint_that_is_away_is_waited_for(url: str):
    async with gateway(url) as g:
        for call in (g.check_models([MODEL]), g.generate(ask())):
            with pytest.raises(Unavailable, match="no connection to") as raised:
                await call
            assert raised.value.reason == "TeacherUnreachable"


async def test_an_endpoint_that_comes_back_answers():
    script = ScriptedServer()
    async with serving(script) as server:
        port = int(server.url.split(":")[2].split("/")[0])
    async with gateway(script.url) as g:
        with pytest.raises(Unavailable):
            await g.generate(ask())
        async with serving(script, port):
            assert (await g.generate(ask())).completion.text == "fine"


async def test_a_refused_key_in_the_middle_of_a_run():
    answers = ScriptedServer(lambda body, n: refusal(401, "key sk-12345 was revoked"))
    async with serving(answers) as server, gateway(server.url, key="sk-12345") as g:
        with pytest.raises(Misconfigured) as raised:
            await g.generate(ask())
    assert raised.value.reason == "Unauthorized"
    assert "sk-12345" not in raised.value.message
    assert {headers["Authorization"] for headers in server.headers} == {"Bearer sk-12345"}


async def test_cancelling_closes_the_request():
    async def answer(body: dict, n: int) -> web.Response:
        await asyncio.sleep(30)
        return completion()

    async with serving(ScriptedServer(answer)) as server, gateway(server.url) as g:
        task = asyncio.create_task(g.generate(ask()))
        while not server.in_flight:
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for _ in range(100):
            if server.dropped:
                break
            await asyncio.sleep(0.01)
        assert server.dropped == 1
        assert server.in_flight == 0


async def test_more_prompts_than_can_be_held_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("seedmill.inference.gateway.MAX_PROMPTS", 3)

    async def answer(body: dict, n: int) -> web.Response:
        await asyncio.sleep(0.2)
        return completion()

    async with serving(ScriptedServer(answer)) as server, gateway(server.url) as g:
        tasks = [asyncio.create_task(g.generate(ask(f"p{n}"))) for n in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(Busy) as raised:
            g.admit(1)
        assert raised.value.retry_after_seconds > 0
        await asyncio.gather(*tasks)
        g.admit(3)


@pytest.mark.parametrize("told", ["soon", "0", "-1", "inf", "nan"])
def test_a_time_for_answers_that_is_none_is_one_error(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDMILL_ANSWER_SECONDS", told)
    with pytest.raises(Misconfigured, match=f"SEEDMILL_ANSWER_SECONDS={told} is no number of seconds above 0"):
        answer_seconds_from_environment()


def test_the_time_for_answers_is_900_s_or_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEEDMILL_ANSWER_SECONDS", raising=False)
    assert answer_seconds_from_environment() == 900
    monkeypatch.setenv("SEEDMILL_ANSWER_SECONDS", "12.5")
    assert answer_seconds_from_environment() == 12.5


async def test_runs_are_granted_prompts_by_their_share_of_the_slots():
    async def hangs(body: dict, n: int) -> web.Response:
        await asyncio.sleep(30)
        return completion("never")

    async with serving(ScriptedServer(hangs)) as server, gateway(server.url, first=16.0) as g:
        await g.check_models([MODEL])
        assert g.credits([MODEL], "a", 1) == 22  # 16 slots, a quarter more, two to spare
        assert g.credits(["unknown"], "a", 1) == 0
        others = [asyncio.create_task(g.generate(ask(f"p{n}"), Caller("b", 3))) for n in range(3)]
        await until(lambda: server.in_flight == 3)
        assert g.credits([MODEL], "a", 1) == 7
        assert g.credits([MODEL], "b", 3) == 22
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
