"""The ExecutionService: a pool of sandboxes behind gRPC. Protobuf stays in this file and `messages.py`."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc

from seedmill.execution.http.settings import HttpSettings
from seedmill.execution.known_verdicts import CACHE_BYTES
from seedmill.execution.level import level_named
from seedmill.execution.messages import program_of, verdict_message
from seedmill.execution.pool import Pool
from seedmill.execution.sandboxes.platform import platform_named
from seedmill.records.verdict import Program
from seedmill.serving.errors import InvalidRequest, Misconfigured
from seedmill.serving.grouping import in_groups
from seedmill.serving.server import Service
from seedmill.v1alpha1 import execution_pb2 as pb
from seedmill.v1alpha1 import execution_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from seedmill.execution.http.app import HttpServer

LINGER_SECONDS = 0.003
MAX_PROGRAMS = 256

Context = grpc.aio.ServicerContext[Any, Any]


def service(
    isolation: str = "gvisor",
    workers: int | None = None,
    platform: str | None = None,
    cache_bytes: int = CACHE_BYTES,
    http: HttpSettings | None = None,
) -> Service:
    """The service, to be served. `isolation` names a `Level`.

    `workers` is how many run at the same time, by default one for each CPU; `platform` is gVisor's, by default what
    $SEEDMILL_PLATFORM says, else what was measured; `cache_bytes` is for verdicts that are kept, 0 for none. With
    `http` it also answers over HTTP. Raises Misconfigured for another level or platform, and for an HTTP address that
    it must not have.
    """
    pool = Pool(level_named(isolation), slots=workers, platform=platform_named(platform), cache_bytes=cache_bytes)
    servicer = _Servicer(pool, None if http is None else _http_server(http, pool))
    return Service("execution", servicer.register, start=servicer.start, stop=servicer.close, ready=lambda: pool.ready)


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
        programs = [(program_of(item), item.key) for item in request.programs]
        work = (self._run(program, request.run, key) for program, key in programs)
        async for group in in_groups(work, linger_seconds=LINGER_SECONDS):
            yield pb.ExecuteResponse(verdicts=group)

    async def GetCapabilities(self, request: pb.GetCapabilitiesRequest, context: Context) -> pb.GetCapabilitiesResponse:
        return pb.GetCapabilitiesResponse(
            isolations=self._pool.isolations,
            languages=self._pool.languages.available,
            environments=self._pool.environments,
            sandbox=self._pool.sandbox,
            slots=self._pool.slots,
        )

    async def _run(self, program: Program, run: str, key: str) -> pb.VerdictItem:
        return verdict_message(await self._pool.run(program, run=run, key=key))


def _http_server(settings: HttpSettings, pool: Pool) -> "HttpServer":
    try:
        from seedmill.execution.http.app import HttpServer
    except ModuleNotFoundError as error:  # the image of this service has none
        raise Misconfigured("HttpMissing", f"--http-address needs {error.name}: pip install {error.name}") from error
    return HttpServer(settings, pool)
