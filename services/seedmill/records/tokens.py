"""Tokens of a step, a sample or a run: what was read and what was written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tokens:
    """Prompt and completion tokens, as the engine counts them."""

    prompt: int = 0
    completion: int = 0

    @property
    def total(self) -> int:
        return self.prompt + self.completion

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.prompt + other.prompt, self.completion + other.completion)
