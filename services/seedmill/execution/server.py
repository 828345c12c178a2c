"""The ExecutionService: a pool of sandboxes behind gRPC. Protobuf stays in this file and `messages.py`."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc

from seedmill.execution.http.settings import HttpSettings
from seedmill.execution.level import level_named
from seedmill.execution.messages import program_of, verdict_message
from seedmill.execution.pool import ENVIRONMENTS, Pool
from seedmill.records.verdict import Program
from seedmill.serving.errors import InvalidRequest, Misconfigured
from seedmill.serving.grouping import in_groups
from seedmill.serving.server import Service
from seedmill.v1alpha1 import execution_pb2 as pb
from seedmill.v1alpha1 import execution_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from seedmill.execution.http.app import HttpServer

MAX_PROGRAMS = 256

Context = grpc.aio.ServicerContext[Any, Any]


def service(isolation: str = "gvisor", workers: int | None = None, http: HttpSettings | None = None) -> Service:
    """The service, to be served. `isolation` names a `Level`.

    `workers` is how many run at the same time, by default one for each CPU. With `http` it also answers over HTTP.
    Raises Misconfigured for another level, and for an HTTP address that it must not have.
    """
    pool = Pool(level_named(isolation), slots=workers)
    servicer = _Servicer(pool, None if http is None else _http_server(http, pool))
    return Service("execution", servicer.register, start=servicer.start, stop=servicer.close)


class _Servicer(pb_grpc.ExecutionServiceServicer):
    def __init__(self, pool: Pool, http: "HttpServer | None") -> None:
        self._pool = pool
        self._http = http

    def register(self, server: grpc.aio.Server) -> None:
        pb_grpc.add_ExecutionServiceServicer_to_server(self, server)

    async def start(self) -> None:
        await self._pool.start()
        if self._http is not None:
            await self._http.start()

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
        await self._pool.close()

    async def Execute(self, request: pb.ExecuteRequest, context: Context) -> AsyncIterator[pb.ExecuteResponse]:
        if len(request.programs) > MAX_PROGRAMS:
            raise InvalidRequest("BatchTooLarge", f"{len(request.programs)} programs in a call; at most {MAX_PROGRAMS}")
        programs = [program_of(item) for item in request.programs]
        async for group in in_groups(self._run(program) for program in programs):
            yield pb.ExecuteResponse(verdicts=group)

    async def GetCapabilities(self, request: pb.GetCapabilitiesRequest, context: Context) -> pb.GetCapabilitiesResponse:
        kind = self._pool.kind
        environment = "" if kind is None else kind.environment.digest
        return pb.GetCapabilitiesResponse(
            isolations=self._pool.isolations,
            languages=self._pool.languages.available,
            environments=dict.fromkeys(ENVIRONMENTS, environment),
            sandbox="" if kind is None else kind.name,
            slots=self._pool.slots,
        )

    async def _run(self, program: Program) -> pb.VerdictItem:
        return verdict_message(await self._pool.run(program))


def _http_server(settings: HttpSettings, pool: Pool) -> "HttpServer":
    try:
        from seedmill.execution.http.app import HttpServer
    except ModuleNotFoundError as error:  # the image of this service has none
        raise Misconfigured("HttpMissing", f"--http-address needs {error.name}: pip install {error.name}") from error
    return HttpServer(settings, pool)
