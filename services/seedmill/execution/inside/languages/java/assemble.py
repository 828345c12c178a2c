"""Java: `Solution.java` and `Tests.java`, and a list of their classes.

Both texts are types, or methods alone, which become static methods of a class; the tests may be statements alone. A
class that opens in the solution and closes in the tests (MultiPL-E) makes one file of both. Tests see the solution's
imports and, where it has methods alone, call them by their bare names.
"""

import re

BLOCK = r'"""(?:[^"\\]|\\.|"(?!""))*"""'
FAILS = r"\bthrow\b|\bSystem\s*\.\s*exit\s*\("
TYPE = r"\b(?:class|interface|record|enum)\s+(\w+)"
IMPORT = r"^[ \t]*import\s+[^;]*;"
PACKAGE = r"^\s*package\s+[^;]*;"
METHOD = r"(?:^|(?<=[;{}]))([\s\w<>\[\],.?&@]*?)\s+\w+\s*\([^()]*\)\s*(?:throws\s+[\w\s,.]+)?\{"
COUNTED = "Seedmill.counted() && "


def assemble(solution, tests, source_text, files):
    hidden = f"{BLOCK}|{source_text.COMMENTS}|{source_text.STRING}|{source_text.CHARACTER}"
    solution, tests = source_text.closed(solution, tests, hidden)
    count = solution.count("\n") + 1
    open_class = source_text.open_braces(source_text.blanked(solution, hidden)) > 0
    tests = _counted(tests, hidden, source_text)
    if open_class:
        solution, tests = f"{solution}\n{tests}", ""
    solution, imports = _head(solution, hidden, source_text)
    outer = _outer(solution, hidden, source_text)
    own = re.findall(TYPE, outer)
    base = ""
    if not own:
        solution, own, base = f"class Solution {{ {_static(solution, outer)}\n}}", ["Solution"], " extends Solution"
    tests, more = _head(tests, hidden, source_text)
    outer = _outer(tests, hidden, source_text)
    kinds = re.findall(TYPE, outer)
    if not kinds and not open_class:
        kinds = ["SeedmillTests"]
        methods = re.search(METHOD, outer) is not None
        inside = (
            _static(tests, outer)
            if methods
            else f"public static void main(String[] arguments) throws Throwable {{ {tests}\n}}"
        )
        tests = f"class SeedmillTests{base} {{ {inside}\n}}"
    lines = [f"solution {name}" for name in own] + [f"tests {name}" for name in (own if open_class else kinds)]
    return {
        "Solution.java": f"{imports} {solution}\n",
        "Tests.java": f"{imports} {more} {tests}\n",
        "program.txt": "\n".join([*lines, f"lines {count}", ""]),
    }


def _outer(text, hidden, source_text):
    return source_text.outline(source_text.blanked(text, hidden))


def _counted(tests, hidden, source_text):
    blank = source_text.blanked(tests, hidden)
    checks = [(at, COUNTED) for at in source_text.guards(blank, FAILS, parentheses=True)]
    checks += [(found.end(), f" {COUNTED}") for found in re.finditer(r"\bassert\b(?!\s*[\w.]*\s*[=;])", blank)]
    return source_text.inserted(tests, checks)


def _head(text, hidden, source_text):
    """(the text without package, imports, and `public` before types; the imports on one line)."""
    outer = _outer(text, hidden, source_text)
    imports = [found.span() for found in re.finditer(IMPORT, outer, re.MULTILINE)]
    taken = " ".join(" ".join(text[start:end].split()) for start, end in imports)
    spans = [found.span() for found in re.finditer(PACKAGE, outer)]
    spans += [
        found.span() for found in re.finditer(r"\bpublic\b(?=[\s\w]*?\b(?:class|interface|record|enum)\b)", outer)
    ]
    return source_text.without(text, imports + spans), taken


def _static(text, outer):
    """Methods alone, made static."""
    new = []
    for found in re.finditer(METHOD, outer):
        words = found[1]
        if words.strip() and not re.search(r"\bstatic\b", words):
            at = found.start(1) + len(words) - len(words.lstrip())
            annotations = re.match(r"(?:@\w+\s+)*", words.lstrip())
            new.append(at + annotations.end())
    for at in reversed(new):
        text = text[:at] + "static " + text[at:]
    return text
