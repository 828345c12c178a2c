"""Bash: both texts as they are, but that conditions that can fail the tests are counted.

Those are commands `[[ … ]]`, `[ … ]`, `test …`, `(( … ))`, `diff`, `cmp` and `grep -q` at the start of a line, and `if`
with one of these and an `exit`, `return` or `false` in its block.
"""

import re

CHECK = re.compile(
    r"^([ \t]*(?:if[ \t]+)?)((?:![ \t]+)?(?:\[\[?|test|\(\(|diff|cmp|grep[ \t]+-\w*q\w*)(?=[ \t(!$\"']))"
)
FAILS = re.compile(r"\b(?:exit|return)[ \t]+(?!0\b)\S|\bfalse\b|\bfail\b", re.IGNORECASE)
CONTINUED = re.compile(r"(?:\|\||&&|\\|\|)\s*$")
LAST_EXIT = re.compile(r"^[ \t]*exit(?:[ \t]+0)?[ \t]*;?\s*\Z", re.MULTILINE)


def assemble(solution, tests, source_text, files):
    tests = LAST_EXIT.sub("", tests)
    lines = tests.split("\n")
    here = ""
    for index, line in enumerate(list(lines)):
        if here:
            here = "" if line.strip() == here else here
            continue
        found = CHECK.match(line)
        continued = index > 0 and CONTINUED.search(lines[index - 1]) is not None
        if found and not continued and (not found[1].strip() or FAILS.search(_block(lines, index))):
            lines[index] = f"{found[1]}seedmill_counted && {line[found.end(1) :]}"
        opened = re.search(r"<<-?[ \t]*([\"']?)(\w+)\1", line)
        here = opened[2] if opened else ""
    return {"solution": solution, "tests": "\n".join(lines)}


def _block(lines, index):
    """From an `if` to its `fi`."""
    depth, kept = 0, []
    for line in lines[index:]:
        kept.append(line)
        depth += len(re.findall(r"(?:^|[;\s])if\b", line)) - len(re.findall(r"(?:^|[;\s])fi\b", line))
        if depth <= 0:
            break
    return "\n".join(kept)
