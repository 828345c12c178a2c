"""Whether a text gives away a task of a benchmark, so that a model trained on it would be tested on what it has seen.

Three rules, on by default for every benchmark that has an index (`benchmark_index`):

* `string`: a task's description or solution is in the text, white space and case aside (Magicoder and SelfCodeAlign ask
  for plain substrings, so re-wrapped copies passed);
* `words`: half or more of the word 10-grams of a description are there (examples in it aside, for they get edited);
* `code`: four fifths or more of the token 10-grams of a solution are there, names of variables and functions aside.

The thresholds are measured in `docs/decontamination.md`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from seedmill.filters.banned_strings import BannedStrings
from seedmill.filters.benchmark_index import Benchmark, load_benchmarks, load_pinned
from seedmill.filters.code_tokens import code_tokens
from seedmill.filters.ngrams import GramIndex

GRAM_TOKENS = 10
WORDS_PART = 0.5
CODE_PART = 0.8
MIN_CODE_TOKENS = 20
_EXCERPT_CHARACTERS = 160
_WORD = re.compile(r"\w+")


class Rule(StrEnum):
    """How a task was recognised."""

    STRING = "string"
    WORDS = "words"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Hit:
    """The text gives away this task; `excerpt` is what it shares with it, shortened."""

    task: str
    rule: Rule
    excerpt: str

    @property
    def benchmark(self) -> str:
        return self.task.partition("/")[0]


class Decontaminator:
    """Indexes of some benchmarks, ready to be asked. Make one with `load`, or from benchmarks at hand."""

    def __init__(self, benchmarks: Sequence[Benchmark]) -> None:
        tasks = [task for benchmark in benchmarks for task in benchmark.tasks]
        texts = [(task.id, text) for task in tasks for text in task.texts]
        codes = [(task.id, code) for task in tasks for code in task.codes]
        strings = texts + codes
        prose = [
            (task, found) for task, text in texts if len(found := _WORD.findall(_prose(text).lower())) >= GRAM_TOKENS
        ]
        programs = [(task, found) for task, code in codes if len(found := code_tokens(code.lower())) >= MIN_CODE_TOKENS]
        self._strings = BannedStrings([string for _, string in strings])
        self._string_texts = [string for _, string in strings]
        self._string_tasks = [task for task, _ in strings]
        self._prose = GramIndex(GRAM_TOKENS, [found for _, found in prose])
        self._prose_tasks = [task for task, _ in prose]
        self._programs = GramIndex(GRAM_TOKENS, [found for _, found in programs])
        self._program_tasks = [task for task, _ in programs]

    @staticmethod
    def load(benchmarks: Sequence[str] | None = None) -> "Decontaminator":
        """With the named benchmarks, or with all that have an index. Raises UnknownBenchmark, BadBenchmarkFile."""
        return Decontaminator(load_benchmarks(benchmarks))

    @staticmethod
    def pinned(versions: Mapping[str, str]) -> "Decontaminator":
        """With the versions, by name, that a run pinned.

        Raises UnknownBenchmark, BenchmarkChanged, BadBenchmarkFile.
        """
        return Decontaminator(load_pinned(versions))

    def find(self, text: str) -> Hit | None:
        """The task that this text (an instruction, a response, a seed, or several of them) gives away, or None."""
        lowered = text.lower()
        number = self._strings.find(lowered, lowered.split())
        if number is not None:
            return Hit(self._string_tasks[number], Rule.STRING, _shortened(self._string_texts[number]))
        return _covered(self._prose, _WORD.findall(lowered), WORDS_PART, self._prose_tasks, Rule.WORDS) or _covered(
            self._programs, code_tokens(lowered), CODE_PART, self._program_tasks, Rule.CODE
        )


def _covered(index: GramIndex, tokens: list[str], part: float, tasks: list[str], rule: Rule) -> Hit | None:
    best = index.most_covered(tokens)
    if best is None or best.part < part:
        return None
    return Hit(tasks[best.number], rule, _shortened(" ".join(best.gram)))


def _prose(text: str) -> str:
    """A description without its doctest examples."""
    kept: list[str] = []
    in_example = False
    for line in text.split("\n"):
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        if not in_example:
            kept.append(line)
    return "\n".join(kept)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT_CHARACTERS else line[: _EXCERPT_CHARACTERS - 1] + "…"
