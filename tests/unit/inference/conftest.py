"""What the tests of the gateway before one server share: pauses that keep them short."""

import pytest

from seedmill.inference import retry


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.005)
    monkeypatch.setattr(retry, "QUIET_SECONDS", 0.4)
