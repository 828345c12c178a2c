"""What opens a run's own store: over which connections it goes, and that nothing else ever says it."""

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from seedmill.aggregation.operations import Operations as Publications
from seedmill.aggregation.operations import Place
from seedmill.records.collection import Collection
from seedmill.records.publication import End, Limits
from seedmill.records.seed import SeedKind
from seedmill.seeding.client import SeedingClient
from seedmill.seeding.operations import Operations as Collections
from seedmill.serving.channel import Channels
from seedmill.serving.errors import InvalidRequest, Misconfigured, ServiceError
from seedmill.serving.identity import Context
from seedmill.serving.server import Service, running_server
from seedmill.serving.status import OPERATION_UNKNOWN, from_rpc_error
from seedmill.serving.store_access import METADATA_KEY, StoreAccess, store_access, store_metadata
from seedmill.v1alpha1 import seeding_pb2 as pb
from seedmill.v1alpha1 import seeding_pb2_grpc as pb_grpc

SECRET = "b4d8-d0f1"
ACCESS = {
    "SEEDMILL_S3_ENDPOINT": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "their-id",
    "AWS_SECRET_ACCESS_KEY": SECRET,
}
COLLECTION = Collection("s3://theirs/x", "/nowhere", SeedKind.FUNCTION, allowed_licenses=("MIT",))


class Told(pb_grpc.SeedingServiceServicer):
    """Keeps what came with each start; does not know the first operation when it is asked for."""

    def __init__(self) -> None:
        self.accesses: list[StoreAccess | None] = []

    async def StartCollection(self, request: Any, context: Context) -> Any:
        self.accesses.append(store_access(context))
        return pb.StartCollectionResponse(operation=str(len(self.accesses)))

    async def GetCollection(self, request: Any, context: Context) -> Any:
        if request.operation == "1":
            raise InvalidRequest(OPERATION_UNKNOWN, "it was another process")
        return pb.GetCollectionResponse(result=pb.CollectionResult(prefix="seeds/x"))


@asynccontextmanager
async def served(address: str) -> AsyncGenerator[tuple[Told, Channels]]:
    told = Told()
    service = Service("seeding", lambda server: pb_grpc.add_SeedingServiceServicer_to_server(told, server))
    async with running_server([service], address) as bound:
        channels = Channels([bound], "seeding")
        try:
            yield told, channels
        finally:
            await channels.close()


async def start(channels: Channels, metadata: Any) -> ServiceError:
    stub: Any = pb_grpc.SeedingServiceStub(channels.pick())
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.StartCollection(pb.StartCollectionRequest(), timeout=10, metadata=metadata)
    return from_rpc_error(refused.value)


async def test_it_is_told_over_a_socket_and_again_to_whom_a_lost_operation_is_started_at(tmp_path: Path) -> None:
    async with served(f"unix:{tmp_path}/s") as (told, channels):
        collected = await SeedingClient(channels, ACCESS).collect(COLLECTION, lambda _: None)
    assert collected.prefix == "seeds/x"
    assert told.accesses == [ACCESS, ACCESS]


async def test_a_run_in_the_releases_store_tells_nothing(tmp_path: Path) -> None:
    async with served(f"unix:{tmp_path}/s") as (told, channels):
        await SeedingClient(channels).collect(COLLECTION, lambda _: None)
    assert told.accesses == [None, None]


@pytest.mark.parametrize("addresses", [["127.0.0.1:1"], ["unix:/s", "127.0.0.1:1"], ["dns:///localhost:1"]])
async def test_a_client_does_not_begin_where_others_can_listen(addresses: list[str]) -> None:
    channels = Channels(addresses, "seeding")
    try:
        with pytest.raises(Misconfigured) as refused:
            SeedingClient(channels, ACCESS)
    finally:
        await channels.close()
    assert refused.value.reason == "StoreNotSecret"
    assert SECRET not in str(refused.value)


async def test_a_service_refuses_what_others_could_have_read(tmp_path: Path) -> None:
    async with served("127.0.0.1:0") as (told, channels):
        refused = await start(channels, ((METADATA_KEY, json.dumps(ACCESS).encode()),))
    assert isinstance(refused, InvalidRequest)
    assert refused.reason == "StoreNotSecret"
    assert SECRET not in str(refused)
    assert told.accesses == []


@pytest.mark.parametrize("sent", [SECRET.encode(), json.dumps([SECRET]).encode(), b'{"a": 1}', b"\xff\x00", b""])
async def test_what_cannot_be_read_is_not_repeated(tmp_path: Path, sent: bytes) -> None:
    async with served(f"unix:{tmp_path}/s") as (_, channels):
        assert store_metadata(channels, ACCESS)
        refused = await start(channels, ((METADATA_KEY, sent),))
    assert isinstance(refused, InvalidRequest)
    assert str(refused) == f"the metadata {METADATA_KEY} is not a JSON object of strings"


class Keys(dict[str, str]):
    """A mapping that can be watched going away."""


async def ended(operations: Collections | Publications, name: str) -> ServiceError:
    while True:
        try:
            operations.get(name)
        except ServiceError as error:
            return error
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["collection", "publication"])
async def test_a_service_keeps_it_no_longer_than_the_operation(kind: str) -> None:
    """It failed, and its error is kept: not what its frames had in their hands."""
    keys = Keys({**ACCESS, "SEEDMILL_S3_ENDPOINT": "nonsense"})
    gone = weakref.ref(keys)
    operations: Collections | Publications
    if kind == "collection":
        operations = Collections(1)
        name = operations.start(COLLECTION, keys)
    else:
        operations = Publications()
        name = operations.start("1", Place("s3://theirs/x", "runs/a/b", keys), Limits(1, 1), End.TARGET_REACHED)
    del keys
    error = await ended(operations, name)
    assert "nonsense" in str(error)
    assert SECRET not in repr(error)
    gc.collect()
    assert gone() is None
    await operations.close()


async def test_operations_are_told_apart_by_endpoint_and_account_never_by_secret() -> None:
    operations = Collections(1)

    def name(**other: str) -> str:
        return operations.start(COLLECTION, {**ACCESS, **other})

    names = [name(), name(SEEDMILL_S3_ENDPOINT="http://127.0.0.1:2"), name(AWS_ACCESS_KEY_ID="another")]
    assert len({*names, operations.start(COLLECTION)}) == 4
    assert name(AWS_SECRET_ACCESS_KEY="another") == names[0]
    await operations.close()


def test_a_place_is_shown_without_it() -> None:
    assert SECRET not in repr(Place("s3://theirs/x", "runs/a/b", ACCESS))
