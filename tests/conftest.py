"""At the end of a run: what was skipped for want of something, and the command that gets it."""

from collections import Counter

import pytest

from support.requirements import MISSING


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
