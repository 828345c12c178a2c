"""JavaScript and TypeScript: both texts as they are, but that conditions that can fail the tests are counted.

ES modules become what `harness.js` can run: it loads both as scripts, where `import` and `export` cannot stand.
"""

import re

TEMPLATE = r"`(?:[^`\\]|\\.)*`|'(?:[^'\\\n]|\\.)*'"
FAILS = r"\bthrow\b|\bprocess\s*\.\s*exit\s*\(|\bassert\s*\.\s*fail\s*\("


def assemble(solution, tests, source_text, files):
    hidden = f"{source_text.COMMENTS}|{TEMPLATE}|{source_text.STRING}"
    solution, tests = source_text.closed(solution, tests, hidden)
    blank = source_text.blanked(tests, hidden)
    checks = [(at, "seedmill_counted() && ") for at in source_text.guards(blank, FAILS, parentheses=True)]
    outer = source_text.outline(blank)
    names = re.findall(r"^(?:export\s+)?(?:async\s+)?function\s+(test\w*)\s*\(\s*\)", outer, re.MULTILINE)
    names += re.findall(
        r"^(?:export\s+)?const\s+(test\w*)\s*=\s*(?:async\s*)?(?:\(\s*\)\s*=>|function\b)", outer, re.MULTILINE
    )
    called = [name for name in names if len(re.findall(rf"\b{name}\b", blank)) == 1]
    calls = "".join(f"\nawait {name}();" for name in called)
    return {"solution": solution, "tests": source_text.inserted(tests, checks) + calls}
