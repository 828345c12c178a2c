"""Programs that the tests start die with them, however those end."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@contextmanager
def running_program(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> "Generator[subprocess.Popen[bytes]]":
    """A child whose output goes to the end of `log`; killed at the end, because nothing that it holds is to be kept.

    It has a session of its own, so that Ctrl-C does not reach it before the tests have ended.
    """
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl  # looked up here: between fork and exec little is safe

    def die_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,
            env=environment,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=30)
