"""`seedmill inspect` and `seedmill replay`: how a run is named, and what they say of it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support.cli import result_of, seedmill
from support.small_disks import mounted
from support.specs import TAUGHT, write_spec
from support.teacher import TeacherServer


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one name in `work`, of `run.yaml` and of `other.yaml`."""
    folder = tmp_path_factory.mktemp("runs")
    spec = write_spec(folder, TAUGHT)
    other = folder / "other.yaml"
    other.write_text(TAUGHT + "  randomSeed: 1\n")
    with TeacherServer() as teacher:
        for file in (spec, other):
            done = seedmill("run", file, "--workdir", folder / "work", "--teacher", teacher.url)
            assert done.returncode == 0, done.stderr
    return folder


def test_a_run_is_found_by_its_file_its_folder_and_its_whole_name(runs: Path):
    facts = result_of(seedmill("inspect", runs / "run.yaml", "--workdir", runs / "work", "--json"))
    assert facts["name"] == "taught"
    assert facts["recipe"] == "ossInstruct"
    assert facts["ending"] == "TargetReached"
    assert facts["rows"] == facts["ledger"]["accepted"] == 3
    assert facts["waiting"] == []
    assert Path(facts["dataset"]).is_dir()
    whole_name = Path(facts["run"]).name
    assert result_of(seedmill("inspect", facts["run"], "--json")) == facts
    assert result_of(seedmill("inspect", whole_name, "--workdir", runs / "work", "--json")) == facts


def test_a_person_reads_state_ledger_and_dataset(runs: Path):
    done = seedmill("inspect", runs / "run.yaml", "--workdir", runs / "work")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith("taught  recipe ossInstruct, ")
    assert "state: TargetReached" in said
    assert any(line.split() == ["accepted", "3"] for line in said)
    assert any(line.startswith(f"dataset: {runs / 'work'}/runs/local/taught-") for line in said)


@pytest.mark.parametrize("command", ["inspect", "replay"])
def test_a_name_that_several_runs_have_or_none_is_answered_with_the_names_there_are(command: str, runs: Path):
    names = sorted(path.name for path in (runs / "work" / "runs" / "local").iterdir())
    assert len(names) == 2
    several = seedmill(command, "taught", "--workdir", runs / "work")
    assert several.returncode == 2
    assert several.stderr == (
        f"seedmill: several runs in {runs / 'work'} are called 'taught'; name one of {', '.join(names)}\n"
    )
    none = seedmill(command, "yours", "--workdir", runs / "work")
    assert none.returncode == 2
    assert none.stderr == f"seedmill: no run 'yours' in {runs / 'work'}: there are {', '.join(names)}\n"


def test_a_run_that_has_published_nothing_is_inspected_and_not_replayed(runs: Path, tmp_path: Path):
    begun = tmp_path / "runs" / "local" / "taught-00000000"
    begun.mkdir(parents=True)
    (begun / "run.json").write_bytes(next((runs / "work" / "runs" / "local").glob("taught-*/run.json")).read_bytes())
    facts = result_of(seedmill("inspect", "taught", "--workdir", tmp_path, "--json"))
    assert (facts["phase"], facts["ending"], facts["dataset"]) == ("not started", None, None)
    done = seedmill("replay", "taught", "--workdir", tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"seedmill: {begun}: nothing was published yet\n"


def test_a_damaged_run_is_said(tmp_path: Path):
    begun = tmp_path / "runs" / "local" / "taught-00000000"
    begun.mkdir(parents=True)
    (begun / "run.json").write_text("{}")
    done = seedmill("inspect", "taught", "--workdir", tmp_path)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"seedmill: {begun}: not a run.json of this version")


def test_a_workdir_that_became_read_only_is_still_inspected_and_replayed(runs: Path, tmp_path: Path):
    with mounted(tmp_path / "disk", 16 * 1024) as disk:
        shutil.copytree(runs / "work", disk / "work")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        facts = result_of(seedmill("inspect", runs / "run.yaml", "--workdir", disk / "work", "--json"))
        assert facts["rows"] == 3
        again = result_of(seedmill("replay", runs / "run.yaml", "--workdir", disk / "work", "--json"))
        assert again["identical"] is True
