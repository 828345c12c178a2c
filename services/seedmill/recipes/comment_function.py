"""Comment-function pairs: the baseline that needs no model (Magicoder §4.2).

A documented function becomes a row: its description is the instruction, the function (with the imports and helpers it
needs, so the row stands alone) the response, its doctests the tests. Up to three examples stay in the instruction: a
docstring's prose rarely pins down formats and special cases, and examples are what a user would give; all of them are
asserted. The function keeps its whole docstring.
"""

import ast
import re
from dataclasses import dataclass
from functools import partial

from seedmill.recipes.digest import recipe_digest
from seedmill.recipes.docstrings import description_of, shown_examples
from seedmill.recipes.doctest_asserts import doctest_asserts, has_examples
from seedmill.recipes.markdown import fenced
from seedmill.recipes.programs import ProgramSettings, judge_pass, verdict_columns
from seedmill.recipes.python_source import parse_python
from seedmill.recipes.steps import JSON, Check, Execute, Recipe, Rejected, Sample, Sight
from seedmill.records.row import Row
from seedmill.records.seed import Seed, SeedKind
from seedmill.records.verdict import Program, Status, Verdict
from seedmill.spec.recipe import CommentFunction

NAME = "commentFunction"
VERSION = 1
STEP_NAMES: tuple[str, ...] = ()

MIN_DESCRIPTION_WORDS = 3


@dataclass(frozen=True, slots=True)
class Pair:
    """What a function gives. `tests` is empty when it has no doctests and need not have any."""

    name: str
    instruction: str
    code: str
    tests: str


def comment_function(options: CommentFunction, programs: ProgramSettings) -> Recipe:
    """The recipe of these options."""
    extract = partial(extract_pair, require_tests=options.require_tests)
    settings = {**options.model_dump(), "execution": programs.to_json()}
    return Recipe(
        name=NAME,
        digest=recipe_digest(NAME, VERSION, settings, {}),
        seed_kind=SeedKind.FUNCTION,
        steps=(
            Check("extract", lambda sample, sight: _check(extract(sample.seed), sight)),
            Execute(
                "verify",
                lambda sample: _program(extract(sample.seed), programs, sample),
                lambda sample, verdict: _judge(extract(sample.seed), sample, verdict),
            ),
        ),
        row=lambda sample: _row(extract(sample.seed), sample),
    )


def extract_pair(seed: Seed, *, require_tests: bool) -> Pair | Rejected:
    """Instruction, code and tests of a documented function."""
    function = _function(seed)
    if function is None:
        return Rejected("syntax_error", "the function does not parse")
    docstring = seed.extra["docstring"]
    context = seed.extra["context"].strip("\n")
    text = seed.text.strip("\n")
    code = f"{context}\n\n\n{text}" if context else text
    description = description_of(docstring)
    if len(re.findall(r"[^\W\d_]{2,}", description)) < MIN_DESCRIPTION_WORDS:
        return Rejected("docstring_too_short", description[:200])
    tests = ""
    if has_examples(docstring):
        converted = doctest_asserts(docstring, code)
        if converted is None and require_tests:
            return Rejected("doctest_unconvertible", "no example could become an assertion")
        tests = converted or ""
    elif require_tests:
        return Rejected("no_doctest", "the docstring shows no example")
    return Pair(function.name, _instruction(function, description, docstring), code, tests)


def _function(seed: Seed) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    tree = parse_python(seed.text)
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return node
    return None


def _instruction(function: ast.FunctionDef | ast.AsyncFunctionDef, description: str, docstring: str) -> str:
    keyword = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    signature = f"{keyword} {function.name}({ast.unparse(function.args)}){returns}:"
    text = f"Write a Python function with the signature `{signature}`\n\n{description}"
    examples = shown_examples(docstring)
    return f"{text}\n\nFor example:\n\n{fenced(examples, 'python')}" if examples else text


def _check(pair: Pair | Rejected, sight: Sight) -> list[str] | Rejected:
    if isinstance(pair, Rejected):
        return pair
    task = sight.contamination(f"{pair.instruction}\n\n{pair.code}")
    return Rejected("contaminated", task) if task else []


def _program(pair: Pair | Rejected, programs: ProgramSettings, sample: Sample) -> Program | Rejected:
    if isinstance(pair, Rejected):
        return pair
    # Without tests of its own a function must at least load.
    return programs.program(sample, pair.code, pair.tests or f"assert callable({pair.name})")


def _judge(pair: Pair | Rejected, sample: Sample, verdict: Verdict) -> JSON | Rejected:
    if isinstance(pair, Rejected):
        return pair
    if pair.tests:
        value = judge_pass(sample, verdict)
        return value if isinstance(value, Rejected) else {"verified": "true", **value}
    if verdict.status in {Status.PASS, Status.VACUOUS}:
        return {"verified": "false", **verdict_columns(verdict)}
    return Rejected(f"verdict_{verdict.status}", verdict.reason)


def _row(pair: Pair | Rejected, sample: Sample) -> Row:
    if isinstance(pair, Rejected):
        raise ValueError(f"sample {sample.path} was rejected ({pair.reason}) and has no row")
    return Row(
        instruction=pair.instruction,
        response=fenced(pair.code, "python"),
        code=pair.code,
        tests=pair.tests,
        language=sample.seed.language,
        properties={"function": pair.name, **sample.values["verify"]},
    )
