"""What a docstring says to a person: its description and its first examples, without Sphinx's markup."""

import doctest
import re

MAX_DESCRIPTION_WORDS = 250
SHOWN_EXAMPLES = 3
MAX_SHOWN_LINES = 24

_ROLE = re.compile(r":(?:\w+:)?\w+:`~?(?P<text>[^`<]+?)(?:\s*<[^`>]*>)?`")
_DOUBLE_TICKS = re.compile(r"``(?P<text>[^`]+)``")
_DIRECTIVE = re.compile(r"^\s*\.\. ")
_LEAD_IN = re.compile(
    r"^\W*(?:(?:for )?examples?|(?:basic |example |typical )?usages?|doctests?|tests?|see also|notes?|e\.g\.)\W*$",
    re.IGNORECASE,
)
_UNDERLINE = re.compile(r"^\s*([-=~^*])\1{2,}\s*$")


def description_of(docstring: str) -> str:
    """The prose before the first example, as Markdown; at most 250 words, cut between paragraphs."""
    prose = re.split(r"^[ \t]*>>>(?:\s|$)", docstring, maxsplit=1, flags=re.MULTILINE)[0]
    paragraphs = [cleaned for block in re.split(r"\n\s*\n", prose) if (cleaned := _paragraph(block))]
    while paragraphs and _is_lead_in(paragraphs[-1]):
        paragraphs.pop()
    if paragraphs:
        paragraphs[-1] = _without_lead_in(paragraphs[-1])
    kept: list[str] = []
    words = 0
    for paragraph in paragraphs:
        words += len(paragraph.split())
        if kept and words > MAX_DESCRIPTION_WORDS:
            break
        kept.append(paragraph)
    return "\n\n".join(kept).strip()


def shown_examples(docstring: str) -> str:
    """The first examples of a docstring as it shows them, `>>>` and all; empty when there are none."""
    try:
        examples = doctest.DocTestParser().get_examples(docstring)
    except ValueError:
        return ""
    lines: list[str] = []
    shown = 0
    for example in examples:
        if example.options.get(doctest.SKIP):
            continue
        source = example.source.rstrip("\n").split("\n")
        block = [f"{'...' if at else '>>>'} {line}".rstrip() for at, line in enumerate(source)]
        block += example.want.rstrip("\n").split("\n") if example.want else []
        if shown == SHOWN_EXAMPLES or len(lines) + len(block) > MAX_SHOWN_LINES:
            break
        lines += block
        shown += bool(example.want)
    return "\n".join(lines) if shown else ""


def _paragraph(block: str) -> str:
    lines = block.strip("\n").split("\n")
    if _DIRECTIVE.match(lines[0]):
        return ""
    lines = [line.rstrip() for line in lines if not _UNDERLINE.match(line)]
    text = "\n".join(lines)
    text = _ROLE.sub(lambda match: f"`{match['text'].strip()}`", text)
    text = _DOUBLE_TICKS.sub(lambda match: f"`{match['text']}`", text)
    return re.sub(r"::[ \t]*$", ":", text, flags=re.MULTILINE).rstrip()


def _is_lead_in(paragraph: str) -> bool:
    return _LEAD_IN.match(paragraph) is not None


def _without_lead_in(paragraph: str) -> str:
    """Without a last line such as `Examples:`; a sentence that leads to the examples ends with a full stop instead."""
    lines = paragraph.split("\n")
    while lines and _is_lead_in(lines[-1]):
        lines.pop()
    text = "\n".join(lines)
    return f"{text[:-1]}." if text.endswith(":") else text
