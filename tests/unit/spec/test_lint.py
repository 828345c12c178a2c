import json
import shutil
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from seedmill.cli.crd import crd
from seedmill.cli.lint import lint
from seedmill.cli.spec_checks import spec_checks
from seedmill.spec.parse import load

EXAMPLES = Path(__file__).parents[3] / "examples"
GENERATIONS = [file for file in sorted(EXAMPLES.rglob("*.yaml")) if "\nkind: DatasetGeneration\n" in file.read_text()]
"""Beside them are files of GitOps tools."""

app = typer.Typer()
app.command()(lint)
app.command()(crd)


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    return result.exit_code, result.output


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.yaml"
    text = (EXAMPLES / "self-oss-instruct.yaml").read_text()
    file.write_text(text.replace("selfOssInstruct:", "selfOssInstrukt:").replace("concepts:", "concept:"))
    return file


@pytest.mark.parametrize("file", GENERATIONS, ids=lambda file: file.name)
def test_examples_are_good(file: Path) -> None:
    assert load(file, spec_checks())


def test_examples_of_the_issue_are_there() -> None:
    names = {file.stem for file in EXAMPLES.glob("*.yaml")}
    assert {"comment-function", "self-oss-instruct", "oss-instruct", "s3"} <= names


def test_good_files_are_said_and_exit_0(tmp_path: Path) -> None:
    for file in GENERATIONS:
        shutil.copy(file, tmp_path)
    status, output = run("lint", tmp_path / "s3.yaml", tmp_path)
    assert status == 0
    assert f"{tmp_path / 's3.yaml'}: ok (python-self-oss)" in output
    assert output.count("s3.yaml") == 1
    assert len(output.splitlines()) == len(GENERATIONS)


def test_bad_files_exit_1_with_one_line_a_problem(bad: Path) -> None:
    status, output = run("lint", bad, EXAMPLES / "s3.yaml")
    assert status == 1
    first, second = output.splitlines()
    assert first.startswith(f"{bad}:10:5: spec.recipe.selfOssInstrukt: unknown field; did you mean selfOssInstruct?")
    assert second.endswith("ok (python-self-oss)")


def test_json_has_every_problem(bad: Path) -> None:
    status, output = run("lint", "--json", bad, bad.parent / "missing.yaml")
    assert status == 1
    first, second = json.loads(output)
    assert first["file"] == str(bad)
    assert (first["line"], first["column"], first["path"]) == (10, 5, "spec.recipe.selfOssInstrukt")
    assert "did you mean" in first["message"]
    assert second["message"] == "cannot be read: No such file or directory"


def test_json_of_good_files_is_an_empty_list() -> None:
    status, output = run("lint", "--json", EXAMPLES / "s3.yaml")
    assert (status, json.loads(output)) == (0, [])


def test_steps_languages_and_benchmarks_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    text = (EXAMPLES / "s3.yaml").read_text()
    text = text.replace("concepts:", "concept:").replace("MBPP", "MBP")
    file.write_text(text.replace("languages: [python]", "languages: [python, rust]"))
    status, output = run("lint", file)
    assert status == 1
    languages, step, benchmark = output.splitlines()
    assert "spec.seeds.corpus.languages: recipe selfOssInstruct takes Python only; remove rust" in languages
    assert "spec.teacher.steps.concept: recipe selfOssInstruct has no step concept; did you mean concepts?" in step
    assert "spec.decontamination.benchmarks[1]: there is no index of benchmark MBP; did you mean MBPP?" in benchmark


def test_a_folder_without_files_is_a_mistake(tmp_path: Path) -> None:
    status, output = run("lint", tmp_path)
    assert status == 1
    assert "there is no .yaml file in this folder" in output


def test_crd_prints_yaml() -> None:
    status, output = run("crd")
    assert status == 0
    assert yaml.safe_load(output)["spec"]["names"]["shortNames"] == ["dsg"]
