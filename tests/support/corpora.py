"""A small corpus of documented functions, all different, under a licence."""

import json
from pathlib import Path

from seedmill.records.randomness import Draw
from support.scripted_answers import WORDS


def write_functions(path: Path, count: int) -> Path:
    """`count` documented functions as JSONL that the static filters of Self-OSS-Instruct let through."""
    with path.open("w") as file:
        for number in range(count):
            draw = Draw("corpus", number)
            name = "_".join(draw.sample(WORDS, 2)) + f"_{number}"
            words = " ".join(draw.choice(WORDS) for _ in range(12))
            text = (
                f"def {name}(items, limit):\n"
                f'    """Return the {draw.choice(WORDS)} items below the limit: {words}."""\n'
                f"    found = []\n    for item in items:\n        if item * {draw.below(90) + 2} < limit:\n"
                f"            found.append(item + {draw.below(900)})\n    return found\n"
            )
            row = {"content": text, "path": f"src/{name}.py", "repo": f"team/{draw.choice(WORDS)}", "license": "MIT"}
            file.write(json.dumps(row) + "\n")
    return path
