"""The Batcher: who shares a call, who gets what, and what a cancellation disturbs."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from seedmill.serving.batching import Batcher
from seedmill.serving.errors import Busy, ItemError, ServiceError, Unavailable

Answers = AsyncIterator[tuple[str, int | ServiceError]]


class Doubler:
    """A call that doubles numbers, in reverse order; remembers its batches; can wait after the first half."""

    def __init__(self, *, waits: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.release = asyncio.Event()
        self.cancelled = asyncio.Event()
        if not waits:
            self.release.set()

    async def __call__(self, batch: list[tuple[str, int]]) -> Answers:
        self.batches.append([item for _, item in batch])
        turned = batch[::-1]
        half = len(turned) // 2
        for item_id, item in turned[:half]:
            yield item_id, 2 * item
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        for item_id, item in turned[half:]:
            yield item_id, 2 * item


async def test_items_that_arrive_together_share_a_call_and_each_gets_its_own_result() -> None:
    call = Doubler()
    batcher = Batcher(call)
    assert await asyncio.gather(*(batcher.submit(number) for number in range(10))) == [2 * n for n in range(10)]
    assert call.batches == [list(range(10))]


async def test_a_full_batch_is_sent_at_once_and_the_rest_after_the_linger() -> None:
    call = Doubler()
    batcher = Batcher(call, max_items=4, linger_seconds=0.02)
    await asyncio.gather(*(batcher.submit(number) for number in range(10)))
    assert [len(batch) for batch in call.batches] == [4, 4, 2]


async def test_a_result_arrives_before_the_others_of_its_batch() -> None:
    call = Doubler(waits=True)
    batcher = Batcher(call)
    tasks = [asyncio.create_task(batcher.submit(number)) for number in range(2)]
    assert await asyncio.wait_for(tasks[1], 5) == 2
    assert not tasks[0].done()
    call.release.set()
    assert await tasks[0] == 0


async def test_an_item_error_concerns_its_submitter_alone() -> None:
    async def call(batch: list[tuple[str, int]]) -> Answers:
        for item_id, item in batch:
            yield item_id, ItemError("PromptRefused", "HTTP 400") if item == 1 else item

    batcher = Batcher(call)
    results = await asyncio.gather(*(batcher.submit(number) for number in range(3)), return_exceptions=True)
    assert results[0] == 0
    assert isinstance(results[1], ItemError)
    assert results[2] == 2


async def test_an_exception_of_the_call_goes_to_all_without_a_result() -> None:
    async def call(batch: list[tuple[str, int]]) -> Answers:
        yield batch[0][0], batch[0][1]
        raise Busy("QueueFull", "full", 1.0)

    batcher = Batcher(call)
    results = await asyncio.gather(*(batcher.submit(number) for number in range(3)), return_exceptions=True)
    assert results[0] == 0
    assert [type(result) for result in results[1:]] == [Busy, Busy]


async def test_a_call_that_forgets_an_item_is_unavailable_for_it() -> None:
    async def call(batch: list[tuple[str, int]]) -> Answers:
        yield batch[0][0], 7
        yield batch[0][0], 8
        yield "stranger", 9

    batcher = Batcher(call)
    results = await asyncio.gather(batcher.submit(0), batcher.submit(1), return_exceptions=True)
    assert results[0] == 7
    assert isinstance(results[1], Unavailable)


async def test_cancelling_one_submitter_leaves_the_others_alone() -> None:
    call = Doubler(waits=True)
    batcher = Batcher(call)
    tasks = [asyncio.create_task(batcher.submit(number)) for number in range(4)]
    await asyncio.sleep(0.05)
    tasks[0].cancel()
    await asyncio.sleep(0)
    call.release.set()
    assert await asyncio.gather(*tasks[1:]) == [2, 4, 6]
    assert tasks[0].cancelled()
    assert not call.cancelled.is_set()


async def test_cancelling_every_submitter_cancels_the_call() -> None:
    call = Doubler(waits=True)
    batcher = Batcher(call)
    tasks = [asyncio.create_task(batcher.submit(number)) for number in range(3)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.wait_for(call.cancelled.wait(), 5)


async def test_an_item_cancelled_while_it_waits_for_company_is_not_sent() -> None:
    call = Doubler()
    batcher = Batcher(call, linger_seconds=0.02)
    tasks = [asyncio.create_task(batcher.submit(number)) for number in range(2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    assert await tasks[1] == 2
    assert call.batches == [[1]]


async def test_a_batch_of_which_all_were_cancelled_in_time_makes_no_call() -> None:
    call = Doubler()
    batcher = Batcher(call, linger_seconds=0.01)
    task = asyncio.create_task(batcher.submit(0))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0.03)
    assert call.batches == []
    assert await batcher.submit(5) == 10


async def test_close_cancels_those_who_wait() -> None:
    call = Doubler(waits=True)
    batcher = Batcher(call)
    task = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0.02)
    await batcher.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.cancelled.is_set()
