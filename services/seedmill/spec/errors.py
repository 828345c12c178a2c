"""What is wrong with a file, in words for the one who wrote it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend. Line and column count from 1; `path` is the field as in YAML, empty for the whole file."""

    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.line}:{self.column}: {self.path}: {self.message}"
            if self.path
            else (f"{self.line}:{self.column}: {self.message}")
        )


class SpecError(Exception):
    """A file that cannot be used: all its problems, in the order of its lines."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(f"{file}:{problem}" for problem in self.problems))


class RecipeError(ValueError):
    """A spec whose recipe cannot be built; `field` is the path of the field to mend, as in `spec.x.list[0].y`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field

    @property
    def path(self) -> tuple[str | int, ...]:
        """The field's path as keys and list indexes."""
        return tuple(int(part) if part.isdecimal() else part for part in re.findall(r"[^.\[\]]+", self.field))
