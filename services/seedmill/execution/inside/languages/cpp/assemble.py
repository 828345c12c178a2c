"""C++: one file, solution before tests, each with its own lines.

The tests have a `main`, or functions `void test…()` or `bool test…()`, or are statements alone. Their `#include` lines
come first, since `<cassert>` would take back the assertion that counts.
"""

import re

HIDDEN = r'R"([^\s()\\]{0,16})\(.*?\)\1"'
ASSERT = (
    "#undef assert\n#define assert(...) (static_cast<bool>(__VA_ARGS__) ? seedmill_counted() : "
    "(seedmill_failed(#__VA_ARGS__, __LINE__), false))\n"
)
FAILS = r"\bthrow\b|\babort\s*\(|\bexit\s*\(|\breturn\s+(?:1|-1|false|EXIT_FAILURE)\b"
MAIN = r"\bmain\s*\("
TEST = r"^[ \t]*(?:static\s+|inline\s+)*(void|bool)\s+(test\w*)\s*\(\s*(?:void)?\s*\)\s*\{"


def assemble(solution, tests, source_text, files):
    hidden = f"{HIDDEN}|{source_text.COMMENTS}|{source_text.STRING}|{source_text.CHARACTER}"
    solution, tests = source_text.closed(solution, tests, hidden)
    blank = source_text.blanked(tests, hidden)
    includes = [found.span() for found in re.finditer(r"^[ \t]*#[ \t]*include\b[^\n]*", blank, re.MULTILINE)]
    lines = [tests[start:end].strip() for start, end in includes]
    checks = [(at, "seedmill_counted() && ") for at in source_text.guards(blank, FAILS, parentheses=True)]
    # Both change the text: what is taken out has no condition in it, so the places of the checks stay.
    tests = source_text.inserted(source_text.without(tests, includes), checks)
    outer = source_text.outline(blank)
    if re.search(MAIN, outer):
        main = ""
    elif found := re.findall(TEST, outer, re.MULTILINE):
        calls = [f"assert({name}());" if kind == "bool" else f"{name}();" for kind, name in found]
        main = f"int main() {{ {' '.join(calls)} return 0; }}"
    else:
        tests, main = f"int main() {{ {tests}\n}}", ""
    own_main = re.search(MAIN, source_text.outline(source_text.blanked(solution, hidden))) is not None
    before, after = ("#define main seedmill_solution_main\n", "#undef main\n") if own_main else ("", "")
    parts = [*lines, f'{before}#line 1 "solution"', solution, f'{after}{ASSERT}#line 1 "tests"', tests]
    return {"main.cpp": "\n".join([*parts, '#line 1 "seedmill"', main, ""])}
