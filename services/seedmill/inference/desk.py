"""One call of Generate: prompts come as they are ready, their results go back in groups."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import structlog

from seedmill.inference.gateway import Caller, Gateway
from seedmill.inference.messages import request_of, result_message
from seedmill.records.tokens import Tokens
from seedmill.serving.errors import InvalidRequest, ServiceError
from seedmill.serving.grouping import Grouping
from seedmill.v1alpha1 import inference_pb2 as pb

MAX_PROMPTS = 256

log = structlog.get_logger("seedmill.inference")


class Desk:
    """Answers the prompts of one call by a gateway. An error that concerns more than one prompt fails each alone: of
    the others some are being answered, and paid for."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._caller = Caller()
        self._models: set[str] = set()
        self._grouping = Grouping[pb.CompletionResult]()
        self._closing = False

    def close(self) -> None:
        """Tell the caller to say nothing more in this call."""
        self._closing = True
        self._grouping.wake()

    async def responses(self, requests: AsyncIterator[pb.GenerateRequest]) -> AsyncGenerator[pb.GenerateResponse]:
        """Until the caller has said all and every prompt has its result. Raises InvalidRequest for a request that is
        none."""
        reading = asyncio.create_task(self._read(requests))
        told = False
        try:
            async for results in self._grouping.groups():
                if results or (self._closing and not told):
                    told = self._closing
                    yield self._response(results)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    def _response(self, results: list[pb.CompletionResult]) -> pb.GenerateResponse:
        caller = self._caller
        wasted, caller.wasted = caller.wasted, Tokens()
        if trouble := next((each.trouble for each in results if each.HasField("trouble")), None):
            log.info("prompts not answered", run=caller.run, message=trouble.message)
        return pb.GenerateResponse(
            results=results,
            credits=self._gateway.credits(self._models, caller.run, caller.weight),
            wasted_prompt_tokens=wasted.prompt,
            wasted_completion_tokens=wasted.completion,
            closing=self._closing,
        )

    async def _read(self, requests: AsyncIterator[pb.GenerateRequest]) -> None:
        broken: BaseException | None = None
        try:
            async for request in requests:
                self._take(request)
        except ServiceError as error:
            broken = error
        finally:
            self._grouping.complete(broken)

    def _take(self, request: pb.GenerateRequest) -> None:
        caller = self._caller
        if not caller.run:
            caller.run, caller.weight = request.run, max(1, request.weight)
        if len(request.prompts) > MAX_PROMPTS:
            raise InvalidRequest("BatchTooLarge", f"{len(request.prompts)} prompts at once; at most {MAX_PROMPTS}")
        busy: ServiceError | None = None
        try:
            self._gateway.admit(len(request.prompts))
        except ServiceError as error:
            busy = error
        for item in request.prompts:
            self._models.add(item.model)
            try:
                self._grouping.begin(item.id, self._answer(item, busy))
            except ValueError:
                raise InvalidRequest("BadPrompt", f"two prompts of one call have the id {item.id}") from None
        for name in request.given_up:
            self._grouping.give_up(name)

    async def _answer(self, item: pb.PromptItem, busy: ServiceError | None) -> pb.CompletionResult:
        try:
            if busy is not None:
                raise busy
            return result_message(item.id, await self._gateway.generate(request_of(item), self._caller))
        except ServiceError as error:
            return result_message(item.id, error)
