"""A DatasetGeneration that parses, and what a user is told about one that does not."""

import pytest

from seedmill.spec.checks import known_benchmarks, known_steps
from seedmill.spec.errors import SpecError
from seedmill.spec.parse import Check, parse

GOOD = """\
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {name: good}
spec:
  recipe:
    selfOssInstruct: {responsesPerInstruction: 4}
  seeds:
    corpus: {uri: ./code}
  teacher:
    model: some/model
  target: {acceptedSamples: 10}
"""
CHECKS: tuple[Check, ...] = (
    known_steps({"selfOssInstruct": ("concepts", "instruction", "response"), "ossInstruct": ("problem",)}),
    known_benchmarks(("HumanEval", "MBPP")),
)


def problems(text: str | bytes, checks: tuple[Check, ...] = CHECKS) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(SpecError) as error:
        parse(data, "a.yaml", checks)
    return str(error.value).splitlines()


def one_problem(text: str | bytes) -> str:
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def with_line(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)
