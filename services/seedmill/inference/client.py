"""The inference service as its callers see it (`pipeline/ports.py`, `Inference`); they never meet protobuf or gRPC."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

import grpc

from seedmill.inference.messages import outcome_of, prompt_message
from seedmill.records.generation import Completion, GenerationRequest
from seedmill.serving.batching import Batcher
from seedmill.serving.channel import Channels
from seedmill.serving.errors import Busy, ServiceError, Unavailable
from seedmill.serving.status import from_rpc_error
from seedmill.v1alpha1 import inference_pb2 as pb
from seedmill.v1alpha1 import inference_pb2_grpc as pb_grpc

MAX_BATCH = 64
CHECK_SECONDS = 120.0
GENERATE_SECONDS = 2 * 3600.0
TRIES = 3
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
_OF_THE_SERVICE = ("ServiceUnavailable", "ResultMissing", "QueueFull")
"""Reasons that another replica may not have; that the teacher is away it would only confirm, after a while."""

T = TypeVar("T")


class InferenceClient:
    """Asks any of the service's replicas; `run` names the run that it is for."""

    def __init__(self, channels: Channels, run: str) -> None:
        self._channels = channels
        self._run = run
        self._batcher = Batcher[GenerationRequest, Completion](self._call, max_items=MAX_BATCH)

    async def check_models(self, models: Sequence[str]) -> list[str]:
        """The endpoints, for people. Raises Misconfigured when one of the models can't be had, Unavailable and Busy."""

        async def check() -> list[str]:
            stub: Any = pb_grpc.InferenceServiceStub(self._channels.pick())
            try:
                response = await stub.CheckModels(pb.CheckModelsRequest(models=models), timeout=CHECK_SECONDS)
            except grpc.RpcError as error:
                raise from_rpc_error(error) from None
            return list(response.endpoints)

        return await _elsewhere(check)

    async def generate(self, request: GenerationRequest) -> Completion:
        """Answer one prompt. Raises ItemError (this prompt failed), Unavailable and Busy (wait, then call again),
        Misconfigured, InvalidRequest."""
        return await _elsewhere(lambda: self._batcher.submit(request))

    async def close(self) -> None:
        """Cancel what is under way."""
        await self._batcher.close()

    async def _call(
        self, batch: list[tuple[str, GenerationRequest]]
    ) -> AsyncIterator[tuple[str, Completion | ServiceError]]:
        stub: Any = pb_grpc.InferenceServiceStub(self._channels.pick())
        request = pb.GenerateRequest(run=self._run, prompts=[prompt_message(id_, item) for id_, item in batch])
        call = stub.Generate(request, timeout=GENERATE_SECONDS)
        try:
            async for response in call:
                for result in response.results:
                    yield result.id, outcome_of(result)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        finally:
            call.cancel()


async def _elsewhere(call: Callable[[], Awaitable[T]]) -> T:
    """The call's result; when a replica is down or full, another one is asked, after a pause, a few times."""
    for attempt in range(TRIES):
        try:
            return await call()
        except (Busy, Unavailable) as error:
            if error.reason not in _OF_THE_SERVICE or attempt == TRIES - 1:
                raise
            pause = FIRST_PAUSE_SECONDS * 4.0**attempt
            if isinstance(error, Busy):
                pause = max(pause, error.retry_after_seconds)
        await asyncio.sleep(min(pause, LONGEST_PAUSE_SECONDS))
    raise AssertionError("the last try returns or raises")
