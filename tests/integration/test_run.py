"""`seedmill run` as a user runs it: four services, a scripted teacher, gVisor, kills, replicas, replay."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from support.cli import result_of, seedmill, start
from support.corpora import write_functions
from support.requirements import require
from support.teacher import MODEL, TeacherServer

GOLDEN = Path(__file__).parent / "golden" / "self_oss_ledger.json"
REASONS = {
    "no_concepts", "too_many_concepts", "concepts_not_a_list",
    "empty_instruction", "instruction_too_short", "instruction_too_long", "leaked_markers", "contaminated",
    "empty_response", "truncated", "content_filter", "stopped_early", "unclosed_fence", "no_code", "incomplete_code",
    "no_tests_section", "several_tests_sections", "no_test_code", "tests_syntax_error", "no_assert",
    "tests_not_invoked", "syntax_error",
    "verdict_fail", "verdict_error", "verdict_timeout", "verdict_memory", "verdict_output", "verdict_incomplete",
    "verdict_vacuous", "exact_duplicate", "near_duplicate",
}  # fmt: skip


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Self-OSS-Instruct run over 300 seeds, and its file."""
    require("runsc")
    folder = tmp_path_factory.mktemp("spec")
    write_functions(folder / "functions.jsonl", 300)
    file = folder / "run.yaml"
    file.write_text(
        f"""
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {{name: scripted}}
spec:
  recipe:
    selfOssInstruct: {{responsesPerInstruction: 4, fewShotExamples: 2}}
  seeds:
    corpus: {{uri: functions.jsonl, licenses: {{allow: [MIT]}}}}
  teacher:
    model: {MODEL}
  execution: {{verdict: Strict, timeoutSeconds: 1, memory: 128Mi}}
  target: {{acceptedSamples: 300}}
  maxInFlight: 16
"""
    )
    return file


@pytest.fixture(scope="module")
def calm(spec: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The run without any disturbance."""
    workdir = tmp_path_factory.mktemp("calm")
    with TeacherServer() as teacher:
        done = seedmill("run", spec, "--workdir", workdir, "--teacher", teacher.url, "--json")
    assert done.returncode == 0, done.stderr
    return {**result_of(done), "workdir": workdir, "paid": sum(teacher.paid.values()), "twice": teacher.paid_twice}


def test_a_teacher_that_answers_well_badly_and_strangely_gives_the_golden_ledger(calm: dict):
    ledger = calm["ledger"]
    assert ledger["accepted"] >= 100
    assert ledger["failed"] == {}
    assert ledger["pending"] == 0
    assert ledger["requested"] == ledger["accepted"] + sum(ledger["rejected"].values())
    assert set(ledger["rejected"]) >= REASONS, sorted(REASONS - set(ledger["rejected"]))
    assert ledger == json.loads(GOLDEN.read_text())
    assert json.loads((Path(calm["run"]) / "ledger.json").read_text()) == ledger
    assert calm["twice"] == 0


def test_rows_are_verified_and_say_where_they_come_from(calm: dict):
    import pyarrow.parquet as pq

    rows = pq.read_table(next(Path(calm["dataset"]).glob("*.parquet"))).to_pylist()
    assert len(rows) == calm["ledger"]["accepted"]
    for row in rows:
        assert row["verdict"]["status"] == "pass"
        assert row["verdict"]["kind"] == "Strict"
        assert row["verdict"]["sandbox"].startswith("runsc ")
        assert row["seed"]["license"] == "MIT"
        assert row["seed"]["project"].startswith("team/")
        assert "Mark: good" in row["instruction"]


def test_replay_is_identical_to_the_byte(calm: dict, tmp_path: Path):
    done = seedmill("replay", "scripted", "--workdir", calm["workdir"], "--output", tmp_path / "again", "--json")
    assert done.returncode == 0, done.stderr
    assert result_of(done)["identical"] is True
    published = Path(calm["dataset"])
    for file in published.rglob("*"):
        if file.is_file():
            assert (tmp_path / "again" / file.relative_to(published)).read_bytes() == file.read_bytes(), file.name


def test_run_again_finds_the_published_dataset_and_pays_nothing(calm: dict, spec: Path):
    with TeacherServer() as teacher:
        done = seedmill("run", spec, "--workdir", calm["workdir"], "--teacher", teacher.url, "--json")
    assert done.returncode == 0, done.stderr
    assert result_of(done)["digest"] == calm["digest"]
    assert not teacher.paid


@pytest.mark.parametrize("replicas", [1, 3])
def test_kills_disorder_and_replicas_give_the_same_dataset_and_durable_samples_are_not_paid_again(
    calm: dict, spec: Path, tmp_path: Path, replicas: int
):
    def jitter(request: dict) -> float:
        return random.random() * 0.2

    with TeacherServer(delay=jitter) as teacher:
        arguments = (
            "run",
            spec,
            "--workdir",
            tmp_path,
            "--teacher",
            teacher.url,
            "--replicas",
            str(replicas),
            "--json",
        )
        kills = 0
        for wanted in (60, 400):
            process = start(*arguments)
            while sum(teacher.paid.values()) < wanted and process.poll() is None:
                time.sleep(0.05)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.communicate()
        assert kills == 2
        done = seedmill(*arguments)
    assert done.returncode == 0, done.stderr
    result = result_of(done)
    assert result["digest"] == calm["digest"]
    assert result["ledger"] == calm["ledger"]
    most_calls_of_a_sample = 1 + 1 + 4
    assert teacher.paid_twice <= kills * 16 * most_calls_of_a_sample
    assert sum(teacher.paid.values()) - teacher.paid_twice == calm["paid"]


def test_a_first_ctrl_c_drains_and_the_run_goes_on_later(calm: dict, spec: Path, tmp_path: Path):
    with TeacherServer(delay=lambda request: 0.05) as teacher:
        arguments = ("run", spec, "--workdir", tmp_path, "--teacher", teacher.url, "--json")
        process = start(*arguments)
        while sum(teacher.paid.values()) < 100 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 130, err
        assert "finishing what is in flight" in err
        done = seedmill(*arguments)
    assert result_of(done)["digest"] == calm["digest"]
    assert teacher.paid_twice == 0


def test_no_service_outlives_the_run(calm: dict, spec: Path, tmp_path: Path):
    with TeacherServer(delay=lambda request: 0.2) as teacher:
        process = start("run", spec, "--workdir", tmp_path, "--teacher", teacher.url)
        while not teacher.paid and process.poll() is None:
            time.sleep(0.05)
        children = _children_of(process.pid)
        assert len(children) >= 4
        process.kill()
        process.communicate()
    deadline = time.monotonic() + 20
    while any(_is_alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [pid for pid in children if _is_alive(pid)] == []


def _children_of(parent: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path(f"/proc/{name}/stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                found.append(int(name))
    return found


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
