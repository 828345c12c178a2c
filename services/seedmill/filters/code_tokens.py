"""Code as tokens in which names do not count, so that a copy with renamed variables is still the same code.

Works on any text by one regular expression, without a parser: model output is often no valid program, and prose around
it must not matter. Names that someone may choose become one token; keywords, Python's built-in functions, numbers,
operators, string contents and attributes (`.append`) stay. Comments, triple-quoted strings and layout are left out.
"""

import builtins
import keyword
import re

_TOKEN = re.compile(
    r"[^\W\d]\w*|\.[^\W\d]\w*|\d\w*(?:\.\d+)?"
    r"|\"\"\".*?\"\"\"|'''.*?'''|\#[^\n]*"
    r"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
    r"|\*\*|//|[-+*/%<>=!&|^]=|->|[^\s\w]",
    re.DOTALL,
)
_NAME = "name"
_KNOWN = {word.lower() for word in (*keyword.kwlist, *dir(builtins), "self", "cls")}
_MAX_CACHED = 1 << 16


class _Kinds(dict[str, str]):
    """What a token counts as, remembered; "" leaves it out."""

    def __missing__(self, token: str) -> str:
        if len(self) > _MAX_CACHED:
            self.clear()
        kind = self[token] = _kind(token)
        return kind


def _kind(token: str) -> str:
    if token.startswith(('"""', "'''", "#")):
        return ""
    if token[0] in "\"'" and len(token) > 1:
        return '"' + token[1:-1]
    if token[0].isdigit() or token in _KNOWN or not (token[0].isalpha() or token[0] == "_"):
        return token
    return _NAME


_kinds = _Kinds()


def code_tokens(lowered: str) -> list[str]:
    """The tokens of a text that is given in lower case."""
    kinds = _kinds
    return [kind for token in _TOKEN.findall(lowered) if (kind := kinds[token])]
