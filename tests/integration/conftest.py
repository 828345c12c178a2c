"""What several of these tests work with: an S3 server and a teacher for each module, a place for runs, and a pool."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from seedmill.execution.pool import Pool
from support.levels import level_named
from support.python_bench import Bench
from support.requirements import require
from support.s3_server import S3Server, running_versitygw
from support.teacher import TeacherServer
from support.workplace import Workplace


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_versitygw(require("versitygw"), tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def teacher() -> Iterator[TeacherServer]:
    with TeacherServer() as teacher:
        yield teacher


@pytest.fixture(params=["directory", "S3"])
def workplace(request: pytest.FixtureRequest, tmp_path: Path, teacher: TeacherServer) -> Workplace:
    if request.param == "directory":
        return Workplace(tmp_path, str(tmp_path / "work"), {}, teacher)
    return Workplace.on_s3(request.getfixturevalue("s3_server"), tmp_path, teacher)


@pytest.fixture(params=["gvisor", "process"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    pool = Pool(level_named(request.param), slots=1, cache_bytes=0)
    await pool.start()
    try:
        yield Bench(pool)
    finally:
        await pool.close()
