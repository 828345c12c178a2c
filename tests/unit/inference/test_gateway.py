"""The gateway before one server, which answers well, badly and not at all."""

import asyncio
import socket
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest
from aiohttp import web

from seedmill.inference import retry
from seedmill.inference.gateway import CONTROL_TEXT, Caller
from seedmill.inference.openai_engine import answer_seconds_from_environment
from seedmill.records.generation import Api
from seedmill.records.tokens import Tokens
from seedmill.serving.errors import Busy, ItemError, Misconfigured, Unavailable
from support.eventually import until
from support.gateways import ask, gateway, text_of
from support.scripted_http import MODEL, ScriptedServer, completion, refusal, reply, serving


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.005)
    monkeypatch.setattr(retry, "QUIET_SECONDS", 0.4)


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


async def test_what_broke_is_counted_as_thrown_away():
    script = ScriptedServer(lambda body, n: refusal(500) if n < 2 else completion())
    async with serving(script) as server, gateway(server.url) as g:
        caller = Caller("run")
        await g.generate(ask("a prompt of thirty-three bytes ..."), caller)
    assert caller.wasted == Tokens(2 * 12, 0)


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
