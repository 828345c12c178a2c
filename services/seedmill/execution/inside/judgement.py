"""What became of a run, from what the kernel says of its processes and from what T reported.

Nothing that a program prints is looked at. A pass needs the nonce, which T gets only after the solution is loaded.
"""

import signal
import struct

from . import confinement
from .python.test_process import AUTO, UNHOSTED

USED_SHARE = 0.75


def verdict(run):
    """(status, reason, assertions that ran)."""
    if run.stopped is not None:
        return (*run.stopped, 0)
    end = run.ends.get(run.tests_pid)
    if end is None:
        return "infra", "the tests' process was lost", 0
    if why := run.setback(run.tests_pid):
        return "infra", why, 0
    if run.peak_bytes > run.memory_bytes:  # between two looks of the watch, or ended by the kernel for it
        return (*too_much_memory(run.memory_bytes), 0)
    if end.signal is not None:
        return (*_killed(run, end, "tests"), 0)
    if run.violated:
        return "error", "ProtocolViolation: reports that no honest test makes", 0
    if run.ended is None:
        if end.exit_code == 0:
            return "incomplete", "the process ended before the tests had run to their end", 0
        return "fail", f"the process ended with exit status {end.exit_code}", 0
    kind, data = run.ended
    if kind == b"x":
        return _failed(run, *data.decode("utf-8", "replace").partition("\n")[::2])
    if data[:16] != run.nonce or len(data) != 20 or end.exit_code != 0:
        return "error", "ProtocolViolation: a report without the nonce", 0
    asserts = struct.unpack("<I", data[16:])[0]
    if asserts == 0:
        return "vacuous", "no assertion ran", 0
    return "pass", "", asserts


def too_much_memory(limit_bytes):
    """Status and reason."""
    return "memory", f"more than {limit_bytes >> 20} MiB"


def used_up(end, cpu_seconds):
    """Whether a process, with those it waited for, reached its limit of CPU time.

    Linux counts the limit in ticks, and what a process used exactly: on a loaded machine they are 15 % apart.
    """
    return end.cpu_seconds >= USED_SHARE * confinement.cpu_limit(cpu_seconds)


def _failed(run, status, reason):
    if status != "gone":
        known = status in ("error", "fail", "memory", "incomplete")
        if status == UNHOSTED and run.mode == AUTO and run.plan is not None and run.plan[0] == "strict":
            return UNHOSTED, reason, 0
        return (status if known else "error", reason, 0)
    end = run.ends.get(run.solution_pid)
    if end is not None and end.signal is not None:
        return (*_killed(run, end, "solution"), 0)
    if why := run.setback(run.solution_pid):
        return "infra", f"the solution's process could not be confined: {why}", 0
    return "fail", reason, 0


def _killed(run, end, who):
    # A program can send itself the kernel's signals for a used-up limit; only the CPU clock says that it was.
    if used_up(end, run.cpu_seconds) and end.signal in (signal.SIGXCPU, signal.SIGKILL):
        return "timeout", f"more than {run.cpu_seconds:g} s of CPU time"
    name = signal.Signals(end.signal).name if end.signal in signal.valid_signals() else str(end.signal)
    return "fail", f"the {who} process was ended by {name}"
