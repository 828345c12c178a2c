"""The two separations that programs are tried in, by the names that tests give them."""

import os

import pytest

from seedmill.execution.level import Level
from support.requirements import require


def level_named(name: str) -> Level:
    """`gvisor` or `process`; the test is skipped where this machine does not have it."""
    if name == "gvisor":
        require("runsc")
        return Level.GVISOR
    if os.geteuid() != 0:
        pytest.skip("native separation by user needs root")
    return Level.PROCESS
