"""The inference service as its callers see it (`pipeline/ports.py`, `Inference`); they never meet protobuf or gRPC."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc

from seedmill.inference.messages import outcome_of, prompt_message
from seedmill.records.generation import Completion, GenerationRequest
from seedmill.records.tokens import Tokens
from seedmill.serving.batching import Batcher
from seedmill.serving.channel import Channels
from seedmill.serving.errors import ServiceError
from seedmill.serving.status import from_rpc_error
from seedmill.v1alpha1 import inference_pb2 as pb
from seedmill.v1alpha1 import inference_pb2_grpc as pb_grpc

MAX_BATCH = 64
CHECK_SECONDS = 120.0
GENERATE_SECONDS = 2 * 3600.0


class InferenceClient:
    """Asks any of the service's replicas; `run` names the run that it is for, `weight` its part beside others."""

    def __init__(self, channels: Channels, run: str, weight: int = 1) -> None:
        self._wasted = Tokens()
        self._channels = channels
        self._run = run
        self._weight = weight
        self._credits: int | None = None
        self._unanswered = 0
        self._batcher = Batcher[GenerationRequest, Completion](self._call, max_items=MAX_BATCH)

    async def check_models(self, models: Sequence[str]) -> list[str]:
        """The endpoints, for people. Raises Misconfigured when one of the models can't be had, Unavailable and Busy."""
        stub: Any = pb_grpc.InferenceServiceStub(self._channels.pick())
        try:
            response = await stub.CheckModels(
                pb.CheckModelsRequest(models=models, run=self._run, weight=self._weight), timeout=CHECK_SECONDS
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        if models:
            self._credits = response.credits
        return list(response.endpoints)

    @property
    def wasted(self) -> Tokens:
        """Tokens, estimated, that engines spent on requests that brought no answer."""
        return self._wasted

    def room(self) -> int | None:
        """How many more prompts the engines want of this run now; None: not known. Replicas grant alike."""
        return None if self._credits is None else self._credits * self._channels.count - self._unanswered

    async def generate(self, request: GenerationRequest) -> Completion:
        """Answer one prompt. Raises ItemError (this prompt failed), Unavailable and Busy (wait, then call again),
        Misconfigured, InvalidRequest."""
        self._unanswered += 1
        try:
            return await self._batcher.submit(request)
        finally:
            self._unanswered -= 1

    async def close(self) -> None:
        """Cancel what is under way."""
        await self._batcher.close()

    async def _call(
        self, batch: list[tuple[str, GenerationRequest]]
    ) -> AsyncIterator[tuple[str, Completion | ServiceError]]:
        stub: Any = pb_grpc.InferenceServiceStub(self._channels.pick())
        prompts = [prompt_message(id_, item) for id_, item in batch]
        request = pb.GenerateRequest(run=self._run, weight=self._weight, prompts=prompts)
        call = stub.Generate(request, timeout=GENERATE_SECONDS)
        try:
            async for response in call:
                self._credits = response.credits
                self._wasted += Tokens(response.wasted_prompt_tokens, response.wasted_completion_tokens)
                for result in response.results:
                    yield result.id, outcome_of(result)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        finally:
            call.cancel()
