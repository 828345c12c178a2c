"""What `assemble.py` of a language may use to look at a program's text, without a parser for each language.

Everything here works on `blanked` text: as long as the text, line for line, with comments and strings made blank.
The compiler has the last word, so a wrong guess here is a compile error or a check that is not counted, not a pass.
"""

import re

COMMENTS = r"//[^\n]*|/\*.*?(?:\*/|\Z)"
STRING = r'"(?:[^"\\\n]|\\.)*"'
CHARACTER = r"'(?:[^'\\\n]|\\[^\n']{1,9}|\\')'"
_VISIBLE = re.compile(r"[^\n]")


def blanked(text, hidden):
    """`hidden` is a pattern for comments, strings and characters of the language, tried from left to right."""
    return re.compile(hidden, re.DOTALL).sub(lambda found: _VISIBLE.sub(" ", found[0]), text)


def without_comments(text, hidden):
    """The text with comments alone made blank."""
    return re.compile(hidden, re.DOTALL).sub(
        lambda found: _VISIBLE.sub(" ", found[0]) if found[0].startswith(("//", "/*")) else found[0], text
    )


def outline(blank):
    """Only what stands outside of all braces, and the braces of that level."""
    kept, depth = [], 0
    for character in blank:
        if character == "}":
            depth = max(0, depth - 1)
        kept.append(character if depth == 0 or character == "\n" else " ")
        if character == "{":
            depth += 1
    return "".join(kept)


def open_braces(blank):
    """How many braces are open at the end."""
    return blank.count("{") - blank.count("}")


def closed(solution, tests, hidden):
    """Both, with the braces that open in the solution and close at the start of the tests moved to the solution.

    So are the texts of benchmarks that let a model write the body of a function (MultiPL-E). Lines stay where they are.
    """
    missing = open_braces(blanked(solution, hidden))
    if missing <= 0:
        return solution, tests
    found = re.match(rf"\s*(?:\}}\s*){{1,{missing}}}", tests)
    if found is None:
        return solution, tests
    return solution + " " + "}" * found[0].count("}"), found[0].replace("}", " ") + tests[found.end() :]


def ends(blank, opening="([{", closing=")]}"):
    """The index of the bracket that closes each opening one, by index."""
    found, stack = {}, []
    for index, character in enumerate(blank):
        if character in opening:
            stack.append(index)
        elif character in closing and stack:
            found[stack.pop()] = index
    return found


def guards(blank, fails, *, parentheses):
    """Where the conditions begin whose block can fail the tests: after `if (`, or without parentheses after `if`.

    `fails` is a pattern for what fails them. Without parentheses a condition may follow a statement (`if x := f(); x`).
    """
    pairs = ends(blank)
    found = []
    for match in re.finditer(r"\bif\b(?:\s+constexpr\b)?\s*", blank):
        at = match.end()
        if parentheses:
            if at >= len(blank) or blank[at] != "(" or at not in pairs:
                continue
            start, body = at + 1, pairs[at] + 1
        else:
            start, body = _header(blank, at, pairs)
        if body is not None and re.search(fails, blank[body : _block_end(blank, body, pairs)]):
            found.append(start)
    return found


def _header(blank, at, pairs):
    start, index = at, at
    while index < len(blank) and blank[index] != "{":
        if blank[index] == ";":
            start = index + 1
        index = pairs.get(index, index) + 1
    if index >= len(blank) or re.match(r"\s*let\b", blank[start:index]):
        return start, None
    return start, index


def _block_end(blank, body, pairs):
    index = body
    while index < len(blank) and blank[index].isspace():
        index += 1
    if index < len(blank) and blank[index] == "{":
        return pairs.get(index, len(blank))
    while index < len(blank) and blank[index] not in ";}":
        index = pairs.get(index, index) + 1
    return index


def inserted(text, insertions):
    """The text with each (index, text) put in."""
    parts, last = [], 0
    for index, new in sorted(insertions):
        parts += [text[last:index], new]
        last = index
    return "".join([*parts, text[last:]])


def without(text, spans):
    """The text with each (start, end) made blank; lines stay where they are."""
    for start, end in spans:
        text = text[:start] + _VISIBLE.sub(" ", text[start:end]) + text[end:]
    return text
