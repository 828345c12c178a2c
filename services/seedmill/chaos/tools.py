"""How seedmill and its peers are started over the same prompts, and how many rows each has made.

Every tool makes one row of one prompt: OSS-Instruct's only Generate step over a snippet of its own. Peers get the text
that this recipe would send, one prompt a line. Each keeps what it needs to go on in `folder`, and is started again by
the same command.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from seedmill.chaos.engine import MODEL
from seedmill.recipes.templates import load_prompt
from seedmill.records.generation import Api
from seedmill.records.randomness import Draw

SEEDMILL = "seedmill"
PEERS = ("curator", "datatrove", "datadesigner", "distilabel")
DRIVERS = Path(__file__).parent / "drivers"


@dataclass(frozen=True, slots=True)
class Job:
    """What a tool is to make: `rows` rows with the engine at `url`, `at_once` requests in flight, into `folder`.

    What it reads and prints lies in `folder`, what it keeps in `state`, which may be another disk. An answer may take
    `timeout_seconds`. seedmill's run has this `name` and is kept in `workdir`, by default a folder of `state`. `prefix`
    is put before the command, `variables` are added to the environment.
    """

    folder: Path
    url: str
    rows: int
    at_once: int
    timeout_seconds: float = 900.0
    workdir: str = ""
    name: str = "chaos"
    state: Path = Path()
    prefix: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


class Tool(Protocol):
    """One contender."""

    @property
    def name(self) -> str: ...

    def prepare(self, job: Job) -> None:
        """Write what its command reads."""
        ...

    def command(self, job: Job) -> list[str]:
        """What starts it, and starts it again."""
        ...

    def environment(self, job: Job) -> Mapping[str, str]:
        """The variables it is started with."""
        ...

    def rows_made(self, stdout: str) -> int | None:
        """What it says it has made in the end, or None when it did not come to say so."""
        ...


@dataclass(frozen=True, slots=True)
class Seedmill:
    """`seedmill run` of this checkout, with everything at its default but the window and the target."""

    name: str = SEEDMILL
    prefix: tuple[str, ...] = ()

    def prepare(self, job: Job) -> None:
        corpus = job.folder / "snippets.jsonl"
        if not corpus.exists():
            lines = (json.dumps(_document(number)) for number in range(job.rows))
            corpus.write_text("\n".join(lines) + "\n")
        (job.folder / f"{job.name}.yaml").write_text(_spec(job))

    def command(self, job: Job) -> list[str]:
        workdir = job.workdir or str(job.state / "work")
        file = str(job.folder / f"{job.name}.yaml")
        program = [sys.executable, "-m", "seedmill.cli", "run", file, "--workdir", workdir]
        return [*self.prefix, *job.prefix, *program, "--teacher", job.url, "--json"]

    def environment(self, job: Job) -> Mapping[str, str]:
        return {**os.environ, "SEEDMILL_ANSWER_SECONDS": f"{job.timeout_seconds:g}", **job.variables}

    def rows_made(self, stdout: str) -> int | None:
        try:
            return int(json.loads(stdout)["ledger"]["accepted"])
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Peer:
    """Another tool, driven by `<name>_driver.py` in a Python that has it."""

    name: str
    python: Path
    prefix: tuple[str, ...] = ()
    drivers: Path = DRIVERS

    def prepare(self, job: Job) -> None:
        lines = (json.dumps(prompt(snippet(number))) for number in range(job.rows))
        (job.folder / "prompts.jsonl").write_text("\n".join(lines) + "\n")

    def command(self, job: Job) -> list[str]:
        driver = self.drivers / f"{self.name}_driver.py"
        options = ["--url", job.url, "--model", MODEL, "--folder", str(job.state), "--at-once", str(job.at_once)]
        options += ["--prompts", str(job.folder / "prompts.jsonl"), "--timeout", f"{job.timeout_seconds:g}"]
        return [*self.prefix, *job.prefix, str(self.python), str(driver), *options]

    def environment(self, job: Job) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        return {
            **kept,
            "OPENAI_API_KEY": "none",
            "HOME": str(job.state),
            "PYTHONNOUSERSITE": "1",
            **_QUIET,
            **job.variables,
        }

    def rows_made(self, stdout: str) -> int | None:
        for line in reversed(stdout.splitlines()):
            if line.startswith('{"rows":'):
                return int(json.loads(line)["rows"])
        return None


_QUIET = {
    "CURATOR_VIEWER": "0",
    "TELEMETRY_ENABLED": "false",
    "NEMO_TELEMETRY_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TQDM_DISABLE": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
}
"""Peers tell nobody of it and draw no bars."""


def snippet(number: int) -> str:
    """A few lines of code; no two are alike."""
    draw = Draw("snippet", number)
    name, bound = f"task_{number}", draw.below(10_000)
    lines = (f"    value = value * {draw.below(90) + 2} + {number * 8 + line}" for line in range(8))
    return "\n".join((f"def {name}(value):", *lines, f"    return value % {bound + 1} - {number}"))


def prompt(text: str) -> str:
    """What OSS-Instruct asks of a snippet, system and user turn as one."""
    turns = load_prompt("oss_instruct", "problem").render(Api.CHAT, snippet=text, examples=[]).messages
    return "\n\n".join(turn.content for turn in turns)


def _document(number: int) -> dict[str, Any]:
    return {
        "content": snippet(number),
        "path": f"src/task_{number}.py",
        "repo": "chaos/corpus",
        "license": "MIT",
        "language": "Python",
    }


def _spec(job: Job) -> str:
    return f"""\
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {{name: {job.name}}}
spec:
  recipe: {{ossInstruct: {{}}}}
  seeds:
    corpus: {{uri: snippets.jsonl, licenses: {{allow: [MIT]}}}}
  teacher: {{model: {MODEL}, api: Chat}}
  target: {{acceptedSamples: {job.rows}, maxCandidates: {job.rows}}}
  maxInFlight: {job.at_once}
"""
