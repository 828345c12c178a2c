"""Licences as SPDX expressions, and whether a list of allowed ids covers one.

`A OR B` is covered when either is, `A AND B` when both are. An exception (`A WITH E`) only adds permissions, so `A` in
the list covers it; an `A+` is covered by `A`. What is no expression is not guessed at: it is an unknown licence.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_SPDX_IDS = (
    "0BSD",
    "AFL-3.0",
    "AGPL-3.0",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.1",
    "Apache-2.0",
    "Artistic-1.0",
    "Artistic-2.0",
    "BlueOak-1.0.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-4-Clause",
    "BSL-1.0",
    "BUSL-1.1",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "CECILL-2.1",
    "CNRI-Python",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.2",
    "GPL-2.0",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ISC",
    "LGPL-2.1",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-1.1",
    "MPL-2.0",
    "MS-PL",
    "MulanPSL-2.0",
    "NCSA",
    "OFL-1.1",
    "PSF-2.0",
    "PostgreSQL",
    "Python-2.0",
    "Ruby",
    "UPL-1.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Vim",
    "W3C",
    "WTFPL",
    "Zlib",
    "ZPL-2.1",
)
_CANONICAL = {name.lower(): name for name in _SPDX_IDS} | {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache2": "Apache-2.0",
    "bsd-2": "BSD-2-Clause",
    "bsd-3": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "the unlicense": "Unlicense",
}
_TOKEN = re.compile(r"\s*(\(|\)|[A-Za-z0-9][A-Za-z0-9.\-+:]*)")
_MAX_EXPRESSION = 2000


class BadExpression(ValueError):
    """Not an SPDX licence expression."""


@dataclass(frozen=True, slots=True)
class License:
    """One licence by SPDX id, with its exception if it has one."""

    id: str
    exception: str = ""


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Expression", ...]


Expression = License | AllOf | AnyOf


def canonical_id(name: str) -> str:
    """The SPDX spelling of an id as corpora write it (`mit`, `apache-2.0`); one that is not known stays as it is."""
    return _CANONICAL.get(name.strip().lower(), name.strip())


def is_known_id(name: str) -> bool:
    """Whether this is the SPDX spelling of a licence in our list, so that a word is not taken for a licence."""
    return _CANONICAL.get(name.removesuffix("+").lower()) == name.removesuffix("+")


def parse(expression: str) -> Expression:
    """An SPDX licence expression as a tree. Raises BadExpression."""
    if len(expression) > _MAX_EXPRESSION:
        raise BadExpression(f"longer than {_MAX_EXPRESSION} characters")
    tokens = list(_tokens(expression))
    tree, rest = _any_of(tokens, 0)
    if rest != len(tokens):
        raise BadExpression(f"unexpected {tokens[rest]!r} in {expression!r}")
    return tree


def canonical_expression(text: str) -> str:
    """`text` in SPDX spelling, or empty when it is no expression (an unknown licence)."""
    if (alias := _CANONICAL.get(text.strip().lower())) is not None:
        return alias
    try:
        return render(parse(text))
    except BadExpression:
        return ""


def render(expression: Expression) -> str:
    """The tree as text, with parentheses only where they are needed."""
    match expression:
        case License(id, ""):
            return id
        case License(id, exception):
            return f"{id} WITH {exception}"
        case AllOf(parts):
            return " AND ".join(f"({render(part)})" if isinstance(part, AnyOf) else render(part) for part in parts)
        case AnyOf(parts):
            return " OR ".join(render(part) for part in parts)


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Whether the allowed ids cover the expression. What does not parse is not allowed."""
    names = {canonical_id(name) for name in allowed}
    try:
        return _covered(parse(expression), names)
    except BadExpression:
        return False


def _covered(expression: Expression, allowed: Collection[str]) -> bool:
    match expression:
        case License(id, exception):
            return id in allowed or id.removesuffix("+") in allowed or f"{id} WITH {exception}" in allowed
        case AllOf(parts):
            return all(_covered(part, allowed) for part in parts)
        case AnyOf(parts):
            return any(_covered(part, allowed) for part in parts)


def _tokens(expression: str) -> Iterator[str]:
    position = 0
    text = expression.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise BadExpression(f"unexpected {text[position : position + 20]!r}")
        yield found[1]
        position = found.end()


def _any_of(tokens: list[str], at: int, depth: int = 0) -> tuple[Expression, int]:
    return _chain(tokens, at, depth, "OR")


def _chain(tokens: list[str], at: int, depth: int, operator: str) -> tuple[Expression, int]:
    parts: list[Expression] = []
    while True:
        part, at = _chain(tokens, at, depth, "AND") if operator == "OR" else _single(tokens, at, depth)
        parts.append(part)
        if at == len(tokens) or tokens[at].upper() != operator:
            break
        at += 1
    if len(parts) == 1:
        return parts[0], at
    return (AnyOf(tuple(parts)) if operator == "OR" else AllOf(tuple(parts))), at


def _single(tokens: list[str], at: int, depth: int) -> tuple[Expression, int]:
    if depth > 20:
        raise BadExpression("nested too deeply")
    if at == len(tokens) or tokens[at] == ")" or tokens[at].upper() in {"AND", "OR", "WITH"}:
        raise BadExpression("a licence id is missing")
    if tokens[at] == "(":
        inner, at = _any_of(tokens, at + 1, depth + 1)
        if at == len(tokens) or tokens[at] != ")":
            raise BadExpression("a parenthesis is not closed")
        return inner, at + 1
    name = canonical_id(tokens[at])
    at += 1
    if at < len(tokens) and tokens[at].upper() == "WITH":
        if at + 1 == len(tokens):
            raise BadExpression("an exception is missing after WITH")
        return License(name, tokens[at + 1]), at + 2
    return License(name), at
