"""The worked examples that Self-OSS-Instruct shows the teacher: `examples/*.md`, one file each, in the prompt's format.

Each was written for this project and is run by a test. Their mix follows the published set's statistics: 15 functions,
2 classes, 4 programs; 9 easy, 11 medium, 1 hard (SelfCodeAlign, few-shot pool).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from seedmill.recipes.markdown import python_code
from seedmill.recipes.sections import find_sections

SECTIONS: Mapping[str, tuple[str, ...]] = {
    name: (name,) for name in ("snippet", "properties", "instruction", "response", "tests", "end")
}
"""The sections of a file, in this order."""


@dataclass(frozen=True, slots=True)
class FewShot:
    """A worked example. `response` and `tests` are Markdown, `snippet` is code."""

    name: str
    snippet: str
    category: str
    language: str
    difficulty: str
    concepts: tuple[str, ...]
    instruction: str
    response: str
    tests: str


@cache
def few_shots() -> tuple[FewShot, ...]:
    """All examples, in the order of their file names."""
    return tuple(parse_few_shot(name, text) for name, text in _sources())


@cache
def few_shots_digest() -> str:
    """Names the examples' texts; part of a recipe's digest."""
    return sha256("\0".join(text for _, text in _sources()).encode()).hexdigest()


def parse_few_shot(name: str, text: str) -> FewShot:
    """Read one file. Raises ValueError, naming it, when a section or a property is missing."""
    sections = find_sections(text, SECTIONS)
    marks = [marker for marker in sections.markers if marker.bracketed]
    if [marker.section for marker in marks] != list(SECTIONS):
        raise ValueError(f"example {name}: its sections must be {', '.join(SECTIONS)}, each once")
    parts = {mark.section: sections.text(mark, end) for mark, end in zip(marks, [*marks[1:], None], strict=True)}
    properties = dict(line.split(": ", 1) for line in parts["properties"].splitlines())
    if missing := {"category", "language", "difficulty", "concepts"} - properties.keys():
        raise ValueError(f"example {name}: no {', '.join(sorted(missing))} among its properties")
    return FewShot(
        name=name,
        snippet=python_code(parts["snippet"]) or "",
        category=properties["category"],
        language=properties["language"],
        difficulty=properties["difficulty"],
        concepts=tuple(properties["concepts"].split(", ")),
        instruction=parts["instruction"],
        response=parts["response"],
        tests=parts["tests"],
    )


@cache
def _sources() -> tuple[tuple[str, str], ...]:
    folder = files("seedmill.recipes") / "examples"
    found = sorted((file.name, file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".md"))
    return tuple((name.removesuffix(".md"), text) for name, text in found)
