"""The 21 worked examples: each works, and their mix follows the published set (methods §3.3).

Those of `examples/small-teacher.yaml` are for a model of another kind: they work too.
"""

import ast
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from statistics import mean

import pytest

from seedmill.recipes.few_shots import FewShot, few_shots, parse_few_shot
from seedmill.recipes.markdown import find_fences
from seedmill.recipes.python_source import without_main_guards
from seedmill.recipes.self_oss_parsing import parse_concepts, parse_instruction, parse_response
from seedmill.recipes.shown_examples import shown_examples
from seedmill.spec.parse import load
from support.recipe_values import completion, sample
from support.requirements import ROOT


def of_small_teacher() -> tuple[FewShot, ...]:
    (generation,) = load(ROOT / "examples" / "small-teacher.yaml")
    options = generation.spec.recipe.self_oss_instruct
    assert options is not None
    assert options.examples is not None
    return tuple(shown_examples(options).examples)


EXAMPLES = pytest.mark.parametrize("example", few_shots(), ids=lambda example: example.name)
ALL_EXAMPLES = pytest.mark.parametrize("example", [*few_shots(), *of_small_teacher()], ids=lambda example: example.name)


def parsed(example: FewShot) -> dict[str, str]:
    text = f"[Response]\n{example.response}\n\n[Tests]\n{example.tests}\n\n[End]\n"
    return parse_response(sample(), completion(text))


def passes(solution: str, tests: str) -> bool:
    program = f"{solution}\n\n{tests}\n"
    ended = subprocess.run([sys.executable, "-I", "-"], input=program, text=True, capture_output=True, timeout=30)
    return ended.returncode == 0


@ALL_EXAMPLES
def test_it_is_read_as_it_is_written(example: FewShot) -> None:
    value = parsed(example)
    assert value["answer"] == example.response
    assert parse_instruction(sample(), completion(example.instruction)) == example.instruction
    assert parse_concepts(sample(), completion(", ".join(example.concepts))) == list(example.concepts)


@ALL_EXAMPLES
def test_its_tests_pass_and_notice_a_solution_that_returns_nothing(example: FewShot) -> None:
    value = parsed(example)
    solution = without_main_guards(value["code"])
    assert passes(solution, value["tests"])
    assert not passes(ast.unparse(ReturnNothing().visit(ast.parse(solution))), value["tests"])


@EXAMPLES
def test_its_parts_have_the_published_sizes(example: FewShot) -> None:
    assert 45 <= words(example.instruction) <= 152
    assert 58 <= words(example.response) <= 305
    assert 40 <= words(example.tests) <= 170
    assert 2 <= len(example.concepts) <= 5
    assert 6 <= len(example.snippet.splitlines()) <= 22
    assert 1 <= len(re.findall(r"^\s*assert ", example.tests, re.MULTILINE)) <= 16
    for part in (example.response, example.tests):
        assert [fence.is_python for fence in find_fences(part)] == [True]
        assert not part.startswith("```")


def test_the_mix_is_the_published_one() -> None:
    assert Counter(example.category for example in few_shots()) == {"function": 15, "class": 2, "program": 4}
    assert Counter(example.difficulty for example in few_shots()) == {"easy": 9, "medium": 11, "hard": 1}
    assert {example.language for example in few_shots()} == {"python"}
    assert mean(len(example.concepts) for example in few_shots()) == pytest.approx(3.4, abs=0.3)
    assert mean(words(example.instruction) for example in few_shots()) == pytest.approx(81, rel=0.25)
    assert mean(words(example.response) for example in few_shots()) == pytest.approx(188, rel=0.25)
    assert mean(words(example.tests) for example in few_shots()) == pytest.approx(86, rel=0.25)
    assert mean(len(example.snippet.splitlines()) for example in few_shots()) == pytest.approx(13.7, rel=0.25)


def test_no_two_are_alike() -> None:
    shingles = {example.name: triples(example.instruction + example.response) for example in few_shots()}
    for (one, left), (other, right) in combinations(shingles.items(), 2):
        assert len(left & right) / len(left | right) < 0.1, (one, other)


def test_a_broken_file_is_named() -> None:
    with pytest.raises(ValueError, match="example 99_x: its sections must be snippet"):
        parse_few_shot("99_x", "[Snippet]\nx")


def words(text: str) -> int:
    return len(text.split())


def triples(text: str) -> set[tuple[str, ...]]:
    found = re.findall(r"\w+", text.lower())
    return set(zip(found, found[1:], found[2:], strict=False))


class ReturnNothing(ast.NodeTransformer):
    """Every `return value` returns None."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        return ast.Return(ast.Constant(None))
