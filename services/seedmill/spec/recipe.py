"""The recipe of a resource, and the options of each: exactly one is given."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.alias_generators import to_camel

from seedmill.spec.rules import Rule, SpecModel
from seedmill.spec.shapes import ShortText


class OssInstruct(SpecModel):
    """OSS-Instruct (Magicoder §3): one call makes problem and solution from a snippet."""

    max_lines: Annotated[int, Field(ge=1, le=100)] = 15
    """Longest snippet, in lines; its length is uniform in 1..maxLines."""


class Category(StrEnum):
    FUNCTION = "function"
    CLASS = "class"
    PROGRAM = "program"


class Difficulty(StrEnum):
    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


ExampleText = Annotated[str, Field(min_length=1, max_length=4000)]


class WorkedExample(SpecModel):
    """One example of the work, in Python. Its parts must be what the parser takes of an answer, tests included."""

    snippet: ExampleText
    """Code as a corpus has it, without a fence: what the concepts are read from."""
    concepts: Annotated[list[ShortText], Field(min_length=1, max_length=20)]
    """What someone has to master to write the snippet."""
    category: Category = Category.FUNCTION
    """What the instruction asks for."""
    difficulty: Difficulty = Difficulty.EASY
    """How hard it is."""
    instruction: ExampleText
    """A task about the concepts."""
    response: ExampleText
    """Its answer in Markdown, with the solution in a block of Python."""
    tests: ExampleText
    """A block of Python with assertions, in Markdown."""


class SelfOssInstruct(SpecModel):
    """Self-OSS-Instruct (SelfCodeAlign): concepts, instruction, responses with tests, execution filter."""

    responses_per_instruction: Annotated[int, Field(ge=1, le=100)] = 10
    """Responses sampled at most for one instruction, in waves of 2, 4, 4, …"""
    few_shot_examples: Annotated[int, Field(ge=0, le=21)] = 8
    """Worked examples shown for concepts and instructions; all where there are fewer."""
    response_examples: Annotated[int, Field(ge=0, le=21)] | None = None
    """Worked examples shown for a response. Left out: one, or none when fewShotExamples is 0."""
    examples: Annotated[list[WorkedExample], Field(min_length=1, max_length=21)] | None = None
    """Worked examples of your own, shown instead of the 21 that come with the recipe."""


class CommentFunction(SpecModel):
    """Comment-function pairs (Magicoder §4.2): no model; docstring to instruction, function to response."""

    require_tests: bool = True
    """Keep only functions whose doctests pass. With false, functions without doctests are kept unverified."""


class Recipe(SpecModel):
    """The method. Exactly one of these; `{}` behind its name stands for its defaults."""

    oss_instruct: OssInstruct | None = None
    self_oss_instruct: SelfOssInstruct | None = None
    comment_function: CommentFunction | None = None

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "exactly one of ossInstruct, selfOssInstruct, commentFunction must be given",
            "[has(self.ossInstruct), has(self.selfOssInstruct), has(self.commentFunction)].filter(x, x).size() == 1",
            lambda self: len(self.given) == 1,
        ),
    )

    @property
    def given(self) -> list[str]:
        """The fields that are set, as in YAML."""
        return [to_camel(name) for name in Recipe.model_fields if getattr(self, name) is not None]

    @property
    def name(self) -> str:
        """The field that is set, as in YAML."""
        return self.given[0]
