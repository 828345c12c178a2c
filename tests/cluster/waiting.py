"""Waiting for what controllers bring about, with words for what did not come."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.05


def wait_until(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Until the condition holds. Fails the test, saying what did not come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not in {seconds} s"
        time.sleep(POLL_SECONDS)
