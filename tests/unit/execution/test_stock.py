"""Which sandbox a program gets, with sandboxes that are made of nothing; real ones: test_execution_pool.py."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from seedmill.execution.environments import Environment
from seedmill.execution.place import HYGIENE_TESTS, Ending, ending_after
from seedmill.execution.sandboxes.bundle import GuestPython
from seedmill.execution.sandboxes.sandbox import SandboxKind
from seedmill.execution.stock import Stock
from seedmill.serving.errors import Unavailable


def kind_of(name: str, runsc: Path | None = Path("runsc")) -> SandboxKind:
    return SandboxKind(GuestPython("python", "3.11", ()), Environment(name, f"digest of {name}"), runsc, "fake")


STD, DATA = kind_of("std"), kind_of("data")


class FakeSandbox:
    def __init__(self, kind: SandboxKind, number: int, starter: "FakeStarter") -> None:
        self.kind, self.number, self.starter = kind, number, starter

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.starter.alive.remove(self)


class FakeStarter:
    """Starts take no time while `open` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.alive: list[FakeSandbox] = []
        self.started: list[str] = []
        self.numbers: list[int] = []
        self.error: Unavailable | None = None

    async def start(self, kind: SandboxKind, number: int) -> Any:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        assert number not in [each.number for each in self.alive]
        sandbox = FakeSandbox(kind, number, self)
        self.alive.append(sandbox)
        self.started.append(kind.environment.name)
        self.numbers.append(number)
        return sandbox

    async def close(self) -> None:
        return


async def settle() -> None:
    await asyncio.sleep(0.05)


@pytest.fixture
async def starter() -> FakeStarter:
    return FakeStarter()


@pytest.fixture
async def stock(starter: FakeStarter) -> AsyncIterator[Stock]:
    made = Stock(2, starter)  # pyright: ignore[reportArgumentType]
    await made.open(STD)
    await settle()
    yield made
    await made.close()
    assert starter.alive == []


async def test_there_is_a_sandbox_for_each_slot(starter: FakeStarter, stock: Stock):
    assert starter.started == ["std", "std"]


async def test_one_that_ended_is_replaced_and_nobody_waits_while_another_is_idle(starter: FakeStarter, stock: Stock):
    starter.open.clear()
    stock.end(await stock.take(STD, fresh=False), Ending.LOST)
    place = await asyncio.wait_for(stock.take(STD, fresh=False), 1)
    waiting = asyncio.create_task(stock.take(STD, fresh=False))
    await settle()
    assert not waiting.done()
    starter.open.set()
    stock.give_back(await waiting)
    stock.give_back(place)
    assert len(starter.alive) == 2


async def test_who_waits_takes_the_first_that_is_free(starter: FakeStarter, stock: Stock):
    one, _ = await stock.take(STD, fresh=False), await stock.take(STD, fresh=False)
    starter.open.clear()
    waiting = asyncio.create_task(stock.take(STD, fresh=False))
    await settle()
    stock.give_back(one)
    assert await asyncio.wait_for(waiting, 1) is one
    starter.open.set()


async def test_the_one_idle_longest_makes_room_for_another_environment(starter: FakeStarter, stock: Stock):
    used = await stock.take(STD, fresh=False)
    used.served = 1
    stock.give_back(used)
    place = await asyncio.wait_for(stock.take(DATA, fresh=False), 1)
    assert place.environment == "digest of data"
    await settle()
    assert len(starter.alive) == 2
    assert await asyncio.wait_for(stock.take(STD, fresh=False), 1) is used


async def test_two_environments_by_turns_start_one_sandbox_each(starter: FakeStarter, stock: Stock):
    for _ in range(10):
        for kind in (STD, DATA):
            place = await asyncio.wait_for(stock.take(kind, fresh=False), 1)
            place.served += 1
            stock.give_back(place)
            await settle()
    assert starter.started == ["std", "std", "data"]


async def serve_once_in_all(stock: Stock) -> None:
    places = [await stock.take(STD, fresh=False) for _ in range(2)]
    for place in places:
        place.served = 1
        stock.give_back(place)


async def test_fresh_ones_have_served_nothing_and_spares_are_kept(starter: FakeStarter, stock: Stock):
    await serve_once_in_all(stock)
    for _ in range(6):
        place = await asyncio.wait_for(stock.take(STD, fresh=True), 1)
        assert place.served == 0
        place.served = 1
        stock.end(place, Ending.FRESH)
        await settle()
    assert len(starter.alive) == 4
    starter.open.clear()
    for _ in range(2):
        await asyncio.wait_for(stock.take(STD, fresh=True), 1)
    starter.open.set()


async def test_spares_go_when_nobody_asks_for_fresh_ones_any_more(
    starter: FakeStarter, stock: Stock, monkeypatch: pytest.MonkeyPatch
):
    await serve_once_in_all(stock)
    stock.end(await stock.take(STD, fresh=True), Ending.FRESH)
    await settle()
    assert len(starter.alive) == 4
    monkeypatch.setattr("seedmill.execution.stock.FRESH_SECONDS", 0.0)
    stock.give_back(await stock.take(STD, fresh=False))
    await settle()
    assert len(starter.alive) == 2


async def test_an_old_one_serves_until_its_successor_is_there(starter: FakeStarter, stock: Stock):
    starter.open.clear()
    old = await stock.take(STD, fresh=False)
    old.served = HYGIENE_TESTS
    stock.give_back(old)
    await settle()
    assert len(starter.alive) == 2
    starter.open.set()
    await settle()
    assert old.sandbox not in starter.alive
    assert len(starter.alive) == 2


async def test_a_native_successor_comes_after_the_end_and_gets_the_same_users(starter: FakeStarter):
    stock = Stock(2, starter)  # pyright: ignore[reportArgumentType]
    native = kind_of("std", None)
    await stock.open(native)
    await settle()
    place = await stock.take(native, fresh=False)
    number = place.number
    stock.end(place, Ending.LOST)
    await settle()
    assert starter.numbers[-1] == number
    assert len(starter.alive) == 2
    await stock.close()


async def test_who_waits_learns_why_nothing_can_be_started_and_it_heals(starter: FakeStarter, stock: Stock):
    places = [await stock.take(STD, fresh=False) for _ in range(2)]
    starter.error = Unavailable("SandboxUnavailable", "no memory")
    for place in places:
        stock.end(place, Ending.LOST)
    with pytest.raises(Unavailable, match="no memory"):
        await asyncio.wait_for(stock.take(STD, fresh=False), 5)
    starter.error = None
    place = await asyncio.wait_for(stock.take(STD, fresh=False), 10)
    stock.give_back(place)


async def test_a_cancelled_one_takes_no_sandbox_with_it(starter: FakeStarter, stock: Stock):
    places = [await stock.take(STD, fresh=False) for _ in range(2)]
    waiting = asyncio.create_task(stock.take(STD, fresh=False))
    await settle()
    stock.give_back(places[0])  # given to the one that is cancelled before it can see it
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.wait_for(stock.take(STD, fresh=False), 1) is places[0]


REPLY = {"reason": "", "held_bytes": 200 << 20, "sweep_seconds": 0.01, "left": 2}


@pytest.mark.parametrize(
    ("change", "ending"),
    [
        ({}, None),
        ({"reason": "ProtocolViolation: the report is too long"}, Ending.VIOLATION),
        ({"held_bytes": (228 << 20) + 1}, Ending.MEMORY),
        ({"sweep_seconds": 1.5}, Ending.SWEEP),
        ({"left": 33}, Ending.LEFTOVERS),
    ],
)
def test_why_a_sandbox_does_not_serve_on(change: dict[str, object], ending: Ending | None):
    assert ending_after(REPLY | change, 100 << 20) is ending
