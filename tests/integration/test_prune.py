"""`seedmill prune` as a user runs it, on a directory and on S3: what goes, what stays, and that runs go on after it."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from support.cli import seedmill, watched
from support.teacher import TeacherServer
from support.workplace import Workplace


def kinds(said: dict[str, Any]) -> list[str]:
    return [item["kind"] for item in said["items"]]


def test_a_pruned_run_replays_goes_on_and_makes_the_dataset_of_one_that_was_not(workplace: Workplace, tmp_path: Path):
    for target in (3, 6, 9):
        latest = workplace.run(workplace.spec(target))
    before = workplace.objects()
    listed = workplace.command("prune")
    assert workplace.objects() == before, "a list deletes nothing"
    assert kinds(listed) == ["publication", "dataset", "dataset"]
    assert not any(item["deleted"] for item in listed["items"])
    done = workplace.command("prune", "--yes")
    assert all(item["deleted"] for item in done["items"])
    after = workplace.objects()
    assert sum(before.values()) - sum(after.values()) == done["deletedBytes"] == listed["bytes"] > 10_000
    assert workplace.command("prune", "--yes")["items"] == []
    assert workplace.command("replay", "taught")["identical"] is True
    assert workplace.run(workplace.spec(9))["digest"] == latest["digest"]
    paid = sum(workplace.teacher.paid.values())
    raised = workplace.run(workplace.spec(20))
    assert sum(workplace.teacher.paid.values()) > paid
    assert workplace.command("replay", "taught")["identical"] is True
    fresh = Workplace(tmp_path, str(tmp_path / "fresh"), {}, workplace.teacher).run(workplace.spec(20))
    assert (raised["digest"], raised["ledger"]) == (fresh["digest"], fresh["ledger"])


def test_what_another_run_follows_stays_and_a_followed_run_cannot_go(tmp_path: Path, teacher: TeacherServer):
    workplace = Workplace(tmp_path, str(tmp_path / "work"), {}, teacher)
    workplace.run(workplace.spec(3))
    first = workplace.command("inspect", "taught")
    corpus = "    corpus: {uri: functions.jsonl, licenses: {allow: [MIT]}}\n"
    follower = workplace.folder / "follower.yaml"
    text = workplace.spec(1, "follower").read_text()
    assert corpus in text
    follower.write_text(text.replace(corpus, "    dataset: {name: taught}\n"))
    workplace.run(follower)
    workplace.run(workplace.spec(6))
    workplace.command("prune", "--yes")
    kept = {Path(key).parent.name for key in workplace.objects() if "/dataset/" in key and key.endswith("README.md")}
    assert first["digest"] in kept
    assert workplace.run(follower)["ledger"]["accepted"] == 1
    said = workplace.refusal("prune", "--run", "taught", "--entirely", "--yes")
    assert "is followed by runs/local/follower-" in said
    gone = workplace.command("prune", "--run", "taught", "--run", "follower", "--entirely", "--yes")
    assert kinds(gone) == ["run", "run"]
    assert not any(key.startswith("runs/") for key in workplace.objects())


def test_a_whole_run_and_then_its_seeds(workplace: Workplace):
    workplace.run(workplace.spec(3))
    assert kinds(workplace.command("prune", "--seeds")) == []
    assert "name them with --run" in workplace.refusal("prune", "--entirely", "--yes")
    said = workplace.command("prune", "--run", "taught", "--entirely", "--seeds", "--yes")
    if workplace.environment:
        assert kinds(said) == ["run"]
        assert "a run may be about to take them" in said["leftAlone"][0]["why"]
    else:
        assert kinds(said) == ["run", "seeds"]
        assert workplace.objects() == {}
        assert not (Path(workplace.workdir) / "runs").exists()
    assert workplace.run(workplace.spec(3))["ledger"]["accepted"] == 3


def test_a_run_that_somebody_works_on_is_left_alone(workplace: Workplace, monkeypatch: pytest.MonkeyPatch):
    for target in (3, 6):
        workplace.run(workplace.spec(target))
    monkeypatch.setattr(workplace.teacher, "delay", lambda request: 10.0)
    options = ("--workdir", workplace.workdir, "--teacher", workplace.teacher.url)
    with watched("run", workplace.spec(30), *options, **workplace.environment) as run:
        run.until("generating")
        time.sleep(4)  # on S3 it is its words that tell
        said = workplace.command("prune", "--yes", "--seeds")
        assert said["items"] == []
        assert said["leftAlone"][0]["name"].startswith("runs/local/taught-")
        assert "stop it first" in workplace.refusal("prune", "--run", "taught", "--entirely")
        run.process.send_signal(signal.SIGTERM)
        assert run.end(60).returncode == 143
    assert kinds(workplace.command("prune")) == ["dataset"]


def test_only_what_is_old_goes_where_an_age_is_given(tmp_path: Path, teacher: TeacherServer):
    workplace = Workplace(tmp_path, str(tmp_path / "work"), {}, teacher)
    for target in (3, 6, 9):
        workplace.run(workplace.spec(target))
    assert kinds(workplace.command("prune", "--older-than", "1d")) == []
    old = sorted((tmp_path / "work").glob("runs/local/*/publications/1-*"))[0]
    for file in old.iterdir():
        os.utime(file, (time.time() - 40 * 86_400,) * 2)
    assert kinds(workplace.command("prune", "--older-than", "1d")) == ["publication"]
    assert kinds(workplace.command("prune", "--older-than", "6w")) == []
    wrong = seedmill("prune", "--older-than", "soon", "--workdir", workplace.workdir)
    assert wrong.returncode == 2
    assert "as in 30d" in wrong.stderr


def test_a_person_reads_what_goes_and_that_nothing_went(tmp_path: Path, teacher: TeacherServer):
    workplace = Workplace(tmp_path, str(tmp_path / "work"), {}, teacher)
    empty = seedmill("prune", "--workdir", workplace.workdir)
    assert (empty.returncode, empty.stdout) == (0, "nothing to delete\n")
    for target in (3, 6):
        workplace.run(workplace.spec(target))
    listed = seedmill("prune", "--workdir", workplace.workdir)
    assert listed.returncode == 0
    assert "of no publication that is kept" in " ".join(listed.stdout.split())
    assert "1 to delete, " in listed.stdout
    assert "nothing was deleted: add --yes" in listed.stdout
    done = seedmill("prune", "--workdir", workplace.workdir, "--yes")
    assert "deleted 1, " in done.stdout
