"""A Conversation: who shares a request, who gets what, what a cancellation disturbs, and when a call is the last."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from seedmill.serving.conversation import Conversation, Language
from seedmill.serving.errors import Busy, ItemError, ServiceError, Unavailable
from support.eventually import until

Said = tuple[list[tuple[str, int]], list[str]]
Heard = tuple[list[tuple[str, int | ServiceError]], bool]


class ScriptedCall:
    """Doubles what it is told, unless it is held; notes what was said."""

    def __init__(self, holds: bool) -> None:
        self.said: list[Said] = []
        self.ended = asyncio.Event()
        self.cancelled = False
        self._holds = holds
        self._open: set[str] = set()
        self._heard: asyncio.Queue[Heard | Exception] = asyncio.Queue()

    async def write(self, request: Said) -> None:
        self.said.append(request)
        self._open |= {item_id for item_id, _ in request[0]}
        if not self._holds:
            self.answer([(item_id, 2 * item) for item_id, item in request[0]])

    async def done_writing(self) -> None:
        self.ended.set()
        self.answer([])

    def cancel(self) -> bool:
        self.cancelled = True
        return True

    def answer(self, outcomes: list[tuple[str, int | ServiceError]], *, closing: bool = False) -> None:
        self._heard.put_nowait((outcomes, closing))

    def break_off(self, error: Exception | None) -> None:
        if error is None:
            self._open.clear()
            self.ended.set()
            self.answer([])
        else:
            self._heard.put_nowait(error)

    @property
    def names(self) -> list[str]:
        return [name for items, _ in self.said for name, _ in items]

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while self._open or not self.ended.is_set():
            heard = await self._heard.get()
            if isinstance(heard, Exception):
                raise heard
            self._open -= {item_id for item_id, _ in heard[0]}
            yield heard

    @property
    def items(self) -> list[list[int]]:
        return [[item for _, item in items] for items, _ in self.said if items]


class Numbers(Language[int, int]):
    """Opens scripted calls."""

    def __init__(self, *, holds: bool = False) -> None:
        self.calls: list[ScriptedCall] = []
        self.channels: list[Any] = []
        self._holds = holds

    def open(self, channel: Any) -> ScriptedCall:
        self.channels.append(channel)
        self.calls.append(ScriptedCall(self._holds))
        return self.calls[-1]

    def request(self, items: Sequence[tuple[str, int]], given_up: Sequence[str]) -> Said:
        return list(items), list(given_up)

    def response(self, message: Heard) -> Heard:
        return message

    async def said(self, number: int) -> None:
        """Wait until something was said in this call."""
        await until(lambda: len(self.calls) > number and self.calls[number].said)


class Replicas:
    """Stands for Channels: names, taken in turn."""

    def __init__(self, *names: str) -> None:
        self._names = list(names)

    def pick(self) -> Any:
        self._names.append(self._names.pop(0))
        return self._names[-1]


def conversation(language: Numbers, *names: str, talk_seconds: float = 60.0, max_items: int = 64) -> Any:
    return Conversation[int, int](Replicas(*(names or ("a",))), language, max_items, 0.002, talk_seconds)  # pyright: ignore


async def two_asked(asked: Any, numbers: Numbers) -> tuple[list["asyncio.Task[int]"], list[str]]:
    """Who waits for two items of one request, and the items' names."""
    tasks = [asyncio.create_task(asked.submit(number)) for number in range(2)]
    await numbers.said(0)
    return tasks, numbers.calls[0].names


async def test_items_that_arrive_together_share_a_request_and_each_gets_its_own_result() -> None:
    numbers = Numbers()
    asked = conversation(numbers)
    assert await asyncio.gather(*(asked.submit(number) for number in range(10))) == [2 * n for n in range(10)]
    assert await asked.submit(7) == 14
    assert [call.items for call in numbers.calls] == [[list(range(10)), [7]]]
    await asked.close()


async def test_a_full_request_is_sent_at_once_and_the_rest_after_the_linger() -> None:
    numbers = Numbers()
    asked = conversation(numbers, max_items=4)
    await asyncio.gather(*(asked.submit(number) for number in range(10)))
    assert sorted(len(each) for each in numbers.calls[0].items) == [2, 4, 4]
    await asked.close()


async def test_a_result_arrives_before_the_others_of_its_request() -> None:
    numbers = Numbers(holds=True)
    asked = conversation(numbers)
    tasks, (first, second) = await two_asked(asked, numbers)
    numbers.calls[0].answer([(second, 5)])
    assert await tasks[1] == 5
    assert not tasks[0].done()
    numbers.calls[0].answer([(first, ItemError("PromptRefused", "HTTP 400"))])
    with pytest.raises(ItemError):
        await tasks[0]
    await asked.close()


async def test_a_trouble_concerns_its_submitter_alone() -> None:
    numbers = Numbers(holds=True)
    asked = conversation(numbers)
    tasks, (first, second) = await two_asked(asked, numbers)
    numbers.calls[0].answer([(first, Busy("QueueFull", "full", 1.0)), (second, 3), ("stranger", 4), (second, 9)])
    with pytest.raises(Busy):
        await tasks[0]
    assert await tasks[1] == 3
    await asked.close()


@pytest.mark.parametrize("how", ["it ends", "it fails"])
async def test_who_still_waits_when_a_call_ends_learns_why_and_the_next_one_is_another_call(how: str) -> None:
    numbers = Numbers(holds=True)
    asked = conversation(numbers)
    task = asyncio.create_task(asked.submit(1))
    await numbers.said(0)
    numbers.calls[0].break_off(None if how == "it ends" else Unavailable("Gone", "killed"))
    with pytest.raises(Unavailable, match=r"ended before it gave a result|killed"):
        await task
    again = asyncio.create_task(asked.submit(2))
    await numbers.said(1)
    numbers.calls[1].answer([(numbers.calls[1].names[0], 4)])
    assert await again == 4
    await asked.close()


async def test_whom_nobody_waits_for_is_given_up_at_the_service_and_others_are_not() -> None:
    numbers = Numbers(holds=True)
    asked = conversation(numbers)
    tasks = [asyncio.create_task(asked.submit(number)) for number in range(3)]
    await numbers.said(0)
    call = numbers.calls[0]
    tasks[0].cancel()
    tasks[2].cancel()
    await until(lambda: len(call.said) == 2)
    assert call.said[1] == ([], [call.names[0], call.names[2]])
    call.answer([(call.names[1], 2)])
    assert await tasks[1] == 2
    await asked.close()


async def test_an_item_cancelled_while_it_waits_for_company_is_not_sent() -> None:
    numbers = Numbers()
    asked = conversation(numbers)
    tasks = [asyncio.create_task(asked.submit(number)) for number in range(2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    assert await tasks[1] == 2
    assert numbers.calls[0].said[0][0] == [("2", 1)]
    await asked.close()


async def test_items_go_to_the_replicas_in_turn_by_one_call_each() -> None:
    numbers = Numbers()
    asked = conversation(numbers, "a", "b")
    for number in range(6):
        await asked.submit(number)
    assert numbers.channels == ["a", "b"]
    assert [call.items for call in numbers.calls] == [[[0], [2], [4]], [[1], [3], [5]]]
    await asked.close()


@pytest.mark.parametrize("why", ["it is old", "the replica stops"])
async def test_a_call_that_takes_no_more_items_goes_on_to_its_last_result(why: str) -> None:
    numbers = Numbers(holds=True)
    asked = conversation(numbers, talk_seconds=0.0 if why == "it is old" else 60.0)
    first = asyncio.create_task(asked.submit(1))
    await numbers.said(0)
    old = numbers.calls[0]
    if why == "the replica stops":
        old.answer([], closing=True)
        await asyncio.wait_for(old.ended.wait(), 5)
    second = asyncio.create_task(asked.submit(2))
    await numbers.said(1)
    numbers.calls[1].answer([(numbers.calls[1].names[0], 4)])
    assert await second == 4
    assert old.items == [[1]]
    assert not old.cancelled
    old.answer([(old.names[0], 2)])
    assert await first == 2
    await until(lambda: old.cancelled)
    await asked.close()


async def test_close_cancels_those_who_wait_and_the_calls() -> None:
    numbers = Numbers(holds=True)
    asked = conversation(numbers)
    sent = asyncio.create_task(asked.submit(1))
    await numbers.said(0)
    waiting = asyncio.create_task(asked.submit(2))
    await asyncio.sleep(0)
    await asked.close()
    for task in (sent, waiting):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert numbers.calls[0].cancelled
