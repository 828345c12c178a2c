"""The inference service as its callers see it (`pipeline/ports.py`, `Inference`); they never meet protobuf or gRPC."""

from collections.abc import Sequence
from typing import Any

import grpc

from seedmill.inference.messages import outcome_of, prompt_message
from seedmill.records.generation import Completion, GenerationRequest, Served
from seedmill.records.tokens import Tokens
from seedmill.serving.channel import Channels
from seedmill.serving.conversation import Call, Conversation, Language
from seedmill.serving.errors import ServiceError
from seedmill.serving.status import from_rpc_error
from seedmill.v1alpha1 import inference_pb2 as pb
from seedmill.v1alpha1 import inference_pb2_grpc as pb_grpc

CHECK_SECONDS = 120.0
GENERATE_SECONDS = 2 * 3600.0


class InferenceClient:
    """Asks any of the service's replicas; `run` names the run that it is for, `weight` its part beside others."""

    def __init__(self, channels: Channels, run: str, weight: int = 1) -> None:
        self._channels = channels
        self._run = run
        self._weight = weight
        self._prompts = _Prompts(run, weight)
        self._unanswered = 0
        self._conversation = Conversation(channels, self._prompts)

    async def check_models(self, models: Sequence[str]) -> Served:
        """Who serves them. Raises Misconfigured when one of the models can't be had, Unavailable and Busy."""
        stub: Any = pb_grpc.InferenceServiceStub(self._channels.pick())
        try:
            response = await stub.CheckModels(
                pb.CheckModelsRequest(models=models, run=self._run, weight=self._weight), timeout=CHECK_SECONDS
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        if models:
            self._prompts.credits = response.credits
        return Served(tuple(response.endpoints), response.gpus)

    @property
    def wasted(self) -> Tokens:
        """Tokens, estimated, that engines spent on requests that brought no answer."""
        return self._prompts.wasted

    def room(self) -> int | None:
        """How many more prompts the engines want of this run now; None: not known. Replicas grant alike."""
        granted = self._prompts.credits
        return None if granted is None else granted * self._channels.count - self._unanswered

    async def generate(self, request: GenerationRequest) -> Completion:
        """Answer one prompt. Raises ItemError (this prompt failed), Unavailable and Busy (wait, then call again),
        Misconfigured, InvalidRequest."""
        self._unanswered += 1
        try:
            return await self._conversation.submit(request)
        finally:
            self._unanswered -= 1

    async def close(self) -> None:
        """Cancel what is under way."""
        await self._conversation.close()


class _Prompts(Language[GenerationRequest, Completion]):
    """Says prompts; hears completions, and what the service says of itself beside them."""

    def __init__(self, run: str, weight: int) -> None:
        self._run = run
        self._weight = weight
        self.credits: int | None = None
        self.wasted = Tokens()

    def open(self, channel: grpc.aio.Channel) -> Call:
        stub: Any = pb_grpc.InferenceServiceStub(channel)
        return stub.Generate(timeout=GENERATE_SECONDS)

    def request(self, items: Sequence[tuple[str, GenerationRequest]], given_up: Sequence[str]) -> pb.GenerateRequest:
        prompts = [prompt_message(id_, item) for id_, item in items]
        return pb.GenerateRequest(run=self._run, weight=self._weight, prompts=prompts, given_up=given_up)

    def response(self, message: pb.GenerateResponse) -> tuple[list[tuple[str, Completion | ServiceError]], bool]:
        if message.results:
            self.credits = message.credits
        self.wasted += Tokens(message.wasted_prompt_tokens, message.wasted_completion_tokens)
        return [(result.id, outcome_of(result)) for result in message.results], message.closing
