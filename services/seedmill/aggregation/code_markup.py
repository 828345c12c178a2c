"""Text of models and corpora as HTML that cannot do anything: everything is escaped, some of it gets a colour."""

import keyword
import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from seedmill.recipes.markdown import find_fences, lines_of

MAX_CHARACTERS = 6_000

_PYTHON = re.compile(
    r"(?P<string>[rbfRBF]{0,2}(?:\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'))"
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<number>\b\d[\w.]*)"
    r"|(?P<decorator>^[ \t]*@[\w.]+)"
    r"|(?P<word>[^\W\d]\w*)",
    re.DOTALL | re.MULTILINE,
)
_INLINE_CODE = re.compile(r"`([^`\n]+)`")
_KEYWORDS = frozenset(keyword.kwlist)


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a Markdown text: prose, or the inside of a fenced block."""

    is_code: bool
    html: Markup


def segments(markdown: str, language: str) -> list[Segment]:
    """Prose and code of a text in order; code without a tag counts as `language`."""
    text = shortened(markdown)
    lines = lines_of(text)
    found: list[Segment] = []
    position = 0
    for fence in find_fences(text):
        _add_prose(found, lines[position : fence.start])
        found.append(Segment(True, code(fence.text.rstrip("\n"), fence.tag or language)))
        position = fence.end
    _add_prose(found, lines[position:])
    return found


def code(source: str, language: str) -> Markup:
    """Source as HTML; Python with colours."""
    text = shortened(source)
    if language.lower() not in {"python", "py", "python3"}:
        return escape(text)
    parts: list[str] = []
    position = 0
    for token in _PYTHON.finditer(text):
        parts.append(escape(text[position : token.start()]))
        parts.append(_token(token))
        position = token.end()
    parts.append(escape(text[position:]))
    return Markup("").join(parts)


def shortened(text: str) -> str:
    """At most `MAX_CHARACTERS`, with a word about what is left out."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]}\n… ({len(text) - MAX_CHARACTERS:,} more characters)"


def _token(token: re.Match[str]) -> Markup:
    kind = token.lastgroup
    if kind == "word":
        if token[0] not in _KEYWORDS:
            return escape(token[0])
        kind = "keyword"
    return Markup('<span class="t-{}">{}</span>').format(kind, token[0])


def _add_prose(found: list[Segment], lines: list[str]) -> None:
    text = "\n".join(lines)
    if text.strip():
        found.append(Segment(False, _prose(text.strip("\n"))))


def _prose(text: str) -> Markup:
    """Text with `names in backticks` set as code."""
    parts: list[Markup] = []
    position = 0
    for span in _INLINE_CODE.finditer(text):
        parts += [escape(text[position : span.start()]), Markup("<code>{}</code>").format(span[1])]
        position = span.end()
    return Markup("").join([*parts, escape(text[position:])])
