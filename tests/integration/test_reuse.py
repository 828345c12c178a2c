"""`reuse`: a change in one step pays for that step alone, also across kills, prunes and a chain of runs."""

import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from seedmill.records.journal import StepRecord
from seedmill.storage import open_store
from seedmill.storage.journal import list_journal, read_segments
from support.cli import result_of, seedmill, start
from support.corpora import write_functions
from support.requirements import require
from support.teacher import MODEL, TeacherServer

SEEDS = 60
WINDOW = 8
GENERATES = {"concepts", "instruction", "response"}
SPEC = """
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {{name: {name}}}
spec:
  recipe: {{selfOssInstruct: {{responsesPerInstruction: 2, fewShotExamples: 1}}}}
  seeds: {{corpus: {{uri: functions.jsonl, licenses: {{allow: [MIT]}}}}}}
  teacher:
    model: {model}
    steps: {steps}
  execution: {{timeoutSeconds: 1, memory: 128Mi}}
  reuse: {reuse}
  target: {{acceptedSamples: 1000}}
  maxInFlight: {window}
"""


class Workplace:
    """A workdir of runs over the same corpus, and a teacher that counts what it is asked, by temperature."""

    def __init__(self, folder: Path, teacher: TeacherServer) -> None:
        self.folder, self.workdir, self.teacher = folder, folder / "work", teacher
        write_functions(folder / "functions.jsonl", SEEDS)

    def spec(self, name: str, reuse: list[str], **temperatures: float) -> Path:
        steps = {step: {"sampling": {"temperature": value}} for step, value in temperatures.items()}
        file = self.folder / f"{name}.yaml"
        named = {"steps": orjson.dumps(steps).decode(), "reuse": orjson.dumps(reuse).decode()}
        file.write_text(SPEC.format(name=name, model=MODEL, window=WINDOW, **named))
        return file

    def arguments(self, spec: Path) -> tuple[str | Path, ...]:
        return ("run", spec, "--workdir", self.workdir, "--teacher", self.teacher.url, "--json")

    def run(self, spec: Path) -> dict[str, Any]:
        done = seedmill(*self.arguments(spec))
        assert done.returncode == 0, done.stderr
        return result_of(done)

    def paid(self) -> Counter[float]:
        """Answers given since this was last asked, by the temperature of their request."""
        found: Counter[float] = Counter()
        for key, count in self.teacher.paid.items():
            found[orjson.loads(key)["temperature"]] += count
        self.teacher.paid.clear()
        return found

    def steps(self, result: dict[str, Any]) -> list[StepRecord]:
        """All records of Generate steps in a run's journal, each digest once."""
        store = open_store(self.workdir)
        prefix = str(Path(result["run"]).relative_to(self.workdir))
        segments = read_segments(store, list_journal(store, prefix).segments)
        records = (record for segment in segments for record in segment.records)
        found = {record.digest: record for record in records if isinstance(record, StepRecord)}
        return [record for record in found.values() if record.step in GENERATES]


@pytest.fixture
def workplace(tmp_path: Path):
    require("runsc")
    with TeacherServer() as teacher:
        yield Workplace(tmp_path, teacher)


def instructions(result: dict[str, Any]) -> list[str]:
    table = pq.read_table(sorted(Path(result["dataset"]).glob("data-*.parquet")), columns=["instruction"])
    return sorted(table.column("instruction").to_pylist())


def test_a_change_in_the_last_step_pays_exactly_that_steps_prompts(workplace: Workplace):
    earlier = workplace.run(workplace.spec("earlier", []))
    everything = workplace.paid()
    assert sum(everything.values()) == len(workplace.steps(earlier)) > 2 * SEEDS

    later = workplace.run(workplace.spec("later", ["earlier"], response=0.3))
    records = workplace.steps(later)
    asked = [record for record in records if record.step == "response"]
    assert workplace.paid() == {0.3: len(asked)}
    assert len(asked) > SEEDS
    assert {record.tokens.total for record in records if record.step != "response"} == {0}
    assert all(record.notes.get("reused") for record in records if record.step != "response")
    assert sum(record.tokens.total for record in asked) == orjson.loads(
        (Path(later["run"]) / "HEAD.json").read_bytes()
    )["tokens"]  # fmt: skip
    # The teacher answers by seed, not by temperature, so the rows are the earlier run's.
    assert instructions(later) == instructions(earlier)
    assert later["ledger"] == earlier["ledger"]
    assert seedmill("replay", later["run"]).returncode == 0

    # A third run finds the steps of both, the copied ones included, whatever was pruned between. The new instructions
    # are the old ones, so the prompts for responses are, too.
    assert seedmill("prune", "--workdir", workplace.workdir, "--yes").returncode == 0
    third = workplace.run(workplace.spec("third", ["later"], response=0.3, instruction=0.2))
    assert workplace.paid() == {0.2: sum(1 for record in workplace.steps(third) if record.step == "instruction")}
    assert third["ledger"] == later["ledger"]


def test_kills_do_not_make_reused_steps_be_paid(workplace: Workplace):
    workplace.run(workplace.spec("earlier", []))
    workplace.paid()
    spec = workplace.spec("later", ["earlier"], response=0.3)
    workplace.teacher.delay = lambda request: 0.1
    process = start(*workplace.arguments(spec))
    while sum(workplace.teacher.paid.values()) < 40:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    later = workplace.run(spec)
    twice = workplace.teacher.paid_twice
    assert twice <= WINDOW * 2
    responses = [record for record in workplace.steps(later) if record.step == "response"]
    assert workplace.paid() == {0.3: len(responses) + twice}


def test_what_is_reused_must_have_been_published(workplace: Workplace):
    refused = seedmill(*workplace.arguments(workplace.spec("later", ["nothing"])))
    assert refused.returncode == 2
    assert "spec.reuse: no run called nothing has published anything" in refused.stderr
    assert not workplace.teacher.paid
