"""Go: `solution.go` and `tests.go` of one package, and a `main.go` that calls the tests.

The tests are functions `TestX(t *testing.T)`, or a `main`, or statements alone. Each file gets those imports of both
that it uses, so tests need not repeat what the solution imports, and what nobody uses is no error.
"""

import re

RAW = r"`[^`]*`"
FAILS = r"\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\s*\(|\bpanic\s*\(|\bos\s*\.\s*Exit\s*\("
MAIN = r"\bfunc\s+(main)\s*\(\s*\)"
TEST = r"^func\s+(Test\w*)\s*\(\s*\w+\s+\*\s*testing\s*\.\s*T\s*\)"
LITERAL = r'(?:"(?:[^"\\\n]|\\.)*"|`[^`]*`)'
GROUP = rf"\s*\((?:[^()\"`]|{LITERAL})*\)"
ONE = rf"\s*[\w.]*\s*{LITERAL}"
SPEC = re.compile(r'(?:(\w+|\.)\s*)?["`]([^"`\\\n]+)["`]')
HARNESS = "seedmill"


def assemble(solution, tests, source_text, files):
    hidden = f"{RAW}|{source_text.COMMENTS}|{source_text.STRING}|{source_text.CHARACTER}"
    solution, tests = source_text.closed(solution, tests, hidden)
    imports = {"testing": {""}}
    solution = _without_head(solution, hidden, source_text, imports)
    tests = _without_head(tests, hidden, source_text, imports)
    blank = source_text.blanked(tests, hidden)
    outer = source_text.outline(blank)
    checks = [(at, " seedmill.Counted() && ") for at in source_text.guards(blank, FAILS, parentheses=False)]
    calls, main = "nil", "nil"
    if found := re.findall(TEST, outer, re.MULTILINE):
        calls = "[]testing.InternalTest{" + ", ".join(f'{{"{name}", {name}}}' for name in found) + "}"
    elif found := re.search(MAIN, outer):
        checks.append((found.start(1), "seedmillTests_"))
        main = "seedmillTests_main"
    elif not re.search(r"^func\b", outer, re.MULTILINE):
        checks += [(0, "func seedmillTests() {"), (len(tests), "\n}")]
        main = "seedmillTests"
    tests = source_text.inserted(tests, checks)
    own = [(found.start(1), "seedmillSolution_") for found in re.finditer(MAIN, _outer(solution, hidden, source_text))]
    solution = source_text.inserted(solution, own)
    return {
        "main.go": f'package main; import ("seedmill"; "testing"); var _ testing.TB\n'
        f"func main() {{ seedmill.Main({calls}, {main}) }}\n",
        "solution.go": _file(solution, imports, hidden, source_text),
        "tests.go": _file(
            tests, imports, hidden, source_text, f'import "{HARNESS}"; ', f"\nvar _ = {HARNESS}.Counted\n"
        ),
    }


def _outer(text, hidden, source_text):
    return source_text.outline(source_text.blanked(text, hidden))


def _without_head(text, hidden, source_text, imports):
    """Without comments (and the directives in them), package clause and imports, which go to `imports`: names by path.

    Every import is taken out, also one that is not understood, for none may name the harness.
    """
    text = source_text.without_comments(text, hidden)
    outer = _outer(text, hidden, source_text)
    spans = [found.span() for found in re.finditer(r"^\s*package\s+\w+;?", outer)]
    for found in re.finditer(r"\bimport\b", outer):
        specs = re.compile(GROUP if _is_group(text, found.end()) else ONE).match(text, found.end())
        end = len(text) if specs is None else specs.end()
        for name, path in SPEC.findall(text[found.end() : end]):
            if path != HARNESS:
                imports.setdefault(path, set()).add(name)
        spans.append((found.start(), end))
    return source_text.without(text, spans)


def _is_group(text, at):
    return text[at:].lstrip().startswith("(")


def _file(text, imports, hidden, source_text, own="", end="\n"):
    blank = source_text.blanked(text, hidden)
    used = []
    for path, names in sorted(imports.items()):
        for name in sorted(names):
            word = name or re.sub(r"^v\d+$", "", path.rpartition("/")[2]) or path.split("/")[-2]
            if word in (".", "_") or re.search(rf"\b{word}\s*\.", blank):
                used.append(f'import {name} "{path}"; ')
    return f"package main; {own}{''.join(used)}{text}{end}"
