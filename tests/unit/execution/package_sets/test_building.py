"""Package sets from wheels of the test's own: their digest, what a failed build leaves, and two builders at a time."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from seedmill.execution.environments import STANDARD, environment_of, environments
from seedmill.execution.package_sets.building import Wanted, build_set
from seedmill.execution.package_sets.installed import PackageSet
from seedmill.execution.sandboxes.bundle import GuestPython, guest_python
from seedmill.serving.errors import Misconfigured
from support.wheels import write_wheel

WORDS = {"greeting.py": "def hello():\n    return 'hello'\n", "greeting_data/words.txt": "hello\n"}


@pytest.fixture
def python() -> GuestPython:
    return guest_python()


@pytest.fixture(autouse=True)
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, which is all that pip finds; sets are built below another one."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("SEEDMILL_ENVIRONMENTS", str(tmp_path / "sets"))
    return folder


def build(python: GuestPython, folder: Path, text: str = "greeting\n", **options: object) -> PackageSet:
    file = folder / "requirements.txt"
    file.write_text(text)
    preload = options.pop("preload", ())
    assert isinstance(preload, tuple)
    wanted = Wanted(str(options.pop("name", "mine")), file, preload)  # pyright: ignore[reportUnknownArgumentType]
    return build_set(wanted, python, lambda _: None, anew=bool(options.pop("anew", False)))


def test_what_is_built_is_an_environment_with_its_packages_and_preloads(
    python: GuestPython, wheels: Path, tmp_path: Path
) -> None:
    write_wheel(wheels, "greeting", "1.0", WORDS)
    built = build(python, tmp_path, preload=("greeting",))
    assert built.packages == ("greeting==1.0",)
    found = environments(python)
    assert set(found) == {STANDARD, "mine"}
    assert found["mine"] == environment_of(built, python)
    assert found["mine"].digest != found[STANDARD].digest
    assert found["mine"].preload == ("greeting",)
    code = f"import sys; sys.path.append({str(built.folder)!r})\nimport greeting\n"
    code += "print(greeting.hello(), greeting.__cached__)"
    said = subprocess.run(
        [python.path, "-I", "-S", "-B", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said.startswith("hello ")
    assert Path(said.split()[1]).read_bytes()[4:8] == b"\x01\0\0\0"  # unchecked: no time stamp of the source


def test_the_same_packages_have_the_same_digest_wherever_they_lie(
    python: GuestPython, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(wheels, "greeting", "1.0", WORDS)
    first = build(python, tmp_path)
    monkeypatch.setenv("SEEDMILL_ENVIRONMENTS", str(tmp_path / "elsewhere"))
    again = build(python, tmp_path, "# a comment\n\ngreeting == 1.0\n")
    assert again.folder != first.folder
    assert again.digest == first.digest
    write_wheel(wheels, "greeting", "1.0", {**WORDS, "greeting.py": "def hello():\n    return 'bye'\n"})
    assert build(python, tmp_path, anew=True).digest != first.digest


def test_a_set_that_is_there_is_not_built_again_and_a_changed_one_becomes_current_beside_it(
    python: GuestPython, wheels: Path, tmp_path: Path
) -> None:
    wheel = write_wheel(wheels, "greeting", "1.0", WORDS)
    first = build(python, tmp_path)
    wheel.unlink()
    assert build(python, tmp_path) == first
    write_wheel(wheels, "greeting", "2.0", WORDS)
    second = build(python, tmp_path, "greeting==2.0\n")
    assert second.packages == ("greeting==2.0",)
    assert environments(python)["mine"].packages == second.folder
    assert (first.folder / "greeting.py").exists()  # a service may still use it


def test_packages_can_be_read_by_other_users_whatever_the_umask(
    python: GuestPython, wheels: Path, tmp_path: Path
) -> None:
    write_wheel(wheels, "greeting", "1.0", WORDS)
    before = os.umask(0o077)
    try:
        built = build(python, tmp_path)
    finally:
        os.umask(before)
    for path in (built.folder, *built.folder.rglob("*")):
        assert path.stat().st_mode & 0o004, path
        assert not path.stat().st_mode & 0o022, path


@pytest.mark.parametrize(
    ("text", "reason", "says"),
    [
        ("no such !! thing\n", "RequirementInvalid", "no such"),
        ("greeting==9.9\n", "NoWheel", "Python 3."),
        ("unheard-of-package\n", "NoWheel", "unheard-of-package"),
        ("# nothing\n", "RequirementInvalid", "names no package"),
        ("only-for-others\n", "NoWheel", "only-for-others"),
        ("broken\n", "EnvironmentNotBuilt", "cannot be imported"),
    ],
)
def test_a_failed_build_says_why_in_one_line_and_leaves_nothing(
    python: GuestPython, wheels: Path, tmp_path: Path, text: str, reason: str, says: str
) -> None:
    write_wheel(wheels, "greeting", "1.0", WORDS)
    write_wheel(wheels, "only_for_others", "1.0", {"other.py": ""}, tag="cp27-cp27mu-win32")
    write_wheel(wheels, "broken", "1.0", {"broken.py": "import a_module_that_is_not_there\n"})
    with pytest.raises(Misconfigured) as refused:
        build(python, tmp_path, text, preload=("broken",) if text == "broken\n" else ())
    assert refused.value.reason == reason
    assert says in refused.value.message
    assert "\n" not in refused.value.message
    assert set(environments(python)) == {STANDARD}
    left = [path.name for path in (tmp_path / "sets").rglob("*") if path.is_file()]
    assert left in ([], ["lock"])


def test_a_registry_that_cannot_be_reached_is_named_as_such(
    python: GuestPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(Misconfigured) as refused:
        build(python, tmp_path)
    assert refused.value.reason == "RegistryUnreachable"


@pytest.mark.parametrize("name", ["Python", "a_b", "../up", "-a", "python-std", "python-data"])
def test_names_that_are_none_or_taken_are_refused(python: GuestPython, tmp_path: Path, name: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        build(python, tmp_path, name=name)
    assert refused.value.reason == "EnvironmentName"


def test_a_set_that_nobody_knows_asks_for_its_requirements(python: GuestPython) -> None:
    with pytest.raises(Misconfigured) as refused:
        build_set(Wanted("mine"), python, lambda _: None)
    assert "--requirements FILE" in refused.value.message


def test_two_builders_at_a_time_build_once(python: GuestPython, wheels: Path, tmp_path: Path) -> None:
    write_wheel(wheels, "greeting", "1.0", WORDS)
    (tmp_path / "requirements.txt").write_text("greeting\n")
    said: list[str] = []
    built: list[PackageSet] = []

    def work() -> None:
        built.append(build_set(Wanted("mine", tmp_path / "requirements.txt"), python, said.append))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built[0] == built[1]
    assert len([line for line in said if line.startswith("installing")]) == 1


def test_a_set_that_lost_its_packages_says_how_to_build_it_again(
    python: GuestPython, wheels: Path, tmp_path: Path
) -> None:
    write_wheel(wheels, "greeting", "1.0", WORDS)
    built = build(python, tmp_path)
    built.folder.rename(tmp_path / "away")
    with pytest.raises(Misconfigured, match="setup environment mine --force"):
        environments(python)
