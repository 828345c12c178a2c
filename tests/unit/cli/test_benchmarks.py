"""`seedmill benchmarks`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seedmill.cli.main import app


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDMILL_CACHE", str(tmp_path / "cache"))


def test_an_added_benchmark_is_listed(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text('{"id": 1, "text": "Compute the wobble of a graph."}\n', encoding="utf-8")
    added = CliRunner().invoke(app, ["benchmarks", "add", "Own", str(file), "--license", "MIT"])
    assert added.exit_code == 0, added.output
    listed = json.loads(CliRunner().invoke(app, ["benchmarks", "list", "--json"]).output)
    assert {each["name"]: each["tasks"] for each in listed} == {"HumanEval": 164, "MBPP": 974, "Own": 1}


def test_a_file_without_tasks_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text("nonsense\n", encoding="utf-8")
    refused = CliRunner().invoke(app, ["benchmarks", "add", "Own", str(file)])
    assert refused.exit_code == 2
    assert refused.output.strip() == "seedmill: benchmark Own, line 1: not JSON (Expecting value)"


def test_a_missing_file_is_refused() -> None:
    refused = CliRunner().invoke(app, ["benchmarks", "add", "Own", "nowhere.jsonl"])
    assert refused.exit_code == 2
    assert "nowhere.jsonl" in refused.output
