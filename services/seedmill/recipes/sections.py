"""Section markers in a teacher's answer, such as `[Solution]` or `### Tests`.

A marker stands at the start of a line outside code fences (Magicoder takes it anywhere, which splits prose that
mentions it). Its forms, in any case:

    bracketed   [Tests]   <tests>   ### [Tests]   **[Tests]**   [Tests]: text
    heading     ### Tests   ## Tests:   # **Tests**   ### Tests 2   ## Tests: text
    bold        **Tests**   **Tests:**   __Tests__:   **Tests:** text
    plain       Tests:                       (alone on its line)

Text behind a marker on the same line belongs to its section. Where a name occurs bracketed, its other forms are text:
an answer may have a heading "Tests" of its own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from seedmill.recipes.markdown import find_fences, lines_of


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker: which section begins, the 0-based line it stands on, and the text behind it."""

    section: str
    line: int
    rest: str
    bracketed: bool


@dataclass(frozen=True, slots=True)
class Sections:
    """The markers of a text in order, and the text between them."""

    lines: tuple[str, ...]
    markers: tuple[Marker, ...]

    def all(self, section: str) -> list[Marker]:
        return [marker for marker in self.markers if marker.section == section]

    def first(self, section: str) -> Marker | None:
        return next(iter(self.all(section)), None)

    def text(self, start: Marker | None, end: Marker | None) -> str:
        """The text behind `start` (None: from the beginning) up to `end` (None: to the end), stripped."""
        lines = [] if start is None else [start.rest]
        lines += self.lines[0 if start is None else start.line + 1 : len(self.lines) if end is None else end.line]
        return "\n".join(lines).strip()


def find_sections(text: str, names: Mapping[str, Sequence[str]]) -> Sections:
    """Find the markers of these sections; `names` maps a section to the words that mark it."""
    lines = tuple(lines_of(text))
    inside = {at for fence in find_fences(text) for at in range(fence.start, fence.end)}
    sections = {word: section for section, words in names.items() for word in words}
    pattern = _pattern(tuple(sorted(sections, key=len, reverse=True)))
    found = [
        marker
        for at, line in enumerate(lines)
        if at not in inside and (marker := _marker(at, pattern.match(line), sections)) is not None
    ]
    strong = {marker.section for marker in found if marker.bracketed}
    return Sections(lines, tuple(m for m in found if m.bracketed or m.section not in strong))


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(re.escape(word).replace(r"\ ", "[ \t]++") for word in words)
    return re.compile(
        # Possessive quantifiers keep it linear on a line of spaces.
        rf"""[ ]{{0,3}} (?![ \t]) (?P<hashes>\#{{1,6}}[ \t]*+)?+ (?P<open>\*\*|__)?+ [ \t]*+
        (?: \[[ \t]*+(?P<bracket>{names})[ \t]*+\](?!\() | <[ \t]*+(?P<tag>{names})[ \t]*+>
          | (?P<word>{names})(?![^\W_]) (?:[ \t]\d{{1,3}}\b)?+ )
        [ \t]*+ (?P<colon>:)?+ [ \t]*+ (?P<close>\*\*|__)?+ [ \t]*+ (?P<late_colon>:)?+ [ \t]*+ (?P<rest>.*)$""",
        re.IGNORECASE | re.VERBOSE | re.DOTALL,
    )


def _marker(at: int, match: re.Match[str] | None, sections: Mapping[str, str]) -> Marker | None:
    if match is None:
        return None
    bracketed = match["bracket"] or match["tag"]
    rest = match["rest"].rstrip("# \t") if match["hashes"] else match["rest"].rstrip()
    if bracketed is None:
        colon = match["colon"] or match["late_colon"]
        decorated = match["hashes"] or (match["open"] and match["close"])
        if rest and not (decorated and colon):
            return None
        if not decorated and not colon:
            return None
    word = " ".join((bracketed or match["word"]).lower().split())
    return Marker(sections[word], at, rest, bracketed is not None)
