"""`seedmill preview`: a few candidates end to end, what the whole run would take, and nothing left behind."""

from pathlib import Path

import pytest

from support.cli import result_of, seedmill
from support.specs import TAUGHT, write_spec
from support.teacher import TeacherServer

PRICED = TAUGHT.replace("acceptedSamples: 3", "acceptedSamples: 1000") + (
    '  budget: {pricePerMillionTokens: {input: "100", output: "200"}, maxTokens: 200000, '
    "activeDeadlineSeconds: 9999999}\n"
)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "t"
    folder.mkdir()
    return folder


def test_candidates_come_with_their_outcome_and_the_whole_run_is_projected(tmp_path: Path, temporary: Path):
    spec = write_spec(tmp_path, PRICED)
    with TeacherServer() as teacher:
        done = seedmill("preview", spec, "-n", "6", "--teacher", teacher.url, "--json", TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    result = result_of(done)
    outcomes = [each["outcome"] for each in result["candidates"]]
    assert sorted(each["sample"] for each in result["candidates"]) == ["0", "1", "2", "3", "4", "5"]
    assert set(outcomes) == {"kept", "rejected"}
    for each in result["candidates"]:
        assert (each["instruction"] is not None) == (each["outcome"] == "kept")
        assert bool(each["reason"]) == (each["outcome"] == "rejected")
    kept = outcomes.count("kept")
    assert sum(teacher.paid.values()) == 6
    projection = result["projection"]
    assert projection["yield"]["estimate"] == pytest.approx(kept / 6, abs=1e-3)
    assert projection["candidates"]["estimate"] == round(6 * 1000 / kept)
    for name in ("candidates", "tokens", "cost", "hours"):
        assert 0 < projection[name]["low"] < projection[name]["estimate"] < projection[name]["high"], name
    ends = {each["name"]: each["endsRun"] for each in projection["limits"]}
    assert ends == {"seeds of the corpus": "yes", "budget.maxTokens": "yes", "budget.activeDeadlineSeconds": "no"}
    assert list(temporary.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["functions.jsonl", "run.yaml", "t"]


def test_a_person_reads_the_rows_and_the_projection(tmp_path: Path):
    spec = write_spec(tmp_path, PRICED)
    with TeacherServer() as teacher:
        done = seedmill("preview", spec, "-n", "3", "--teacher", teacher.url)
    assert done.returncode == 0, done.stderr
    assert "candidate 0: " in done.stdout
    assert "Mark: good" in done.stdout
    assert " of 3 candidates kept" in done.stdout
    assert "for 1,000 rows:\n  candidates: about " in done.stdout
    assert "budget.maxTokens (200,000) ends the run before its target, at about " in done.stdout
    assert "Not covered: another speed of machine" in done.stdout
