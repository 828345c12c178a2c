"""A small run to publish: what its rows, facts and tally are."""

import pytest

from seedmill.aggregation.published import (
    Example,
    Facts,
    Lineage,
    PassRate,
    PublishedRow,
    StepYield,
    Tally,
    TeacherStep,
)
from seedmill.filters.benchmark_index import BenchmarkInfo
from seedmill.records.generation import Api, ModelCall, Sampling
from seedmill.records.ledger import Ledger
from seedmill.records.publication import End, Limits
from seedmill.records.row import Row
from seedmill.records.seed import Seed, SeedKind, Source
from seedmill.records.tokens import Tokens
from seedmill.records.verdict import Status, Verdict, VerdictKind


def published_row(number: int, *, instruction: str | None = None, license_id: str = "MIT") -> PublishedRow:
    code = f"def add_{number}(x):\n    return x + {number}\n"
    row = Row(
        instruction=instruction or f"Write a function that adds {number} to its argument.",
        response=f"Here it is.\n\n```python\n{code}```\n",
        code=code,
        tests=f"assert add_{number}(1) == {number + 1}\n",
        language="python",
        properties={"concepts": "addition", "category": "function"},
    )
    source = Source("installed:toolbox", f"toolbox/part{number % 3}.py", 10 + number, "toolbox", "1.2", license_id)
    seed = Seed(f"{number:032x}", SeedKind.FUNCTION, "python", code, source)
    verdict = Verdict(str(number), Status.PASS, "", VerdictKind.STRICT, "", 1, "python-std@1234", "runsc test systrap")
    return PublishedRow(row, Lineage(str(number), seed, verdict, PassRate(2, 1, True)))


@pytest.fixture
def rows() -> list[PublishedRow]:
    return [published_row(number) for number in range(25)]


@pytest.fixture
def facts() -> Facts:
    call = ModelCall("teacher-15b", Api.CHAT, Sampling(0.7, 0.95, 1024))
    return Facts(
        name="tiny",
        recipe="selfOssInstruct",
        recipe_digest="ab" * 16,
        random_seed=7,
        seeds_digest="cd" * 32,
        seeds_count=100,
        corpus="installed:toolbox",
        limits=Limits(25, 100, 1_000_000),
        teacher=(TeacherStep("concepts", call, "11" * 16), TeacherStep("response", call, "22" * 16)),
        benchmarks=(BenchmarkInfo("HumanEval", "somewhere", "MIT", "1d49", 164),),
        seeds_skipped={"license_not_allowed": 4},
    )


@pytest.fixture
def tally() -> Tally:
    return Tally(
        end=End.TARGET_REACHED,
        ledger=Ledger(25, {"verdict_fail": 10, "contaminated": 2, "near_duplicate": 1}, {"infra": 1}, 0),
        roots_walked=39,
        tokens=Tokens(12_000, 3_000),
        steps=(
            StepYield("instruction", 39, {"contaminated": 2}),
            StepYield("verify", 37, {"verdict_fail": 10, "infra": 1}),
            StepYield("selection", 26, {"near_duplicate": 1}),
        ),
        contamination_hits={"HumanEval": 2},
        rejected=(
            Example(
                "3", "rejected", "verdict_fail", "verify", "AssertionError", "python",
                (("Seed", "```python\ndef f(): ...\n```"), ("Answer", "```python\ndef g(): return 2\n```")), "fail",
            ),
            Example("5", "rejected", "contaminated", "instruction", "HumanEval/3", "python", (("Seed", "x = 1"),)),
        ),
    )  # fmt: skip
