"""The type check with the real pyrefly: what is wrong, what is only unknown, and programs that it does not survive."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from seedmill.seeding.limits import MIB, Limits
from seedmill.seeding.type_check import TYPE_CHECK_FAILED, TYPE_ERROR, TypeChecker
from seedmill.serving.errors import Misconfigured, Unavailable

GOOD = 'def f(x: int) -> str:\n    """Show."""\n    return str(x)\n'
WRONG = 'def f(x: int) -> str:\n    """Show."""\n    return x + 1\n'
CRASHES = "def f():\n    a = (1, 2, 3, 4, 5, 6, 7, 8)\n" + "    a = a + a\n" * 40 + "    return a\n"  # 2^43 types
ENDLESS = "def f(x):\n    a = (1, '')\n" + "    a = (a, a)\n" * 60 + "    return a.q\n"  # a type of 2^60 words to print
SMALL = Limits(worker_memory_bytes=512 * MIB, type_check_cpu_seconds=1.5)


class Stopped(Exception):
    pass


def checker(folder: Path, limits: Limits | None = None) -> TypeChecker:
    folder.mkdir(exist_ok=True)
    return TypeChecker(folder, limits or Limits(), lambda: None)


def check(folder: Path, programs: Sequence[str], limits: Limits | None = None) -> list[str | None]:
    return checker(folder, limits).check(programs)


@pytest.mark.parametrize(
    "program",
    [
        WRONG,
        "def g(a):\n    return a\n\n\ndef f(x):\n    return g(x, 1)\n",
        'def f(x):\n    return len(x) + ""\n',
        "import re\n\n\ndef f(x: str):\n    return re.match('a', x).group()\n",
        "import math\n\n\ndef f(x):\n    return math.nothing(x)\n",
        "async def g(x):\n    return x\n\n\nasync def f(x):\n    g(x)\n    return x\n",
        # What the context says when an optional package is not there; the function would fail just so.
        "np = None\n\n\ndef f(x):\n    return np.zeros(x)\n",
    ],
)
def test_function_that_contradicts_itself_or_the_standard_library_is_a_type_error(program: str, tmp_path: Path) -> None:
    assert check(tmp_path, [program]) == [TYPE_ERROR]


@pytest.mark.parametrize(
    "program",
    [
        GOOD,
        "from nowhere.at_all import g, C\nimport other\n\n\ndef f(x: C) -> int:\n    return g(x).a[0] + other.b\n",
        "import yaml\n\n\ndef f(x):\n    return yaml.nothing(x)\n",
        "from collections import _private\n\n\ndef f(x):\n    return _private(x)\n",
        'def f(x: "Elsewhere") -> "other.Type":\n    return x\n',
        "from elsewhere import P\nfrom typing import Callable\n\n\ndef f(x: Callable[P, int]):\n    return x\n",
        "class A(list):\n    def append(self, x, y):\n        return x\n\n\ndef f(x):\n    return A(x)\n",
        "def f(x):\n    for y in x:\n        pass\n    return y\n",
        "def f(x):\n    seen = {}\n    seen['a'] = 1\n    seen[2] = 'b'\n    return seen\n",
        "import sys\n\n\ndef f(x):\n    return unicode(x) if sys.version_info < (3,) else x\n",
        "def f(x: int) -> str:\n    return x  # type: ignore[return-value]\n",
        "def f(x: int) -> str:\n    return x  # pyright: ignore[reportReturnType]\n",
    ],
)
def test_unknown_names_and_matters_of_style_are_no_type_errors(program: str, tmp_path: Path) -> None:
    assert check(tmp_path, [program]) == [None]


def test_the_python_that_runs_decides_what_its_library_has(tmp_path: Path) -> None:
    newest = "from itertools import batched\n\n\ndef f(x):\n    return batched(x, 2).nothing\n"
    assert check(tmp_path, [newest]) == [TYPE_ERROR if sys.version_info >= (3, 12) else None]


def test_programs_do_not_see_one_another_and_each_has_its_own_answer(tmp_path: Path) -> None:
    others = "import sources\nfrom report import x\n\n\ndef f(y):\n    return x + sources.y\n"
    programs = [WRONG, GOOD, others, GOOD, WRONG]
    assert check(tmp_path, programs) == [TYPE_ERROR, None, None, None, TYPE_ERROR]
    assert check(tmp_path / "empty", []) == []


def test_installed_packages_are_not_looked_at(tmp_path: Path) -> None:
    """The same corpus gives the same seeds on every machine."""
    assert check(tmp_path, ["import orjson\n\n\ndef f(x):\n    return orjson.nothing(x)\n"]) == [None]


def test_no_configuration_of_others_leaks_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyrefly.toml").write_text('preset = "off"\n')
    (tmp_path / "pyproject.toml").write_text('[tool.pyrefly]\npreset = "off"\n')
    hidden = tmp_path / ".git" / "venv" / "node_modules"
    hidden.mkdir(parents=True)
    (tmp_path / ".gitignore").write_text("*\n")
    monkeypatch.setenv("PYREFLY_CONFIG", str(tmp_path / "pyrefly.toml"))
    monkeypatch.setenv("PYREFLY_THREADS", "nonsense")
    monkeypatch.chdir(tmp_path)
    assert check(hidden, [GOOD, WRONG]) == [None, TYPE_ERROR]


@pytest.mark.parametrize("hostile", [CRASHES, ENDLESS])
def test_program_that_the_checker_does_not_survive_costs_itself_only(hostile: str, tmp_path: Path) -> None:
    programs = [GOOD, WRONG, GOOD, hostile, GOOD]
    assert check(tmp_path, programs, SMALL) == [None, TYPE_ERROR, None, TYPE_CHECK_FAILED, None]


def test_program_with_more_errors_than_a_report_may_hold_costs_itself_only(tmp_path: Path) -> None:
    programs = [WRONG, "def f(x: int):\n" + "    x.a\n" * 1000 + "    return x\n", GOOD]
    found = check(tmp_path, programs, Limits(type_check_output_bytes=100_000))
    assert found == [TYPE_ERROR, TYPE_CHECK_FAILED, None]


def test_a_check_that_takes_long_goes_on_asking_and_can_be_stopped(tmp_path: Path) -> None:
    asked: list[None] = []

    def tick() -> None:
        asked.append(None)
        if running(tmp_path) and len(asked) > 5:
            raise Stopped

    slow = TypeChecker(tmp_path, Limits(), tick)
    with pytest.raises(Stopped):
        slow.check([ENDLESS])
    assert len(asked) > 5
    assert not running(tmp_path)


def running(folder: Path) -> list[int]:
    """Processes of this user that check in the folder."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder / "pyrefly.toml") in line.split(b"\0"):
                found.append(int(entry.name))
    return found


def test_checker_that_does_not_start_is_said_before_anything_is_lost(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as raised:
        checker(tmp_path, Limits(worker_memory_bytes=MIB))
    assert raised.value.reason == "TypeCheckerBroken"


def test_checker_that_fails_on_any_program_blames_none(tmp_path: Path) -> None:
    broken = checker(tmp_path)
    (tmp_path / "pyrefly.toml").unlink()
    with pytest.raises(Unavailable) as raised:
        broken.check([GOOD, GOOD])
    assert raised.value.reason == "TypeCheckerFails"
