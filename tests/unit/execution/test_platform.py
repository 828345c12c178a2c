"""Which platform is taken, without measuring where that is known."""

import asyncio
import json
from pathlib import Path
from typing import NoReturn

import pytest

from seedmill.execution.sandboxes import platform
from seedmill.execution.sandboxes.platform import choose_platform, platform_named
from seedmill.serving.errors import Misconfigured, Unavailable


class Record:
    """The file that the choice is kept in."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def choices(self) -> list[str]:
        return list(json.loads(self.file.read_text()).values()) if self.file.exists() else []

    def write(self, content: str) -> None:
        self.file.parent.mkdir(parents=True)
        self.file.write_text(content)


@pytest.fixture(autouse=True)
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Record:
    monkeypatch.setenv("SEEDMILL_CACHE", str(tmp_path))
    monkeypatch.delenv(platform.VARIABLE, raising=False)
    return Record(tmp_path / "execution" / "platform.json")


def never(*_: object) -> NoReturn:
    raise AssertionError("nothing was to be started")


def measured(monkeypatch: pytest.MonkeyPatch, systrap: float, ptrace: float) -> None:
    async def measure(_kind_on: object, _probe: object, taken: dict[str, list[float]]) -> None:
        taken["systrap"] += 8 * [systrap]
        taken["ptrace"] += 8 * [ptrace]

    monkeypatch.setattr(platform, "_measure", measure)


def test_the_option_comes_before_the_variable(monkeypatch: pytest.MonkeyPatch):
    assert platform_named(None) == "auto"
    monkeypatch.setenv(platform.VARIABLE, "ptrace")
    assert platform_named(None) == "ptrace"
    assert platform_named("kvm") == "kvm"
    with pytest.raises(Misconfigured, match=r"'xen'.*systrap"):
        platform_named("xen")


async def test_what_is_named_is_not_measured():
    assert await choose_platform("ptrace", "v", never, never) == "ptrace"


@pytest.mark.parametrize(("ptrace", "chosen"), [(0.5, "ptrace"), (0.95, "systrap"), (2.0, "systrap")])
async def test_ptrace_is_taken_where_it_is_clearly_faster(
    ptrace: float, chosen: str, monkeypatch: pytest.MonkeyPatch, record: Record
):
    measured(monkeypatch, 1.0, ptrace)
    assert await choose_platform("auto", "v", never, never) == chosen
    monkeypatch.setattr(platform, "_measure", never)
    assert await choose_platform("auto", "v", never, never) == chosen, "known by now"
    assert record.choices == [chosen]


async def test_another_runsc_is_measured_anew(monkeypatch: pytest.MonkeyPatch, record: Record):
    measured(monkeypatch, 1.0, 2.0)
    await choose_platform("auto", "old", never, never)
    measured(monkeypatch, 2.0, 1.0)
    assert await choose_platform("auto", "new", never, never) == "ptrace"
    assert sorted(record.choices) == ["ptrace", "systrap"]


async def test_a_machine_that_is_too_busy_to_tell_is_asked_once(monkeypatch: pytest.MonkeyPatch, record: Record):
    async def slow(_kind_on: object, _probe: object, taken: dict[str, list[float]]) -> None:
        taken["systrap"].append(9.0)
        taken["ptrace"].append(1.0)
        await asyncio.sleep(60)

    monkeypatch.setattr(platform, "_measure", slow)
    monkeypatch.setattr(platform, "LONGEST_SECONDS", 0.01)
    assert await choose_platform("auto", "v", never, never) == "systrap"
    assert record.choices == ["systrap"]


async def test_where_one_does_not_start_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch, record: Record):
    async def fails(*_: object) -> NoReturn:
        raise Unavailable("SandboxUnavailable", "ptrace is not allowed")

    monkeypatch.setattr(platform, "_measure", fails)
    assert await choose_platform("auto", "v", never, never) == "systrap"
    assert record.choices == []


@pytest.mark.parametrize("content", ["", "[]", '{"x": 1}', "\x00"])
async def test_a_broken_record_is_measured_over(content: str, monkeypatch: pytest.MonkeyPatch, record: Record):
    record.write(content)
    measured(monkeypatch, 1.0, 0.1)
    assert await choose_platform("auto", "v", never, never) == "ptrace"
