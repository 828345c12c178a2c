"""One endpoint: an engine, what it serves, and the slots that say how many prompts it may have at once.

An attempt ends in an Answer, in a Trouble (the gateway decides whether to try again) or in a ServiceError that no retry
mends.
"""

import time
from dataclasses import replace
from typing import Protocol

from seedmill.inference import metrics
from seedmill.inference.answers import Answer
from seedmill.inference.limit import Limit
from seedmill.inference.retry import Kind, Trouble
from seedmill.inference.slots import Slots
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
    """An engine as the gateway sees it. `name` is for people. Ended with `close`, and its engine with it."""

    def __init__(self, engine: Engine, name: str, limit: Limit) -> None:
        self.name = name
        self.slots = Slots(limit)
        self.models: list[str] | None = None
        """What it serves, once asked."""
        self.away_until = 0.0
        """Loop time until which others are preferred, since no connection could be made."""
        self._engine = engine

    async def close(self) -> None:
        """Requests under way are cut off."""
        await self._engine.close()

    async def refresh_models(self) -> list[str]:
        """Ask what is served. Raises as `Engine.list_models`."""
        self.models = await self._engine.list_models()
        return self.models

    async def ask(self, request: GenerationRequest) -> Answer:
        """Wait for a slot, then make one attempt. Raises as `Engine.attempt`."""
        async with self.slots.slot() as generation:
            started = time.perf_counter()
            with metrics.in_flight.track_inprogress():
                try:
                    answer = await self._engine.attempt(request)
                except Trouble as trouble:
                    metrics.requests.labels(trouble.kind.value).inc()
                    if trouble.kind is Kind.REFUSED:
                        self.slots.refused(generation, trouble.retry_after_seconds)
                    raise
                except ServiceError:
                    metrics.requests.labels("final").inc()
                    raise
            took = time.perf_counter() - started
            self.slots.succeeded()
        metrics.requests.labels("completed").inc()
        metrics.seconds.observe(took)
        return replace(answer, seconds=took)
