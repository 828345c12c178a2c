"""The inference service as its callers see it (`pipeline/ports.py`, `Inference`); they never meet protobuf or gRPC."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc

from seedmill.inference.messages import outcome_of, prompt_message
from seedmill.records.generation import Completion, GenerationRequest
from seedmill.serving.batching import Batcher
from seedmill.serving.channel import Channels
from seedmill.serving.errors import ServiceError
from seedmill.serving.status import from_rpc_error
from seedmill.v1alpha1 import inference_pb2 as pb
from seedmill.v1alpha1 import inference_pb2_grpc as pb_grpc

_MAX_PROMPTS = 256
_CHECK_SECONDS = 60.0


class InferenceClient:
    """Asks through any of the service's replicas; `run` names the run the prompts are for."""

    def __init__(self, channels: Channels, run: str) -> None:
        self._channels = channels
        self._run = run
        self._batcher = Batcher[GenerationRequest, Completion](self._call, max_items=_MAX_PROMPTS)

    async def check_models(self, models: Sequence[str]) -> list[str]:
        """The endpoints, for people. Raises Misconfigured (a model is not served, …) and Unavailable."""
        stub: Any = pb_grpc.InferenceServiceStub(self._channels.pick())
        try:
            answer = await stub.CheckModels(pb.CheckModelsRequest(models=models), timeout=_CHECK_SECONDS)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        return list(answer.endpoints)

    async def generate(self, request: GenerationRequest) -> Completion:
        """Answer one prompt. Raises ItemError (it alone failed), Unavailable, Busy, Misconfigured, InvalidRequest."""
        return await self._batcher.submit(request)

    async def close(self) -> None:
        """Cancel what is under way."""
        await self._batcher.close()

    async def _call(
        self, batch: list[tuple[str, GenerationRequest]]
    ) -> AsyncIterator[tuple[str, Completion | ServiceError]]:
        stub: Any = pb_grpc.InferenceServiceStub(self._channels.pick())
        prompts = [prompt_message(item_id, request) for item_id, request in batch]
        try:
            async for response in stub.Generate(pb.GenerateRequest(run=self._run, prompts=prompts)):
                for result in response.results:
                    yield result.id, outcome_of(result)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
