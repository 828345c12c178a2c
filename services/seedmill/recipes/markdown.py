"""Code fences in a teacher's Markdown.

Follows CommonMark where teachers do, and is milder where they are not: a fence may be indented, as in a list, and its
text loses that indentation. A longer fence holds shorter ones. A fence that is never closed runs to the end.
"""

import re
from dataclasses import dataclass

PYTHON_TAGS = frozenset({"python", "python3", "py", "py3"})

_OPEN = re.compile(r"(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
_TAG = re.compile(r"[ \t]*\{?\.?(?P<tag>[\w+#-]+)")
_MAX_CLOSING_INDENT = 3


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block. `tag` is lower-case and empty when there is none; lines are 0-based, `end` is behind the last."""

    tag: str
    text: str
    closed: bool
    start: int
    end: int

    @property
    def is_python(self) -> bool:
        return self.tag in PYTHON_TAGS


def lines_of(text: str) -> list[str]:
    """Lines by newline alone: form feeds and other separators of `splitlines` occur inside code."""
    return text.replace("\r\n", "\n").split("\n")


def find_fences(text: str) -> list[Fence]:
    """All fenced blocks, in order."""
    lines = lines_of(text)
    found: list[Fence] = []
    at = 0
    while at < len(lines):
        opening = _OPEN.match(lines[at])
        if opening is None:
            at += 1
            continue
        end = _closing(lines, at + 1, opening)
        closed = end < len(lines)
        body = [_dedent(line, len(opening["indent"])) for line in lines[at + 1 : end]]
        found.append(Fence(_tag(opening["info"]), "\n".join(body), closed, at, min(end + 1, len(lines))))
        at = end + 1
    return found


def python_code(text: str) -> str | None:
    """The Python of a text, as one program; None when there is none or it cannot be told.

    Blocks tagged as Python count, joined by a blank line; blocks of other tags (shell, output) never do. Where no block
    has a tag, a single one is taken for Python.
    """
    fences = find_fences(text)
    tagged = [fence for fence in fences if fence.is_python]
    if not tagged and len(fences) == 1 and not fences[0].tag:
        tagged = fences
    code = "\n\n".join(fence.text.strip("\n") for fence in tagged if fence.text.strip())
    return code or None


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    lines = lines_of(text)
    for fence in reversed(find_fences(text)):
        del lines[fence.start : fence.end]
    return "\n".join(lines)


def fenced(code: str, tag: str) -> str:
    """The code in a fence that nothing inside it can close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    mark = "`" * (longest + 1)
    return f"{mark}{tag}\n{code.strip(chr(10))}\n{mark}"


def _closing(lines: list[str], start: int, opening: re.Match[str]) -> int:
    mark = opening["mark"]
    for at in range(start, len(lines)):
        text = lines[at].strip(" \t")
        indent = len(lines[at]) - len(lines[at].lstrip(" \t"))
        same = len(text) >= len(mark) and not text.strip(mark[0])
        if same and indent <= len(opening["indent"]) + _MAX_CLOSING_INDENT:
            return at
    return len(lines)


def _tag(info: str) -> str:
    match = _TAG.match(info)
    return match["tag"].lower() if match else ""


def _dedent(line: str, width: int) -> str:
    lead = len(line) - len(line.lstrip(" \t"))
    return line[min(lead, width) :]
