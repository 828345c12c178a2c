"""The gateway: which endpoint a prompt goes to, and what becomes of a prompt that is not answered at once.

Each prompt is a loop of attempts, at the endpoint with the least load among those that serve its model and work
(`circuit`); one that is late gets a duplicate at another (`duplicates`). `retry.decide` says what follows a trouble.
Where the prompt and the engine are both suspect, a control prompt decides: if the engine answers that (or answered
anyone since the prompt's first trouble), the prompt is to blame and fails alone; if it does not, the engine is away,
and the caller waits for it with nothing lost.
"""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from seedmill.inference import metrics
from seedmill.inference.answers import Answer, estimate
from seedmill.inference.duplicates import ask_one_of
from seedmill.inference.endpoint import Endpoint
from seedmill.inference.refusals import model_not_served
from seedmill.inference.retry import GiveUp, Kind, Pause, Trouble, decide
from seedmill.inference.slots import Claim, Moved
from seedmill.records.generation import Api, GenerationRequest, Message, ModelCall, Prompt, Sampling
from seedmill.records.tokens import Tokens
from seedmill.serving.errors import Busy, ItemError, Misconfigured, ServiceError, Unavailable

MAX_PROMPTS = 16_384
REFRESH_SECONDS = 15.0
CONTROL_TEXT = "Say yes."
CONTROL_SECONDS = 1.0
CREDITS = 1.25
"""Prompts that a run should have here for each slot it gets: as many again as a quarter wait, so that no slot is idle
while an answer is on its way to the run and the next prompt back."""
SPARE_CREDITS = 2

_REASONS = {
    Kind.UNREACHABLE: ("TeacherUnreachable", "TeacherUnreachable"),
    Kind.REFUSED: ("TeacherOverloaded", "AlwaysRefused"),
    Kind.FAILED: ("TeacherFailing", "ServerError"),
    Kind.SILENT: ("TeacherSilent", "NoAnswerInTime"),
    Kind.UNREADABLE: ("TeacherFailing", "ResponseUnreadable"),
}
"""Reasons by trouble: when the endpoint is away, and when one prompt is to blame."""


@dataclass(slots=True)
class Caller:
    """On whose behalf prompts are answered: a run of some weight. `wasted` are tokens that brought no answer."""

    run: str = ""
    weight: int = 1
    wasted: Tokens = Tokens()

    def waste(self, model: str, tokens: Tokens, reason: str) -> None:
        """Note tokens that an engine spent for nothing, estimated: nobody says how many they were."""
        self.wasted += tokens
        metrics.wasted_tokens.labels(model, reason).inc(tokens.total)


class Gateway:
    """Spreads prompts over `endpoints`. Made inside the event loop that uses it; `close` closes the endpoints too."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = endpoints
        self._answered_at: dict[str, float] = {}
        self._controls: dict[tuple[str, Api], asyncio.Task[bool]] = {}
        self._refreshing: asyncio.Task[list[ServiceError]] | None = None
        self._refreshed_at = -REFRESH_SECONDS
        self._prompts = 0

    async def close(self) -> None:
        """Cut off what is under way."""
        background: list[asyncio.Task[Any]] = [*self._controls.values()]
        if self._refreshing is not None:
            background.append(self._refreshing)
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await asyncio.gather(*(endpoint.close() for endpoint in self._endpoints))

    async def check_models(self, models: Sequence[str]) -> list[str]:
        """The endpoints, for people; each model is served by one of them, asked just now.

        Raises Misconfigured (NoEndpoint, ModelNotServed, Unauthorized, NotAnOpenAiServer …) and Unavailable.
        """
        errors = await self._refresh()
        for model in models:
            self._refuse_unless_served(model, errors)
        return [endpoint.name for endpoint in self._endpoints]

    def admit(self, count: int) -> None:
        """Raises Busy when so many more prompts are too many to hold here."""
        if self._prompts and self._prompts + count > MAX_PROMPTS:
            raise Busy("QueueFull", f"{self._prompts} prompts wait or are being answered", retry_after_seconds=2.0)

    def credits(self, models: Iterable[str], run: str, weight: int) -> int:
        """How many prompts for these models the run should have here, as it stands: enough for its share of all slots
        and a few to follow, so that begun samples go on before new ones are begun."""
        wanted = set(models)
        serving = [endpoint for endpoint in self._endpoints if wanted.intersection(endpoint.models or ())]
        return math.ceil(sum(CREDITS * each.slots.share(run, weight) + SPARE_CREDITS for each in serving))

    async def generate(self, request: GenerationRequest, caller: Caller | None = None) -> Answer:
        """Answer one prompt. Raises ItemError (it alone failed), Unavailable and Misconfigured (see `check_models`)."""
        self._prompts += 1
        outcome = "cancelled"
        metrics.waiting.inc()
        try:
            answer = await self._until_settled(request, caller or Caller())
            outcome = "completed"
        except ItemError:
            outcome = "item_error"
            raise
        except Unavailable:
            outcome = "unavailable"
            raise
        except ServiceError:
            outcome = "misconfigured"
            raise
        finally:
            self._prompts -= 1
            metrics.waiting.dec()
            metrics.prompts.labels(outcome).inc()
        source = "estimated" if answer.estimated else "reported"
        model = request.call.model
        metrics.tokens.labels(model, "prompt", source).inc(answer.completion.prompt_tokens)
        metrics.tokens.labels(model, "completion", source).inc(answer.completion.completion_tokens)
        return answer

    async def _until_settled(self, request: GenerationRequest, caller: Caller) -> Answer:
        loop = asyncio.get_running_loop()
        model = request.call.model
        claim = Claim(caller.run, caller.weight, request.order)
        endpoints = await self._serving(model)
        troubles: Counter[Kind] = Counter()
        first_at = 0.0
        while True:
            endpoint = _best(endpoints, loop.time())
            try:
                answer = await self._ask(endpoint, endpoints, request, claim, caller)
            except Moved:
                continue
            except Trouble as trouble:
                now = loop.time()
                first_at = first_at or now
                troubles[trouble.kind] += 1
                if endpoint.circuit.is_open(now) and any(not each.circuit.is_open(now) for each in endpoints):
                    endpoint.slots.send_away()
                if trouble.kind in (Kind.FAILED, Kind.SILENT, Kind.UNREADABLE):
                    caller.waste(model, _of_prompt(request), trouble.kind.value)
                quiet_seconds = now - max(first_at, self._answered_at.get(model, 0.0))
                step = decide(troubles, trouble, quiet_seconds, random.random())  # noqa: S311
                if not isinstance(step, Pause):
                    raise await self._verdict(step, trouble, request, first_at) from None
                metrics.retries.labels(trouble.kind.value).inc()
                await asyncio.sleep(step.seconds)
            else:
                self._answered_at[model] = loop.time()
                return answer

    async def _ask(
        self,
        endpoint: Endpoint,
        endpoints: Sequence[Endpoint],
        request: GenerationRequest,
        claim: Claim,
        caller: Caller,
    ) -> Answer:
        """One attempt at this endpoint, and at another one if this one is late."""
        with endpoint.assigned():
            if len(endpoints) == 1:
                return await endpoint.ask(request, claim)
            answer, cut_off = await ask_one_of(endpoint, endpoints, request, claim)
        if cut_off:
            spent = Tokens(_of_prompt(request).prompt, answer.completion.completion_tokens)
            caller.waste(request.call.model, spent, "duplicate")
        return answer

    async def _verdict(
        self, step: GiveUp, trouble: Trouble, request: GenerationRequest, first_at: float
    ) -> ServiceError:
        """Who is to blame for a prompt that is given up."""
        endpoint_reason, prompt_reason = _REASONS[trouble.kind]
        match step:
            case GiveUp.PROMPT:
                blamed = True
            case GiveUp.ENDPOINT:
                blamed = False
            case GiveUp.ASK_CONTROL:
                blamed = self._answered_at.get(request.call.model, 0.0) > first_at or await self._control(request)
        if blamed:
            return ItemError(prompt_reason, trouble.message)
        return Unavailable(endpoint_reason, trouble.message)

    async def _control(self, request: GenerationRequest) -> bool:
        """Whether the engine answers a prompt that nobody can object to; asked at most once a second."""
        key = (request.call.model, request.call.api)
        task = self._controls.get(key)
        if task is None:
            task = self._controls[key] = asyncio.create_task(self._ask_control(*key))
            asyncio.get_running_loop().call_later(CONTROL_SECONDS, self._controls.pop, key, None)
        return await asyncio.shield(task)

    async def _ask_control(self, model: str, api: Api) -> bool:
        call = ModelCall(model, api, Sampling(temperature=0.0, top_p=1.0, max_tokens=1))
        turns = (Message("user", CONTROL_TEXT),)
        prompt = Prompt(text=CONTROL_TEXT) if api is Api.COMPLETIONS else Prompt(messages=turns)
        endpoint = _best(await self._serving(model), asyncio.get_running_loop().time())
        try:
            await endpoint.ask(GenerationRequest("control", call, prompt, seed=0), Claim("control"))
        except Moved:
            return False
        except Trouble as trouble:
            return trouble.kind is Kind.UNREADABLE
        except ServiceError as error:
            return isinstance(error, ItemError)
        self._answered_at[model] = asyncio.get_running_loop().time()
        return True

    async def _serving(self, model: str) -> list[Endpoint]:
        """The endpoints that serve it. Raises as `check_models` does."""
        now = asyncio.get_running_loop().time()
        serving = [endpoint for endpoint in self._endpoints if model in (endpoint.models or ())]
        stale = now - self._refreshed_at > REFRESH_SECONDS
        if serving:
            if stale and any(endpoint.models is None for endpoint in self._endpoints):
                self._start_refresh()  # one was away when asked; meanwhile the others answer
            return serving
        self._refuse_unless_served(model, await self._refresh())
        return [endpoint for endpoint in self._endpoints if model in (endpoint.models or ())]

    async def _refresh(self) -> list[ServiceError]:
        return await asyncio.shield(self._start_refresh())

    def _start_refresh(self) -> "asyncio.Task[list[ServiceError]]":
        """Ask every endpoint what it serves; those who want to know at the same time share the question."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshed_at = asyncio.get_running_loop().time()
            self._refreshing = asyncio.create_task(self._ask_all())
        return self._refreshing

    async def _ask_all(self) -> list[ServiceError]:
        results = await asyncio.gather(*(e.refresh_models() for e in self._endpoints), return_exceptions=True)
        errors: list[ServiceError] = []
        for result in results:
            if isinstance(result, ServiceError):
                errors.append(result)
            elif isinstance(result, BaseException):
                raise result
        return errors

    def _refuse_unless_served(self, model: str, errors: Sequence[ServiceError]) -> None:
        """`errors` are those of the endpoints just asked."""
        if not self._endpoints:
            raise Misconfigured(
                "NoEndpoint", f"no endpoint is configured that could serve {model!r}: give --teacher URL"
            )
        served = [name for endpoint in self._endpoints for name in endpoint.models or ()]
        if model in served:
            return
        for kind in (Misconfigured, Unavailable):
            if error := next((error for error in errors if isinstance(error, kind)), None):
                raise error
        raise model_not_served(model, served, [endpoint.name for endpoint in self._endpoints])


def _best(endpoints: Sequence[Endpoint], now: float) -> Endpoint:
    """The one with the least load, of those that work and do not pause, if there are any."""
    return min(endpoints, key=lambda e: (e.circuit.is_open(now), e.slots.is_paused(), e.load))


def _of_prompt(request: GenerationRequest) -> Tokens:
    return Tokens(estimate(request.prompt.size_bytes), 0)
