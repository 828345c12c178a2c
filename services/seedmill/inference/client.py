"""The inference service as its callers see it (`pipeline/ports.py`, `Inference`); they never meet protobuf or gRPC."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc

from seedmill.inference.messages import outcome_of, prompt_message
from seedmill.records.generation import Completion, GenerationRequest, Served
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
    """Asks any of the service's replicas; `run` names the run that it is for."""

    def __init__(self, channels: Channels, run: str) -> None:
        self._channels = channels
        self._run = run
        self._batcher = Batcher[GenerationRequest, Completion](self._call, max_items=MAX_BATCH)

    async def check_models(self, models: Sequence[str]) -> Served:
        """Who serves them. Raises Misconfigured when one of the models can't be had, Unavailable and Busy."""
        stub: Any = pb_grpc.InferenceServiceStub(self._channels.pick())
        try:
            response = await stub.CheckModels(pb.CheckModelsRequest(models=models), timeout=CHECK_SECONDS)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        return Served(tuple(response.endpoints), response.gpus)

    async def generate(self, request: GenerationRequest) -> Completion:
        """Answer one prompt. Raises ItemError (this prompt failed), Unavailable and Busy (wait, then call again),
        Misconfigured, InvalidRequest."""
        return await self._batcher.submit(request)

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
