"""What every driver is told and what it tells: `{"rows": N}` as its last line. A plain program of another Python."""

import argparse
import json
import sys
from pathlib import Path


def options() -> argparse.Namespace:
    """`prompts` are the texts, one row each; `folder` is what the tool keeps its state in, between two starts too."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--prompts", required=True, type=Path)
    parser.add_argument("--at-once", required=True, type=int)
    parser.add_argument("--timeout", required=True, type=float)
    given = parser.parse_args()
    given.prompts = [json.loads(line) for line in given.prompts.read_text().splitlines()]
    return given


def made(rows: int) -> None:
    """Say how many rows have an answer."""
    sys.stdout.write("\n" + json.dumps({"rows": rows}) + "\n")
