"""Before a run: commands can be interrupted. At its end: what was skipped for want of something, and how to get it."""

import signal
from collections import Counter

import pytest

from support.requirements import MISSING


def pytest_configure() -> None:
    """Let commands that tests start hear Ctrl-C: a shell starts what it runs in the background deaf to SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what is missing, one line each, with the number of tests that need it."""
    wanting: Counter[str] = Counter()
    for report in terminalreporter.getreports("skipped"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if MISSING in reason:
            wanting[reason.removeprefix("Skipped: ")] += 1
    if wanting:
        terminalreporter.section("skipped, because something is missing here")
    for reason, tests in sorted(wanting.items()):
        terminalreporter.line(f"{tests} test{'s' if tests > 1 else ''}: {reason}")
