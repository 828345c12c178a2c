"""What counts as giving a benchmark task away, and what does not."""

import ast
import builtins
import re
from pathlib import Path

import pytest

from seedmill.filters.banned_strings import BannedStrings
from seedmill.filters.benchmark_index import Benchmark, Task, load_benchmarks
from seedmill.filters.decontamination import Decontaminator, Rule


@pytest.fixture(scope="module")
def shipped() -> Decontaminator:
    return Decontaminator.load(["HumanEval", "MBPP"])


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return [task for benchmark in load_benchmarks(["HumanEval", "MBPP"]) for task in benchmark.tasks]


def with_other_names(source: str) -> str:
    """The code with every parameter, variable and function called something else."""
    tree = ast.parse(source)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for number, name in enumerate(sorted(names - set(dir(builtins)))):
        source = re.sub(rf"(?<![\w.]){name}\b", f"Renamed_{number}", source)
    return source


def test_every_text_of_a_task_is_found_in_a_prompt_around_it(shipped: Decontaminator, tasks: list[Task]) -> None:
    missed = [task.id for task in tasks for text in task.texts if shipped.find(f"Please: {text}\nThank you.") is None]
    assert missed == []


def test_every_solution_is_found_whatever_its_layout_and_case(shipped: Decontaminator, tasks: list[Task]) -> None:
    def laid_out_anew(code: str) -> str:
        return f"Here is it\n```python\n{code.upper()}\n```\n".replace(" ", "  ").replace("\r\n", "\n\n")

    missed = [task.id for task in tasks for code in task.codes if shipped.find(laid_out_anew(code)) is None]
    assert missed == []


def test_a_solution_with_other_names_is_found(shipped: Decontaminator, tasks: list[Task]) -> None:
    mbpp = [task for task in tasks if task.id.startswith("MBPP/")]
    long_enough = [task for task in mbpp if len(task.codes[0].split()) >= 20]
    found = sum(shipped.find(with_other_names(task.codes[0].replace("\r", ""))) is not None for task in long_enough)
    assert found / len(long_enough) >= 0.97


def test_a_description_with_edited_examples_is_found(shipped: Decontaminator, tasks: list[Task]) -> None:
    text = next(task for task in tasks if task.id == "HumanEval/0").texts[0]
    edited = re.sub(r"(?m)^\s*(>>>.*|True|False)$", ">>> near([9.0], 3)", text).replace("numbers", "numbers", 1)
    hit = shipped.find(edited)
    assert hit is not None
    assert (hit.task, hit.benchmark, hit.rule) == ("HumanEval/0", "HumanEval", Rule.WORDS)
    assert hit.excerpt


def test_a_hit_names_task_and_rule(shipped: Decontaminator) -> None:
    hit = shipped.find("Write a  function to find the\nsimilar elements from the given two tuple LISTS. Use sets.")
    assert hit is not None
    assert (hit.task, hit.rule) == ("MBPP/2", Rule.STRING)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def add(x, y):\n    return x + y\n",
        "def size(string):\n    return len(string)\n",
        "def concat(strings):\n    return ''.join(strings)\n",
        "def square(n):\n    return n**2\n",
        "Write a function that parses an INI file and returns its sections as a dictionary.",
    ],
)
def test_trivial_code_and_other_tasks_give_nothing_away(shipped: Decontaminator, text: str) -> None:
    assert shipped.find(text) is None


def test_standard_library_gives_nothing_away(shipped: Decontaminator) -> None:
    functions: list[str] = []
    for path in sorted(Path(ast.__file__).parent.glob("*.py"))[::6]:
        source = path.read_text(encoding="utf-8")
        functions += [
            ast.get_source_segment(source, node) or ""
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef)
        ]
    assert len(functions) > 100
    given_away = {hit.task for function in functions if (hit := shipped.find(function)) is not None}
    # Python 3.13's `typing._deduplicate_unhashable` is that task, but for its names.
    assert given_away <= {"MBPP/932"}


def test_string_rule_agrees_with_looking_for_every_string(tasks: list[Task]) -> None:
    strings = [string for task in tasks[::4] for string in (*task.texts, *task.codes)]
    folded = [" ".join(string.lower().split()) for string in strings]
    banned = BannedStrings(strings)
    halves = [string[: len(string) // 2] + " and " + string[len(string) // 2 :] for string in strings]
    joined = [f"x{string}y" for string in strings]
    for document in [*strings, *halves, *joined, "nothing to see here"]:
        lowered = document.lower()
        plain = " ".join(lowered.split())
        expected = min((number for number, string in enumerate(folded) if string in plain), default=None)
        found = banned.find(lowered, lowered.split())
        assert found == expected, document


def test_without_benchmarks_nothing_is_contaminated() -> None:
    assert Decontaminator([]).find("def f(): return 1") is None


def test_answers_for_a_benchmark_at_hand() -> None:
    task = Task("Own/1", ("Compute the wobble of a graph given as adjacency lists.",), ())
    hit = Decontaminator([Benchmark("Own", "", "", "1", (task,))]).find(f"Task: {task.texts[0]}")
    assert hit is not None
    assert hit.task == "Own/1"
