"""The InferenceService: a gateway behind gRPC, and the endpoints that it was told."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Any

import grpc

from seedmill.inference.batch_engine import BatchEngine
from seedmill.inference.desk import Desk
from seedmill.inference.embedded import embedded_endpoint
from seedmill.inference.endpoint import Endpoint
from seedmill.inference.endpoint_names import (
    BatchName,
    EmbeddedName,
    EndpointName,
    OpenAiName,
    TgiName,
    VllmName,
    parse_endpoints,
)
from seedmill.inference.gateway import MAX_PROMPTS as MOST_WAITING
from seedmill.inference.gateway import Gateway
from seedmill.inference.limit import Limit
from seedmill.inference.openai_engine import OpenAiEngine, key_from_environment
from seedmill.inference.tgi_engine import TgiEngine
from seedmill.inference.vllm_engine import VllmEngine
from seedmill.serving.server import Service
from seedmill.v1alpha1 import inference_pb2 as pb
from seedmill.v1alpha1 import inference_pb2_grpc as pb_grpc

FIRST_LIMIT = 16.0
HIGHEST_LIMIT = 4096

Context = grpc.aio.ServicerContext[Any, Any]


def service(endpoints: Sequence[str], gpus: float = 0.0) -> Service:
    """The service, to be served. Endpoints are written as in `endpoint_names`. Raises Misconfigured for a bad one.

    `gpus` are those of all engines behind it, 0 where nobody says; runs are told, to count GPU hours.
    """
    servicer = _Servicer(parse_endpoints(endpoints), gpus)
    return Service(
        "inference",
        servicer.register,
        servicer.start,
        servicer.close,
        ready=lambda: servicer.ready,
        drain=servicer.drain,
    )


class _Servicer(pb_grpc.InferenceServiceServicer):
    def __init__(self, names: Sequence[EndpointName], gpus: float) -> None:
        self._names = names
        self._gpus = gpus
        self._in_process: list[VllmEngine] = []
        self._stack = AsyncExitStack()
        self._gateway = Gateway([])
        self._desks: set[Desk] = set()
        self._draining = False

    def register(self, server: grpc.aio.Server) -> None:
        pb_grpc.add_InferenceServiceServicer_to_server(self, server)

    async def start(self) -> None:
        """Open the endpoints; models that run here are loaded now. Raises Misconfigured when one cannot be."""
        endpoints: list[Endpoint] = []
        for name in self._names:
            match name:
                case OpenAiName(base_url):
                    engine = OpenAiEngine(base_url, key_from_environment())
                    endpoints.append(Endpoint(engine, str(name), Limit(FIRST_LIMIT, HIGHEST_LIMIT)))
                case EmbeddedName(path):
                    endpoints.append(await self._stack.enter_async_context(embedded_endpoint(path)))
                case TgiName():
                    engine = TgiEngine(name, key_from_environment())
                    endpoints.append(Endpoint(engine, str(name), Limit(FIRST_LIMIT, HIGHEST_LIMIT, floor=FIRST_LIMIT)))
                case BatchName():
                    engine = BatchEngine(name, key_from_environment())
                    limit = Limit(MOST_WAITING, MOST_WAITING, floor=MOST_WAITING)
                    endpoints.append(Endpoint(engine, str(name), limit, interactive=False))
                case VllmName():
                    endpoints.append(await self._vllm(name))
        self._gateway = Gateway(endpoints)

    async def close(self) -> None:
        await self._gateway.close()
        await self._stack.aclose()

    def drain(self) -> None:
        """Tell every caller to make its next call: those of now, and those to come, who may not know better yet."""
        self._draining = True
        for desk in self._desks:
            desk.close()

    @property
    def ready(self) -> bool:
        """Whether one of the endpoints may answer: false only where all are models in this process that have ended."""
        return len(self._in_process) < len(self._names) or any(each.is_alive for each in self._in_process)

    async def _vllm(self, name: VllmName) -> Endpoint:
        engine = VllmEngine(name)
        self._stack.push_async_callback(engine.close)
        most = await engine.start()
        self._in_process.append(engine)
        # It takes any number of prompts and refuses none. As many wait as it works on at once: completions of one
        # length end in one step, and others take all of their places in the next.
        enough = 2 * most
        return Endpoint(engine, str(name), Limit(enough, enough, floor=enough))

    async def CheckModels(self, request: pb.CheckModelsRequest, context: Context) -> pb.CheckModelsResponse:
        endpoints = await self._gateway.check_models(list(request.models))
        granted = self._gateway.credits(request.models, request.run, max(1, request.weight))
        return pb.CheckModelsResponse(endpoints=endpoints, credits=granted, gpus=self._gpus)

    async def Generate(
        self, request_iterator: AsyncIterator[pb.GenerateRequest], context: Context
    ) -> AsyncIterator[pb.GenerateResponse]:
        desk = Desk(self._gateway)
        if self._draining:
            desk.close()
        self._desks.add(desk)
        try:
            async with aclosing(desk.responses(request_iterator)) as responses:
                async for response in responses:
                    yield response
        finally:
            self._desks.discard(desk)
