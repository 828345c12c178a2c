"""Whose turn it is, and what who finds the queue full is told."""

import asyncio

import pytest

from seedmill.execution.turns import LONGEST_DELAY_SECONDS, SHORTEST_DELAY_SECONDS, Turns
from seedmill.serving.errors import Busy


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Order:
    """Programs that each hold a turn until they are let go; `entered` is the order they got one in."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.entered: list[str] = []
        self.go: dict[str, asyncio.Event] = {}

    def ask(self, run: str, name: str) -> asyncio.Task[None]:
        self.go[name] = asyncio.Event()
        return asyncio.create_task(self._hold(run, name))

    async def _hold(self, run: str, name: str) -> None:
        async with self.turns.turn(run):
            self.entered.append(name)
            await self.go[name].wait()


async def test_runs_take_turns_whatever_they_have_queued():
    order = Order(Turns(1, 100))
    tasks = [order.ask("large", f"large {n}") for n in range(4)]
    await settle()
    tasks += [order.ask("small", f"small {n}") for n in range(2)]
    for step in range(6):
        await settle()
        order.go[order.entered[step]].set()
    await asyncio.gather(*tasks)
    assert order.entered == ["large 0", "large 1", "small 0", "large 2", "small 1", "large 3"]


async def test_no_more_than_the_slots_hold_a_turn():
    order = Order(Turns(2, 100))
    tasks = [order.ask("run", str(n)) for n in range(5)]
    await settle()
    assert order.entered == ["0", "1"]
    order.go["1"].set()
    await settle()
    assert order.entered == ["0", "1", "2"]
    for event in order.go.values():
        event.set()
    await asyncio.gather(*tasks)
    assert order.turns.waiting == 0


async def test_who_gives_up_waiting_takes_nobodys_turn():
    order = Order(Turns(1, 100))
    tasks = [order.ask("run", str(n)) for n in range(4)]
    await settle()
    tasks[1].cancel()
    await settle()
    assert order.turns.waiting == 2
    tasks[2].cancel()
    order.go["0"].set()  # the turn may go to the one that is being cancelled: it passes it on
    await settle()
    assert order.entered == ["0", "3"]
    order.go["3"].set()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with order.turns.turn("run"):
        assert order.turns.waiting == 0


async def test_a_full_queue_says_when_it_will_have_moved_on(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr("seedmill.execution.turns.time.monotonic", lambda: now[0])
    turns = Turns(2, 6)
    for seconds in (1.0, 3.0, 2.0):
        async with turns.turn("run"):
            now[0] += seconds
    order = Order(turns)
    tasks = [order.ask("run", str(n)) for n in range(8)]
    await settle()
    with pytest.raises(Busy) as refused:
        async with turns.turn("other"):
            pass
    assert refused.value.reason == "QueueFull"
    assert refused.value.retry_after_seconds == 6 * 2.0 / 2
    for event in order.go.values():
        event.set()
    await asyncio.gather(*tasks)


async def test_the_delay_has_bounds(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr("seedmill.execution.turns.time.monotonic", lambda: now[0])
    turns = Turns(1, 100)
    assert turns.delay_seconds == SHORTEST_DELAY_SECONDS
    async with turns.turn("run"):
        now[0] += 10_000
    order = Order(turns)
    tasks = [order.ask("run", "a"), order.ask("run", "b")]
    await settle()
    assert turns.delay_seconds == LONGEST_DELAY_SECONDS
    for event in order.go.values():
        event.set()
    await asyncio.gather(*tasks)
