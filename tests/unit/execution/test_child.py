"""How a child that could not be confined is told from one whose program ended as it liked."""

import os

import pytest

from seedmill.execution.inside.child import confined
from seedmill.execution.inside.processes import Processes, reap

CPU_SECONDS, MEMORY_BYTES = 2, 256 << 20
TOO_MUCH = 1 << 70


@pytest.fixture
def processes() -> Processes:
    return Processes(native=True, first_uid=os.getuid())


def ends_of(*pids: int) -> list[int]:
    """The exit codes of these children, which `reap` may find in one go."""
    ends = {}
    while not ends.keys() >= set(pids):
        assert reap(ends) or ends.keys() >= set(pids)
    return [ends[pid].exit_code for pid in pids]


def start(processes: Processes, status: int, limits: tuple[int, int]) -> int:
    out = os.open("/dev/null", os.O_WRONLY)
    try:
        return confined(lambda: status, os.getuid(), (out, out), limits, processes)
    finally:
        os.close(out)


@pytest.mark.parametrize("status", [0, 1, 97, 98])
def test_what_a_program_ends_with_is_its_own(processes: Processes, status: int):
    pid = start(processes, status, (CPU_SECONDS, MEMORY_BYTES))
    assert ends_of(pid) == [status]
    assert processes.setback(pid) == ""


def test_a_child_that_could_not_be_confined_says_why(processes: Processes):
    pid = start(processes, 0, (CPU_SECONDS, TOO_MUCH))
    other = start(processes, 1, (CPU_SECONDS, MEMORY_BYTES))
    assert ends_of(pid, other) == [1, 1]
    assert processes.setback(other) == ""
    assert processes.setback(pid) != ""
    assert processes.setback(pid) == ""
