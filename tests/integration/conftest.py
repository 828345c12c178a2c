"""What several of these tests work with: an S3 server and a teacher for each module, and a place to make runs in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
