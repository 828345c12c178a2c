"""Processes that must not outlive the one that started them."""

import subprocess
import sys
import time
from pathlib import Path

from seedmill.inference.orphans import Orphans


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def sleeper() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)


def test_when_this_process_is_killed_they_end_too():
    program = (
        "import os, signal, subprocess, sys\n"
        "from seedmill.inference.orphans import Orphans\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "Orphans().watch([child.pid])\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    pid = int(done.stdout)
    until = time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_what_ended_before_is_no_trouble_and_others_are_left_alone():
    told, other = sleeper(), sleeper()
    gone = sleeper()
    gone.kill()
    gone.wait()
    orphans = Orphans()
    orphans.watch([told.pid, gone.pid, told.pid])
    orphans.close()
    assert told.wait(20) == -9
    assert is_alive(other.pid)
    other.kill()
    other.wait()
