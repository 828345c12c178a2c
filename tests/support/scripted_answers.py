"""What the scripted teacher writes: for Self-OSS-Instruct and OSS-Instruct, well, badly and strangely.

Every answer is a function of the request alone. An instruction says in its numbers what the right answer is, and in its
last words how it will be answered, so that all responses to it fail in the same way and each reject reason is hit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seedmill.records.randomness import Draw

FENCE = "```"


@dataclass(frozen=True)
class Answer:
    """What one request gets."""

    text: str
    finish: str = "stop"


WORDS = [
    "amber", "basalt", "cedar", "dune", "ember", "fjord", "gravel", "harbor", "indigo", "jasper", "kelp", "lagoon",
    "marble", "nectar", "opal", "prairie", "quartz", "river", "saffron", "tundra", "umber", "violet", "willow",
    "yarrow", "zephyr", "anchor", "beacon", "copper", "delta", "ferry", "glacier", "hollow", "island", "jetty",
    "knoll", "lantern", "meadow", "north", "orchard", "pebble", "quarry", "ridge", "summit", "timber", "upland",
    "valley", "wharf", "estuary", "canyon", "boulder", "thicket", "plateau", "marsh", "bluff", "cove", "inlet",
    "shoal", "reef", "bayou", "grove", "heath", "moor", "fen", "glade", "dell", "brook", "spring", "creek", "falls",
    "rapids",
]  # fmt: skip

CONTAMINATED = (
    "Check if in given list of numbers, are any two numbers closer to each other than given threshold. Write the "
    "function has_close_elements(numbers, threshold) that returns True when there are two such numbers and False "
    "otherwise."
)
BAD_INSTRUCTIONS = (
    "contaminated",
    "too long",
    "empty",
    "too short",
    "leaked",
    "same as others",
    "like others",
    "filtered",
)
BAD_PARTS = (
    "wrong", "exits", "kills itself", "loops", "floods", "greedy", "lacks a module", "unfinished", "syntax",
    "tests exit", "vacuous", "no assert", "not invoked", "broken tests", "no test code",
    "no tests", "two tests", "no code", "nothing", "open fence", "leaked", "truncated", "gone", "refused",
)  # fmt: skip
BAD_PERCENT = 45


def scripted(request: dict[str, Any]) -> Answer:
    """The answer of the method that the prompt belongs to."""
    prompt = request["messages"][-1]["content"] if "messages" in request else request["prompt"]
    draw = Draw("teacher", request["seed"])
    asked = prompt.rsplit("=== Example", 1)[-1]
    if "[Problem Description]" in asked:
        return _problem(draw)
    if "[Response]" in asked:
        return _response(asked.rsplit("[Instruction]", 1)[-1].split("Now write [Response]")[0].strip(), draw)
    if "[Properties]" in asked:
        return _instruction(draw)
    return _concepts(draw)


def _concepts(draw: Draw) -> Answer:
    match draw.below(40):
        case 0:
            return Answer("")
        case 1:
            return Answer(", ".join(f"concept {n}" for n in range(30)))
        case 2:
            return Answer("someone who reads this snippet has to think about " + " and ".join(draw.sample(WORDS, 12)))
        case _:
            return Answer(", ".join(draw.sample(WORDS, 3)) + ", recursion")


def _instruction(draw: Draw) -> Answer:
    bad = draw.below(6 * len(BAD_INSTRUCTIONS))
    match BAD_INSTRUCTIONS[bad] if bad < len(BAD_INSTRUCTIONS) else "":
        case "contaminated":
            return Answer(CONTAMINATED)
        case "too long":
            return Answer("Write a function. " + " ".join(draw.choice(WORDS) for _ in range(220)))
        case "empty":
            return Answer("  \n ")
        case "too short":
            return Answer("Write a sort function.")
        case "leaked":
            return Answer(f"{task(draw, '')}\n[Response]\nmore")
        case "same as others":
            return Answer(task(Draw("the same for all"), ""))
        case "like others":
            return Answer(task(Draw("nearly the same for all"), "").replace(" meet.", f" {draw.choice(WORDS)} meet."))
        case "filtered":
            return Answer("", "content_filter")
        case _:
            return Answer(task(draw, draw.choice(BAD_PARTS) if draw.below(100) < BAD_PERCENT else ""))


def task(draw: Draw, how: str) -> str:
    """An instruction; `how` its responses will be bad, or nothing."""
    name = "_".join(draw.sample(WORDS, 3))
    factor, offset = 2 + draw.below(50), draw.below(900)
    story = " ".join(draw.choice(WORDS) for _ in range(24))
    return (
        f"Write a function {name}(values) that multiplies each integer of a list by {factor}, adds {offset} and "
        f"returns the list of results in the same order. It is used where {story} meet. An empty list gives "
        f"an empty list. Mark: {how or 'good'}."
    )


def _response(instruction: str, draw: Draw) -> Answer:
    words = instruction.split()
    name = words[3].partition("(")[0]
    factor, offset = (int(word.strip(",")) for word in words if word.strip(",").isdigit())
    story = instruction.partition("used where ")[2].partition(" meet")[0]
    how = instruction.rpartition("Mark: ")[2].rstrip(".")
    if how == "good" and draw.below(5) == 0:  # some parts of a good sample fail: the lowest that passes is taken
        how = "wrong"
    code = (
        f'def {name}(values):\n    """Scale and shift: {story}."""\n    {name}_results = []\n    for value in values:\n'
        f"        {name}_results.append(value * {factor} + {offset})\n    return {name}_results\n"
    )
    tests = f"assert {name}([1, 2]) == [{factor + offset}, {2 * factor + offset}]\nassert {name}([]) == []\n"
    talk = f"Each value is scaled and shifted; {story}."
    code, tests = _SPOILED.get(how, _as_it_is)(code, tests, name)
    match how:
        case "truncated":
            return Answer(f"[Response]\n{talk}\n\n{FENCE}python\n{code[:60]}", "length")
        case "gone":
            return Answer(f"[Response]\n{talk}\n", "abort")
        case "refused":
            return Answer("", "content_filter")
        case "nothing":
            return Answer(f"[Response]\n\n[Tests]\n{_block(tests)}\n\n[End]")
        case "no code":
            return Answer(f"[Response]\n{talk}\n\n[Tests]\n{_block(tests)}\n\n[End]")
        case "no tests":
            return Answer(f"[Response]\n{talk}\n\n{_block(code)}\n\n[End]")
        case "no test code":
            return Answer(f"[Response]\n{talk}\n\n{_block(code)}\n\n[Tests]\nIt was tested.\n\n[End]")
        case "two tests":
            return Answer(_whole(talk, code, tests).replace("\n[End]", f"\n[Tests]\n{_block(tests)}\n[End]"))
        case "open fence":
            return Answer(f"[Response] {FENCE}python\n{code}\n\n[Tests]\n{_block(tests)}\n\n[End]")
        case "leaked":
            return Answer(_whole(f"[Instruction]\n{talk}", code, tests).replace("[Response]\n", "[Response]\nFirst.\n"))
        case _:
            return Answer(_whole(talk, code, tests))


def _whole(talk: str, code: str, tests: str) -> str:
    return f"[Response]\n{talk}\n\n{_block(code)}\n\n[Tests]\n{_block(tests)}\n\n[End]"


def _block(code: str) -> str:
    return f"{FENCE}python\n{code}{FENCE}"


def _as_it_is(code: str, tests: str, name: str) -> tuple[str, str]:
    return code, tests


def _before_return(line: str, head: str = "") -> Callable[[str, str, str], tuple[str, str]]:
    return lambda code, tests, name: (head + code.replace("    return", f"    {line}\n    return"), tests)


def _tests(text: str) -> Callable[[str, str, str], tuple[str, str]]:
    return lambda code, tests, name: (code, text.replace("NAME", name).replace("TESTS", tests))


_SPOILED: dict[str, Callable[[str, str, str], tuple[str, str]]] = {
    "wrong": lambda code, tests, name: (code.replace("value * ", "1 + value * "), tests),
    "exits": _before_return("sys.exit(0)", "import sys\n"),
    "kills itself": _before_return("os._exit(0)", "import os\n"),
    "loops": _before_return("while True:\n        pass"),
    "floods": _before_return("print('x' * 3000000)"),
    "greedy": _before_return("bytearray(2_000_000_000)"),
    "lacks a module": lambda code, tests, name: (f"import no_such_module_of_mine\n\n{code}", tests),
    "unfinished": _before_return("# TODO: finish"),
    "syntax": lambda code, tests, name: (code.replace("(values):", "(values:"), tests),
    "tests exit": _tests("import sys\nassert NAME([]) == []\nsys.exit(0)\nTESTS"),
    "vacuous": _tests("try:\n    assert NAME([1]) == ['x']\nexcept Exception:\n    pass\n"),
    "no assert": _tests("print(NAME([1]))\n"),
    "not invoked": _tests("def check():\n    assert NAME([]) == []\n"),
    "broken tests": _tests("assert NAME([] == []\n"),
}

BAD_PROBLEMS = (
    "no problem", "no solution", "wrong order", "empty problem", "empty solution", "too short", "too long", "no code",
    "open fence", "syntax", "contaminated", "truncated", "refused", "gone",
)  # fmt: skip


def _problem(draw: Draw) -> Answer:
    """OSS-Instruct: about half of the answers are good."""
    how = draw.choice(BAD_PROBLEMS) if draw.below(100) < BAD_PERCENT else ""
    problem = task(draw, how)
    name = problem.split()[3].partition("(")[0]
    code = f"def {name}(values):\n    return [value * 2 for value in values]\n"
    good = f"[Problem Description]\n{problem}\n\n[Solution]\nEach value is changed.\n\n{_block(code)}\n"
    match how:
        case "no problem":
            return Answer(f"[Solution]\n{_block(code)}")
        case "no solution":
            return Answer(f"[Problem Description]\n{problem}")
        case "wrong order":
            return Answer(f"[Solution]\n{_block(code)}\n[Problem Description]\n{problem}")
        case "empty problem":
            return Answer(good.replace(problem, ""))
        case "empty solution":
            return Answer(good.partition("[Solution]")[0] + "[Solution]\n")
        case "too short":
            return Answer(good.replace(problem, "Write it."))
        case "too long":
            return Answer(good.replace(problem, " ".join(draw.choice(WORDS) for _ in range(1100))))
        case "no code":
            return Answer(good.replace(_block(code), "It is easy."))
        case "open fence":
            return Answer(good.rstrip().removesuffix(FENCE))
        case "syntax":
            return Answer(good.replace("(values):", "(values:"))
        case "contaminated":
            return Answer(good.replace(problem, CONTAMINATED))
        case "truncated":
            return Answer(good[:150], "length")
        case "refused":
            return Answer("", "content_filter")
        case "gone":
            return Answer(good[:150], "abort")
        case _:
            return Answer(good)
