"""A prompt at one endpoint, and at a second one when the first is late."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from seedmill.inference.answers import Answer
from seedmill.inference.endpoint import Endpoint
from seedmill.inference.slots import Claim
from seedmill.records.generation import GenerationRequest

CHECK_SECONDS = 1.0


async def ask_one_of(
    first: Endpoint, endpoints: Sequence[Endpoint], request: GenerationRequest, claim: Claim
) -> tuple[Answer, int]:
    """The answer of `first`, or of an idle one among `endpoints` if that is sooner once `first` is late; and how many
    attempts were cut off for it. Raises what the first attempt raises, when there is no answer."""
    loop = asyncio.get_running_loop()
    sent: list[float] = []
    attempts = [asyncio.create_task(first.ask(request, claim, sent.append))]
    duplicate = ExitStack()
    try:
        while True:
            timeout = CHECK_SECONDS if len(attempts) == 1 else None
            await asyncio.wait(
                [task for task in attempts if not task.done()], timeout=timeout, return_when="FIRST_COMPLETED"
            )
            answered = next((task for task in attempts if task.done() and task.exception() is None), None)
            if answered is not None:
                return answered.result(), sum(not task.done() for task in attempts)
            if all(task.done() for task in attempts):
                return attempts[0].result(), 0
            if len(attempts) == 1 and _is_late(first, sent, loop.time()):
                other = next(
                    (e for e in endpoints if e is not first and e.interactive and e.is_idle(loop.time())), None
                )
                if other is not None:
                    duplicate.enter_context(other.assigned())
                    attempts.append(asyncio.create_task(other.ask(request, claim)))
    finally:
        duplicate.close()
        for task in attempts:
            task.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)


def _is_late(endpoint: Endpoint, sent: Sequence[float], now: float) -> bool:
    limit = endpoint.durations.straggler_seconds if endpoint.interactive else None
    return bool(sent) and limit is not None and now - sent[0] > limit
