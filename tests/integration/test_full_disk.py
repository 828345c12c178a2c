"""A disk that fills up while a run is on it: the run pauses and says why, and nothing that was paid is paid again."""

import signal
import time
from pathlib import Path

from support.cli import result_of, watched
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


def paid_at_least(teacher: TeacherServer, answers: int) -> None:
    """Wait until the teacher has given so many."""
    deadline = time.monotonic() + 60
    while sum(teacher.paid.values()) < answers:
        assert time.monotonic() < deadline, f"only {sum(teacher.paid.values())} answers were paid"
        time.sleep(0.02)
