"""One endpoint: an engine, what it serves, how it fares, and the slots that say how many prompts it may have at once.

An attempt ends in an Answer, in a Trouble (the gateway decides whether to try again), in Moved (it never began) or in a
ServiceError that no retry mends.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from seedmill.inference import metrics
from seedmill.inference.answers import Answer
from seedmill.inference.circuit import Circuit
from seedmill.inference.durations import Durations
from seedmill.inference.limit import Limit
from seedmill.inference.pace import Pace, work
from seedmill.inference.retry import Kind, Trouble
from seedmill.inference.slots import Claim, Slots
from seedmill.records.generation import GenerationRequest
from seedmill.serving.errors import ServiceError


class Engine(Protocol):
    """What makes completions: a server, or a model in this process. Used in one event loop."""

    async def list_models(self) -> list[str]:
        """What it serves now. Raises Unavailable (away) and Misconfigured (it will never serve)."""
        ...

    async def attempt(self, request: GenerationRequest) -> Answer:
        """Answer one prompt, or say why not: Trouble (another attempt may do), ItemError, Misconfigured.

        Cancelling it frees what the prompt holds in the engine.
        """
        ...

    async def close(self) -> None:
        """End it; attempts under way are cut off."""
        ...


class Endpoint:
    """An engine as the gateway sees it. `name` is for people. Ended with `close`, and its engine with it.

    One that is not `interactive` answers in minutes or hours, all prompts alike: none is late there, and none that is
    late elsewhere is asked there again.
    """

    def __init__(self, engine: Engine, name: str, limit: Limit, *, interactive: bool = True) -> None:
        self.name = name
        self.interactive = interactive
        self.slots = Slots(limit)
        self.circuit = Circuit()
        self.durations = Durations()
        self.models: list[str] | None = None
        """What it serves, once asked."""
        self._assigned = 0
        self._engine = engine
        self._pace = Pace()

    async def close(self) -> None:
        """Requests under way are cut off."""
        await self._engine.close()

    async def refresh_models(self) -> list[str]:
        """Ask what is served. Raises as `Engine.list_models`."""
        self.models = await self._engine.list_models()
        return self.models

    @property
    def load(self) -> float:
        """Prompts meant for it, as a multiple of its limit."""
        return self._assigned / self.slots.limit.size

    @contextmanager
    def assigned(self) -> Generator[None]:
        """A prompt is meant for it, from the decision on, before it waits for a slot: what decides next must know."""
        self._assigned += 1
        try:
            yield
        finally:
            self._assigned -= 1

    def is_idle(self, now: float) -> bool:
        """Whether one more prompt would begin there at once."""
        return not self.circuit.is_open(now) and not self.slots.is_paused() and self.load < 1.0

    async def ask(
        self, request: GenerationRequest, claim: Claim, on_sent: Callable[[float], None] | None = None
    ) -> Answer:
        """Wait for a slot, then make one attempt. Raises as `Engine.attempt`, and Moved.

        `on_sent` learns when the attempt began, in the loop's time.
        """
        loop = asyncio.get_running_loop()
        async with self.slots.slot(claim) as generation:
            began = loop.time()
            self.circuit.sent(began)
            if on_sent is not None:
                on_sent(began)
            metrics.in_flight.inc()
            try:
                answer = await self._engine.attempt(request)
            except Trouble as trouble:
                self._note_trouble(trouble, generation, loop.time())
                raise
            except ServiceError:
                self.circuit.answered()
                metrics.requests.labels("final").inc()
                raise
            except asyncio.CancelledError:
                self.circuit.given_up()
                raise
            finally:
                metrics.in_flight.dec()
            seconds = loop.time() - began
            self._note_answer(answer, seconds)
        return replace(answer, seconds=seconds)

    def _note_answer(self, answer: Answer, seconds: float) -> None:
        self.circuit.answered()
        self.durations.add(seconds)
        done = work(answer.completion.prompt_tokens, answer.completion.completion_tokens)
        if self._pace.answered(seconds, done, self.slots.in_flight):
            self.slots.slowed()
        self.slots.succeeded()
        metrics.completed.inc()
        metrics.seconds.observe(seconds)

    def _note_trouble(self, trouble: Trouble, generation: int, now: float) -> None:
        metrics.requests.labels(trouble.kind.value).inc()
        if trouble.kind is Kind.REFUSED:
            self.slots.refused(generation, trouble.retry_after_seconds)
        if self.circuit.failed(trouble.kind, now):
            metrics.opened.inc()
