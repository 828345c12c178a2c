"""The InferenceService: a gateway behind gRPC. Protobuf stays in this file and `messages.py`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import grpc

from seedmill.inference.embedded import embedded_endpoint
from seedmill.inference.endpoint import Endpoint, key_from_environment
from seedmill.inference.endpoint_names import EmbeddedName, OpenAiName, parse_endpoint
from seedmill.inference.gateway import Gateway
from seedmill.inference.limit import Limit
from seedmill.inference.messages import request_of, result_message
from seedmill.records.generation import GenerationRequest
from seedmill.serving.errors import InvalidRequest, ItemError
from seedmill.serving.grouping import in_groups
from seedmill.serving.server import Service
from seedmill.v1alpha1 import inference_pb2 as pb
from seedmill.v1alpha1 import inference_pb2_grpc as pb_grpc

MAX_PROMPTS = 256
FIRST_LIMIT = 16.0
HIGHEST_LIMIT = 4096

Context = grpc.aio.ServicerContext[Any, Any]


def service(endpoints: Sequence[str]) -> Service:
    """The service, to be served. Endpoints are written as in `endpoint_names`. Raises Misconfigured for a bad one."""
    servicer = _Servicer([parse_endpoint(each) for each in endpoints])
    return Service("inference", servicer.register, start=servicer.start, stop=servicer.close)


class _Servicer(pb_grpc.InferenceServiceServicer):
    def __init__(self, names: Sequence[OpenAiName | EmbeddedName]) -> None:
        self._names = names
        self._stack = AsyncExitStack()
        self._gateway = Gateway([])

    def register(self, server: grpc.aio.Server) -> None:
        pb_grpc.add_InferenceServiceServicer_to_server(self, server)

    async def start(self) -> None:
        """Open the endpoints; an embedded model is loaded now. Raises Misconfigured when it cannot be."""
        endpoints: list[Endpoint] = []
        for name in self._names:
            match name:
                case OpenAiName(base_url):
                    limit = Limit(FIRST_LIMIT, HIGHEST_LIMIT)
                    endpoints.append(Endpoint(base_url, str(name), limit, key_from_environment()))
                case EmbeddedName(path):
                    endpoints.append(await self._stack.enter_async_context(embedded_endpoint(path)))
        self._gateway = Gateway(endpoints)

    async def close(self) -> None:
        await self._gateway.close()
        await self._stack.aclose()

    async def CheckModels(self, request: pb.CheckModelsRequest, context: Context) -> pb.CheckModelsResponse:
        return pb.CheckModelsResponse(endpoints=await self._gateway.check_models(list(request.models)))

    async def Generate(self, request: pb.GenerateRequest, context: Context) -> AsyncIterator[pb.GenerateResponse]:
        if len(request.prompts) > MAX_PROMPTS:
            raise InvalidRequest("BatchTooLarge", f"{len(request.prompts)} prompts in a call; at most {MAX_PROMPTS}")
        self._gateway.admit(len(request.prompts))
        asked = [request_of(item) for item in request.prompts]
        async for group in in_groups(self._answer(each) for each in asked):
            yield pb.GenerateResponse(results=group)

    async def _answer(self, request: GenerationRequest) -> pb.CompletionResult:
        try:
            return result_message(request.id, await self._gateway.generate(request))
        except ItemError as error:
            return result_message(request.id, error)
