"""A disk that fills up while a run is on it: the run pauses and says why, and nothing that was paid is paid again."""

import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seedmill.records.randomness import Draw
from support.cli import result_of, watched
from support.scripted_answers import FENCE, Answer
from support.small_disks import fill, free, mounted
from support.specs import TAUGHT, write_spec
from support.teacher import TeacherServer

WINDOW = 8
SPEC = TAUGHT.replace("acceptedSamples: 3", "acceptedSamples: 60")
NO_ROOM = "No space left on device; make room there"


def test_a_run_pauses_while_the_disk_is_full_and_goes_on_when_there_is_room_and_after_ctrl_c(tmp_path: Path):
    spec = write_spec(tmp_path, SPEC, functions=200)
    with (
        mounted(tmp_path / "disk", 16 * 1024) as disk,
        TeacherServer(delay=lambda request: 0.2) as teacher,
    ):
        arguments = ("run", spec, "--workdir", disk, "--teacher", teacher.url, "--json")
        with watched(*arguments) as run:
            paid_at_least(teacher, 15)
            fill(disk)
            line = run.until("waiting")
            assert "the journal cannot be written: " in line
            assert str(disk) in line
            assert line.endswith(NO_ROOM)
            free(disk)
            paid_at_least(teacher, sum(teacher.paid.values()) + 2 * WINDOW)
            assert teacher.paid_twice == 0
            said = len(run.said)
            fill(disk)
            while not any("waiting" in each for each in run.said[said:]):
                time.sleep(0.05)
            run.process.send_signal(signal.SIGINT)
            run.until("finishing what is in flight; once more to stop at once")
            run.process.send_signal(signal.SIGINT)
            done = run.end(30)
        assert done.returncode == 130
        assert "Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1] == "stopped; what was durable is kept, run again to go on"
        with watched(*arguments) as again:
            assert again.until("waiting").endswith(NO_ROOM)
            free(disk)
            finished = again.end()
        assert finished.returncode == 0, finished.stderr
        ledger = result_of(finished)["ledger"]
    assert ledger["accepted"] == 60
    assert ledger["failed"] == {}
    assert teacher.paid_twice <= WINDOW


def test_a_run_pauses_while_there_is_no_room_for_its_scratch_files(tmp_path: Path):
    spec = write_spec(tmp_path, SPEC, functions=200)
    with (
        TemporaryDirectory(prefix="disk-") as folder,  # not below tmp_path: paths of sockets must be short
        mounted(Path(folder), 16 * 1024) as scratch,
        TeacherServer(long_winded, delay=lambda request: 0.05) as teacher,
    ):
        arguments = ("run", spec, "--workdir", tmp_path / "work", "--teacher", teacher.url, "--json")
        with watched(*arguments, TMPDIR=str(scratch)) as run:
            paid_at_least(teacher, 5)
            fill(scratch)
            line = run.until("waiting")
            assert f"store: {scratch}: {NO_ROOM}" in line
            paid = sum(teacher.paid.values())
            time.sleep(1.0)
            assert sum(teacher.paid.values()) == paid
            free(scratch)
            done = run.end()
        assert done.returncode == 0, done.stderr
    assert result_of(done)["ledger"]["accepted"] == 60
    assert teacher.paid_twice == 0


def long_winded(request: dict[str, Any]) -> Answer:
    """A problem with a solution of which the index has 8 KB to remember: thirty fill what it holds in memory."""
    draw = Draw("long", request["seed"])
    lines = "\n".join(f"    value_{draw.below(10**9)} = {draw.below(10**9)}" for _ in range(1000))
    code = f"def function_{draw.below(10**9)}(value):\n{lines}\n    return value\n"
    task = f"Write a function about the number {draw.below(10**9)} that returns what it was given, unchanged."
    return Answer(f"[Problem Description]\n{task}\n\n[Solution]\n{FENCE}python\n{code}{FENCE}\n")


def paid_at_least(teacher: TeacherServer, answers: int) -> None:
    """Wait until the teacher has given so many."""
    deadline = time.monotonic() + 60
    while sum(teacher.paid.values()) < answers:
        assert time.monotonic() < deadline, f"only {sum(teacher.paid.values())} answers were paid"
        time.sleep(0.02)
