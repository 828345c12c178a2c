"""An S3 that goes away under a run: it pauses, says why, and goes on; nothing fails, little is paid twice."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import Watched, result_of, seedmill, watched
from support.s3_server import S3Server, Trouble, troubled
from support.specs import TAUGHT, write_spec
from support.teacher import TeacherServer

WINDOW = 8
SPEC = TAUGHT.replace("acceptedSamples: 3", "acceptedSamples: 60")
FOREVER = 1_000_000


@contextmanager
def away(trouble: Trouble, fault: int | str) -> Iterator[None]:
    """The S3 server answers nothing but this."""
    trouble.plan[:] = [fault] * FOREVER
    try:
        yield
    finally:
        trouble.plan.clear()


def paid(teacher: TeacherServer) -> int:
    return sum(teacher.paid.values())


def until_paid(teacher: TeacherServer, answers: int, run: Watched) -> None:
    deadline = time.monotonic() + 90
    while paid(teacher) < answers:
        assert run.process.poll() is None, run.said
        assert time.monotonic() < deadline, f"only {paid(teacher)} answers were paid"
        time.sleep(0.02)


@pytest.mark.parametrize("fault", [503, "drop"])
def test_a_run_waits_for_its_store_in_mid_flight_and_ends_as_if_nothing_had_been(
    s3_server: S3Server, tmp_path: Path, fault: int | str
):
    spec = write_spec(tmp_path, SPEC, functions=200)
    with TeacherServer() as teacher:
        calm = seedmill("run", spec, "--workdir", tmp_path / "calm", "--teacher", teacher.url, "--json")
    with troubled(s3_server) as (proxy, trouble), TeacherServer(delay=lambda request: 0.2) as teacher:
        where = f"s3://{s3_server.new_bucket()}/mill"
        arguments = ("run", spec, "--workdir", where, "--teacher", teacher.url, "--json")
        with watched(*arguments, **proxy.environment) as run:
            until_paid(teacher, 2 * WINDOW, run)
            with away(trouble, fault):
                line = run.until("waiting", 120)
                assert "store: the journal cannot be " in line
                assert proxy.endpoint in line or where in line
                held = paid(teacher)
                time.sleep(3)
                assert paid(teacher) == held, "nothing new is begun while nothing can be made durable"
            until_paid(teacher, held + WINDOW, run)
            assert teacher.paid_twice == 0
            with away(trouble, fault):
                time.sleep(2)
                run.process.send_signal(signal.SIGKILL)
                run.end(30)
            before = teacher.paid_twice
        with watched(*arguments, **proxy.environment) as again, away(trouble, fault):
            line = again.until("waiting", 120)
            assert "store: " in line
            trouble.plan.clear()
            done = again.end(180)
        assert done.returncode == 0, done.stderr
        assert before == 0
        assert teacher.paid_twice <= WINDOW
    result, expected = result_of(done), result_of(calm)
    assert result["ledger"] == expected["ledger"]
    assert result["ledger"]["failed"] == {}
    assert result["digest"] == expected["digest"]
