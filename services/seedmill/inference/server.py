"""The InferenceService: a gateway behind gRPC. Protobuf stays in this file and `messages.py`.

A batch fails as a whole only when something is wrong beyond its prompts (the teacher is away, refuses the key, lacks
the model), and then after the prompts that are being answered have been: they are paid for.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import grpc
import structlog

from seedmill.inference.embedded import embedded_endpoint
from seedmill.inference.endpoint import Endpoint
from seedmill.inference.endpoint_names import EmbeddedName, OpenAiName, parse_endpoint
from seedmill.inference.gateway import Caller, Gateway
from seedmill.inference.limit import Limit
from seedmill.inference.messages import request_of, result_message
from seedmill.inference.openai_engine import OpenAiEngine, key_from_environment
from seedmill.records.generation import GenerationRequest
from seedmill.records.tokens import Tokens
from seedmill.serving.errors import InvalidRequest, ItemError, ServiceError
from seedmill.serving.grouping import in_groups
from seedmill.serving.server import Service
from seedmill.v1alpha1 import inference_pb2 as pb
from seedmill.v1alpha1 import inference_pb2_grpc as pb_grpc

MAX_PROMPTS = 256
FIRST_LIMIT = 16.0
HIGHEST_LIMIT = 4096

log = structlog.get_logger("seedmill.inference")

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
                    engine = OpenAiEngine(base_url, key_from_environment())
                    endpoints.append(Endpoint(engine, str(name), Limit(FIRST_LIMIT, HIGHEST_LIMIT, floor=FIRST_LIMIT)))
                case EmbeddedName(path):
                    endpoints.append(await self._stack.enter_async_context(embedded_endpoint(path)))
        self._gateway = Gateway(endpoints)

    async def close(self) -> None:
        await self._gateway.close()
        await self._stack.aclose()

    async def CheckModels(self, request: pb.CheckModelsRequest, context: Context) -> pb.CheckModelsResponse:
        endpoints = await self._gateway.check_models(list(request.models))
        granted = self._gateway.credits(request.models, request.run, max(1, request.weight))
        return pb.CheckModelsResponse(endpoints=endpoints, credits=granted)

    async def Generate(self, request: pb.GenerateRequest, context: Context) -> AsyncIterator[pb.GenerateResponse]:
        if len(request.prompts) > MAX_PROMPTS:
            raise InvalidRequest("BatchTooLarge", f"{len(request.prompts)} prompts in a call; at most {MAX_PROMPTS}")
        asked = [request_of(item) for item in request.prompts]
        if len({each.id for each in asked}) < len(asked):
            raise InvalidRequest("BadPrompt", "two prompts of one call have the same id")
        self._gateway.admit(len(asked))
        caller = Caller(request.run, max(1, request.weight))
        models = {each.call.model for each in asked}
        whole: ServiceError | None = None
        async for group in in_groups(self._answer(each, caller) for each in asked):
            results = [each for each in group if isinstance(each, pb.CompletionResult)]
            whole = whole or next((each for each in group if isinstance(each, ServiceError)), None)
            if results:
                granted = self._gateway.credits(models, caller.run, caller.weight)
                wasted, caller.wasted = caller.wasted, Tokens()
                yield pb.GenerateResponse(
                    results=results,
                    credits=granted,
                    wasted_prompt_tokens=wasted.prompt,
                    wasted_completion_tokens=wasted.completion,
                )
        if whole is not None:
            log.info("prompts not answered", run=request.run, reason=whole.reason, message=whole.message)
            raise whole

    async def _answer(self, request: GenerationRequest, caller: Caller) -> pb.CompletionResult | ServiceError:
        """The prompt's result, or the error that concerns more than this prompt."""
        try:
            return result_message(request.id, await self._gateway.generate(request, caller))
        except ItemError as error:
            return result_message(request.id, error)
        except ServiceError as error:
            return error
