"""Languages as folders: which there are, which of them this machine has, and what is said of the others."""

from pathlib import Path

import pytest

from seedmill.execution.languages import OWN, PYTHON, Languages, environment_digest
from seedmill.execution.toolchain import Toolchain
from seedmill.serving.errors import Misconfigured

MANIFEST = """
title = "Own"
aliases = ["mine"]
[toolchain]
programs = ["{program}"]
get = "install it"
version = ["{{{program}}}", "--version"]
{more}
[run]
command = ["{{{program}}}", "--memory={{memory_mib}}"]
"""


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("SEEDMILL_CACHE", str(tmp_path / "cache"))


def own(tmp_path: Path, program: str = "bash", more: str = "") -> Path:
    folder = tmp_path / "languages" / "own"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.toml").write_text(MANIFEST.format(program=program, more=more))
    return folder


def test_every_language_here_has_a_manifest_that_can_be_read():
    folders = {path.name for path in OWN.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {each.name for each in Languages().toolchains} == folders
    assert folders == {"bash", "cpp", "go", "java", "javascript", "rust", "typescript"}


def test_files_that_a_manifest_names_are_there():
    for toolchain in Languages().toolchains:
        program, prepare = toolchain.manifest.program, toolchain.manifest.prepare
        named = [*program.copied, *(prepare.copied if prepare else []), program.assembler or "manifest.toml"]
        assert all((toolchain.folder / name).is_file() for name in named), toolchain.name


def test_names_of_code_fences_and_corpora_mean_a_language():
    languages = Languages()
    unknown = [name for name in ("c++", "golang", "js", "shell", "ts", "rs") if "Unknown" in languages.problem_of(name)]
    assert not unknown


def test_a_language_that_is_not_there_is_said_with_what_would_be(tmp_path: Path):
    languages = Languages([own(tmp_path).parent])
    assert languages.available == [PYTHON, "own"]
    assert languages.problem_of("cobol") == "LanguageUnknown: 'cobol' cannot be run; there is python, own"
    assert languages.problem_of(PYTHON) == languages.problem_of("mine") == ""


def test_a_language_without_its_compiler_is_said_with_how_to_get_it(tmp_path: Path):
    languages = Languages([own(tmp_path, "no-such-program").parent])
    assert languages.available == [PYTHON]
    problem = "LanguageMissing: 'own' needs no-such-program, which is not on this machine: install it"
    assert languages.problem_of("own") == problem


def test_a_compiler_that_does_not_answer_keeps_nobody_from_the_others(tmp_path: Path):
    more = 'visible = ["{where}"]\n[toolchain.values]\nwhere = ["false"]'
    languages = Languages([own(tmp_path, more=more).parent])
    assert languages.available == [PYTHON]
    assert "false does not answer" in languages.problem_of("own")
    assert languages.binds() == (str(tmp_path / "cache" / "languages"),)


async def test_a_program_is_told_the_memory_that_it_may_hold(tmp_path: Path):
    recipe = await Languages([own(tmp_path).parent]).recipe("mine")
    assert recipe is not None
    command = recipe.told(300 << 20)["command"]
    assert isinstance(command, list)
    assert command[0].endswith("/bash")
    assert command[1:] == ["--memory=300"]
    assert await Languages().recipe(PYTHON) is None


def test_verdicts_of_another_toolchain_have_another_digest(tmp_path: Path):
    first = Toolchain(own(tmp_path)).digest
    assert Toolchain(own(tmp_path)).digest == first
    assert Toolchain(own(tmp_path, "env")).digest != first
    assert environment_digest("guest", first) != environment_digest("other guest", first) != "guest"


def test_a_manifest_that_is_wrong_is_said_with_its_field(tmp_path: Path):
    folder = own(tmp_path, more="[run]\n")
    with pytest.raises(Misconfigured, match=r"manifest\.toml"):
        Toolchain(folder)
    (folder / "manifest.toml").write_text(MANIFEST.format(program="bash", more="[compile]\nsteps = []"))
    with pytest.raises(Misconfigured, match=r"compile\.steps"):
        Toolchain(folder)


def test_a_name_that_stands_for_nothing_is_an_error(tmp_path: Path):
    with pytest.raises(Misconfigured, match=r"\{nothing\} stands for nothing"):
        Toolchain(own(tmp_path)).filled("{nothing}")


def test_no_home_is_shown_to_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path / "people" / "me"))
    toolchain = Toolchain(own(tmp_path, more=f'visible = ["{tmp_path}"]'))
    with pytest.raises(Misconfigured, match="holds a home"):
        _ = toolchain.visible


def test_what_is_prepared_once_is_kept_and_what_fails_is_not(tmp_path: Path):
    more = '[prepare]\nsteps = [["{bash}", "-c", "echo x >> made"]]'
    toolchain = Toolchain(own(tmp_path, more=more))
    toolchain.prepare()
    Toolchain(toolchain.folder).prepare()
    assert (toolchain.cache / "made").read_text() == "x\n"
    broken = Toolchain(own(tmp_path, more='[prepare]\nsteps = [["{bash}", "-c", "echo why >&2; exit 3"]]'))
    for _ in range(2):
        with pytest.raises(Misconfigured, match="ended with 3: why"):
            broken.prepare()
