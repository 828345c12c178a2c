"""The SeedingService: collections as operations. Protobuf stays in this file."""

import os
from typing import Any

import grpc

from seedmill.records.collection import Collection, LanguageQuota
from seedmill.records.seed import SeedKind
from seedmill.seeding.operations import Operations
from seedmill.serving.errors import InvalidRequest
from seedmill.serving.server import Service
from seedmill.serving.store_access import store_access
from seedmill.v1alpha1 import seeding_pb2 as pb
from seedmill.v1alpha1 import seeding_pb2_grpc as pb_grpc

_KINDS = {pb.SEED_KIND_SNIPPET: SeedKind.SNIPPET, pb.SEED_KIND_FUNCTION: SeedKind.FUNCTION}

_MOST_WORKERS = 8

Context = grpc.aio.ServicerContext[Any, Any]


def service(workers: int | None = None) -> Service:
    """The service, to be served; `workers` child processes parse for one collection, by default one for each
    CPU, up to `_MOST_WORKERS`: one reader cannot feed more."""
    servicer = _Servicer(workers or min(os.cpu_count() or 1, _MOST_WORKERS))
    return Service("seeding", servicer.register, stop=servicer.close)


class _Servicer(pb_grpc.SeedingServiceServicer):
    def __init__(self, workers: int) -> None:
        self._operations = Operations(workers)

    def register(self, server: grpc.aio.Server) -> None:
        pb_grpc.add_SeedingServiceServicer_to_server(self, server)

    async def close(self) -> None:
        await self._operations.close()

    async def StartCollection(self, request: pb.StartCollectionRequest, context: Context) -> pb.StartCollectionResponse:
        return pb.StartCollectionResponse(
            operation=self._operations.start(_collection(request.collection), store_access(context))
        )

    async def GetCollection(self, request: pb.GetCollectionRequest, context: Context) -> pb.GetCollectionResponse:
        progress, collected = self._operations.get(request.operation)
        response = pb.GetCollectionResponse(
            files_read=progress.files_read, files_total=progress.files_total, seeds=progress.seeds
        )
        if collected is not None:
            response.result.CopyFrom(
                pb.CollectionResult(
                    prefix=collected.prefix,
                    digest=collected.digest,
                    count=collected.count,
                    skipped=collected.skipped,
                )
            )
        return response


def _collection(message: pb.Collection) -> Collection:
    """Raises InvalidRequest for what is not set."""
    for name in ("store_uri", "corpus_uri"):
        if not getattr(message, name):
            raise InvalidRequest("MissingField", f"collection.{name} must be given")
    if message.kind not in _KINDS:
        raise InvalidRequest("MissingField", "collection.kind must be SNIPPET or FUNCTION")
    return Collection(
        store_uri=message.store_uri,
        corpus_uri=message.corpus_uri,
        kind=_KINDS[message.kind],
        languages=tuple(LanguageQuota(each.language, each.max_seeds) for each in message.languages),
        allowed_licenses=tuple(message.allowed_licenses),
        allow_unknown_license=message.allow_unknown_license,
        corpus_license=message.corpus_license,
        text_field=message.text_field,
        max_lines=message.max_lines,
        random_seed=message.random_seed,
        require_doctests=message.require_doctests,
        self_oss_filters=message.self_oss_filters,
        max_files=message.max_files,
        decontaminate=tuple(message.decontaminate),
    )
