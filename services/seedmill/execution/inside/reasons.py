"""One line that says why, the same on every run: no addresses, no paths that change, no process ids."""

import re

LONGEST = 300
_CHANGES = re.compile(r"(?: at)? 0x[0-9a-fA-F]{4,}|/tmp/[\w./-]+|\bpid[ =]\d+", re.ASCII)
_BLANK = re.compile(r"\s+")
FILES = {"<solution>": "solution", "<tests>": "tests"}


def one_line(text):
    """Cut, joined and without what differs between runs."""
    text = _BLANK.sub(" ", _CHANGES.sub("", text[: 20 * LONGEST])).strip()
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def why(error, tests=""):
    """`AssertionError in tests line 3: add(1, 2) == 4`. The line is the innermost one of the tests, or the solution."""
    name = type(error).__name__
    if isinstance(error, SyntaxError) and error.filename in FILES:
        return one_line(f"{name} in {FILES[error.filename]} line {error.lineno}: {error.msg}")
    try:
        message = str(error)
    except BaseException as problem:  # a str() of its own that raises, or a solution that is gone
        message = f"(no message: {type(problem).__name__})"
    place = ""
    trace = error.__traceback__
    found = {}
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file in FILES:
            found[file] = trace.tb_lineno
        trace = trace.tb_next
    for file in ("<tests>", "<solution>"):
        if file in found:
            place = f" in {FILES[file]} line {found[file]}"
            if file == "<tests>" and isinstance(error, AssertionError) and not message:
                message = _statement(tests, found[file])
            break
    return one_line(f"{name}{place}: {message}" if message else f"{name}{place}")


def _statement(tests, line):
    lines = tests.split("\n")
    text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return text.removeprefix("assert ")
