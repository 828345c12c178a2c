"""The seeding service over gRPC: followed, joined, refused, lost and started again; a corpus and a store in S3."""

import asyncio
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from seedmill.records.collection import Collection, CollectionProgress
from seedmill.records.seed import SeedKind
from seedmill.seeding.client import SeedingClient
from seedmill.seeding.server import service
from seedmill.serving.channel import Channels
from seedmill.serving.errors import InvalidRequest, Misconfigured
from seedmill.serving.server import running_server
from seedmill.storage import open_store
from seedmill.storage.seeds import SeedReader
from support.requirements import require
from support.s3_server import S3Server, running_versitygw


def source(number: int) -> str:
    return f'# SPDX-License-Identifier: MIT\n\ndef f{number}(x):\n    """Add {number}."""\n    return x + {number}\n'


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(50):
        (folder / f"m{number}.py").write_text(source(number))
    return folder


@pytest.fixture
def request_(corpus: Path, tmp_path: Path) -> Collection:
    return Collection(str(tmp_path / "store"), str(corpus), SeedKind.FUNCTION, allowed_licenses=("MIT",))


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[SeedingClient]:
    async with running_server([service(workers=1)], f"unix:{tmp_path}/seeding.sock") as address:
        channels = Channels([address], "seeding")
        yield SeedingClient(channels)
        await channels.close()


async def test_collection_is_followed_to_its_result(client: SeedingClient, request_: Collection) -> None:
    reports: list[CollectionProgress] = []
    collected = await client.collect(request_, reports.append)
    reader = SeedReader(open_store(request_.store_uri), collected.prefix)
    assert (collected.count, len(reader), reader.manifest.digest) == (50, 50, collected.digest)
    assert reports[-1] == CollectionProgress(50, 50, 50)


async def test_equal_requests_at_once_share_one_collection(client: SeedingClient, request_: Collection) -> None:
    results = await asyncio.gather(*(client.collect(request_, lambda progress: None) for _ in range(5)))
    assert all(result == results[0] for result in results)


async def test_event_loop_stays_free_while_a_corpus_is_read(client: SeedingClient, request_: Collection) -> None:
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            longest = max(longest, loop.time() - before)

    ticking = asyncio.create_task(tick())
    await client.collect(
        replace(request_, corpus_uri="installed:stdlib", allowed_licenses=("PSF-2.0",)), lambda _: None
    )
    ticking.cancel()
    assert longest < 1.0


async def test_errors_come_out_as_they_were_raised(client: SeedingClient, request_: Collection) -> None:
    with pytest.raises(Misconfigured, match="no such file or directory") as missing:
        await client.collect(replace(request_, corpus_uri="/no/such/corpus"), lambda _: None)
    assert missing.value.reason == "CorpusMissing"
    with pytest.raises(Misconfigured, match=r"\(MIT 50\)") as refused:
        await client.collect(replace(request_, allowed_licenses=("ISC",)), lambda _: None)
    assert refused.value.reason == "NothingAllowed"
    with pytest.raises(InvalidRequest, match="no language is given") as invalid:
        await client.collect(replace(request_, languages=()), lambda _: None)
    assert invalid.value.reason == "NoLanguage"


async def test_collection_that_failed_can_be_started_again(client: SeedingClient, request_: Collection) -> None:
    os.rename(request_.corpus_uri, f"{request_.corpus_uri}-hidden")
    with pytest.raises(Misconfigured):
        await client.collect(request_, lambda _: None)
    os.rename(f"{request_.corpus_uri}-hidden", request_.corpus_uri)
    assert (await client.collect(request_, lambda _: None)).count == 50


_SERVE = """
import asyncio, sys
from seedmill.seeding.server import service
from seedmill.serving.server import ServerSettings, serve

async def main():
    await serve(ServerSettings(sys.argv[1]), [service(workers=1)])

asyncio.run(main())
"""


def start_server(address: str) -> "subprocess.Popen[bytes]":
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen([sys.executable, "-c", _SERVE, address], env={**os.environ, "PYTHONPATH": paths})


async def test_collection_goes_on_elsewhere_when_its_server_is_killed(tmp_path: Path, request_: Collection) -> None:
    addresses = [f"unix:{tmp_path}/{number}.sock" for number in range(2)]
    servers = [start_server(address) for address in addresses]
    channels = Channels(addresses, "seeding")
    try:
        await channels.ready(30)
        killed = False

        def kill_the_first(progress: CollectionProgress) -> None:
            nonlocal killed
            if not killed:
                killed = True
                servers[0].send_signal(signal.SIGKILL)

        long = replace(request_, corpus_uri="installed:stdlib", allowed_licenses=("PSF-2.0",))
        collected = await SeedingClient(channels).collect(long, kill_the_first)
        assert killed
        assert len(SeedReader(open_store(request_.store_uri), collected.prefix)) == collected.count > 100
    finally:
        await channels.close()
        for server in servers:
            server.kill()
            server.wait()


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with running_versitygw(require("versitygw"), tmp_path / "s3") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def put_corpus(uri: str, corpus: Path, archive_path: Path) -> None:
    """30 files as objects, 20 in an archive."""
    store = open_store(uri)
    files = sorted(corpus.iterdir())
    for path in files[:30]:
        store.put(f"loose/{path.name}", path.read_bytes())
    with tarfile.open(archive_path, "w:gz") as archive:
        for path in files[30:]:
            archive.add(path, path.name)
    store.put_file("rest.tar.gz", archive_path)


async def test_corpus_and_store_in_s3(
    s3: S3Server, client: SeedingClient, request_: Collection, corpus: Path, tmp_path: Path
) -> None:
    bucket = s3.new_bucket()
    put_corpus(f"s3://{bucket}/corpora/mine", corpus, tmp_path / "rest.tar.gz")
    in_s3 = replace(request_, store_uri=f"s3://{bucket}/release", corpus_uri=f"s3://{bucket}/corpora/mine")
    collected = await client.collect(in_s3, lambda _: None)
    assert collected.count == 50
    assert len(list(SeedReader(open_store(in_s3.store_uri), collected.prefix).iterate())) == 50
    assert await client.collect(in_s3, lambda _: None) == collected
    same_size = open_store(in_s3.corpus_uri).get("loose/m0.py").replace(b"0", b"9")
    open_store(in_s3.corpus_uri).put("loose/m0.py", same_size)
    assert (await client.collect(in_s3, lambda _: None)).digest != collected.digest
    one = replace(in_s3, corpus_uri=f"s3://{bucket}/corpora/mine/rest.tar.gz")
    assert (await client.collect(one, lambda _: None)).count == 20
    with pytest.raises(Misconfigured, match="there is no object"):
        await client.collect(replace(in_s3, corpus_uri=f"s3://{bucket}/corpora/other"), lambda _: None)
