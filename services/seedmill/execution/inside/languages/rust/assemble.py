"""Rust: one file, the solution in a module, the tests in a module of that one, so that they see what is private.

The tests have a `main`, or functions with `#[test]`, or are statements alone. The module's macros `assert…` count; they
come after the solution, which cannot take their names.
"""

import re

RAW = r'b?r(#{0,8})".*?"\1|b?"(?:[^"\\]|\\.)*"'
CHARACTER = r"b?'(?:[^'\\\n]|\\[^\n']{1,9}|\\')'"
FAILS = r"\bpanic\s*!|\bprocess\s*::\s*(?:exit|abort)\s*\("
MAIN = r"\bfn\s+main\s*\("
TEST = r"#\s*\[\s*test\s*\]((?:\s*#\s*\[[^\]]*\])*)\s*(?:pub(?:\s*\([^)]*\))?\s+)?fn\s+(\w+)"
MACROS = "use crate::seedmill::counted as seedmill_counted; " + "".join(
    f"#[allow(unused_macros)] macro_rules! {name} "
    f"{{ ($($t:tt)*) => {{{{ ::core::{name}!($($t)*); seedmill_counted(); }}}} }} "
    for name in ("assert", "assert_eq", "assert_ne")
)


def assemble(solution, tests, source_text, files):
    hidden = f"{RAW}|{source_text.COMMENTS}|{CHARACTER}"
    solution, tests = source_text.closed(solution, tests, hidden)
    solution, tests = _as_module(solution, hidden, source_text), _as_module(tests, hidden, source_text)
    blank = source_text.blanked(tests, hidden)
    outer = source_text.outline(blank)
    checks = [(at, "seedmill_counted() && ") for at in source_text.guards(blank, FAILS, parentheses=False)]
    calls = []
    for found in re.finditer(TEST, blank):
        path = "::".join([*_modules(blank, found.start(), source_text), found[2]])
        panics = str("should_panic" in found[1]).lower()
        calls.append(f'crate::seedmill::run("{path}", {panics}, || {{ let _ = {path}(); }});')
    tests = source_text.inserted(tests, checks)
    tests = re.sub(r"#\s*\[\s*cfg\s*\(\s*test\s*\)\s*\]", lambda found: " " * len(found[0]), tests)
    tests = re.sub(r"#(\s*)\[\s*test\s*\]|#\s*\[\s*should_panic[^\]]*\]", _as_long, tests)
    if calls:
        tests = re.sub(
            r"\bfn\b(?=\s+(?:" + "|".join(name for _, name in re.findall(TEST, blank)) + r")\s*\()", "pub fn", tests
        )
        tests = re.sub(r"\bpub(?:\s*\([^)]*\))?\s+pub fn\b", "pub fn", tests)
    elif re.search(MAIN, outer):
        calls = ["let _ = main();"]
    else:
        tests, calls = f"fn seedmill_statements() {{ {tests}\n}}", ["seedmill_statements();"]
    entry = f"pub fn seedmill_entry() {{ {' '.join(calls)} }} }} }}"
    start = f"mod seedmill_tests {{ use super::*; {MACROS}"
    harness = files["harness.rs"].replace("@LINES@", str(solution.count("\n") + 1))
    return {"main.rs": f"mod solution {{ {solution}\npub {start}{tests}\n{entry}\n{harness}"}


def _as_module(text, hidden, source_text):
    """What stands at the root of a crate only, made fit for a module."""
    blank = source_text.blanked(text, hidden)
    spans = [found.span() for found in re.finditer(r"#\s*!\s*\[[^\]]*\]", blank)]
    text = source_text.without(text, spans)
    paths = [(found.end(), "solution::") for found in re.finditer(r"(?<!\$)\bcrate\s*::\s*", blank)]
    return re.sub(r"//!|/\*!", lambda found: found[0][:2] + " ", source_text.inserted(text, paths))


def _modules(blank, at, source_text):
    pairs = source_text.ends(blank)
    found = re.finditer(r"\bmod\s+(\w+)\s*(?=\{)", blank)
    return [each[1] for each in found if each.end() < at < pairs.get(each.end(), len(blank))]


def _as_long(found):
    return " " * len(found[0])
