"""The page of `seedmill chaos --json`: one line a trouble, one column a tool.

.venv/bin/seedmill chaos --peer all --json > card.json     (40 minutes)
.venv/bin/python benchmarks/scorecard.py card.json [MORE.json …] [--output benchmarks/chaos.md]
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seedmill.chaos.scenarios import SCENARIOS
from seedmill.chaos.tools import PEERS, SEEDMILL

HEAD = """\
# What breaks, and what it costs

Written by `benchmarks/scorecard.py` from `seedmill chaos --peer all --json`; [docs/chaos.md](../docs/chaos.md) says
what the troubles are and how each tool is driven. A cell is: rows lost of those that can be made, answers paid twice,
seconds, and how often the tool had to be started again. **Bold**: rows were lost, or more was paid twice than may be
(at a SIGKILL the requests in flight), or it did not end in the time it had ({limit} s). {rows} rows each, {window}
requests in flight. Seconds are for orientation: the two cores were shared, and most of them are starting.
"""


def cell(outcome: Mapping[str, Any] | None) -> str:
    """One tool in one trouble."""
    if outcome is None:
        return "not played"
    if "skipped" in outcome:
        return f"skipped: {outcome['skipped']}"
    possible = outcome["rows"] - outcome["refused"]
    parts = [f"{outcome['lost']} of {possible} lost", f"{outcome['paidTwice']} twice", f"{outcome['seconds']:.0f} s"]
    if outcome["starts"] > 1:
        parts.append(f"{outcome['starts'] - 1}x started again")
    if outcome["note"]:
        parts.append(outcome["note"])
    words = ", ".join(parts)
    return words if outcome["good"] else f"**{words}**"


def page(outcomes: Sequence[Mapping[str, Any]], limit: str) -> str:
    found = {(each["scenario"], each["tool"]): each for each in outcomes}
    tools = [name for name in (SEEDMILL, *PEERS) if any(tool == name for _, tool in found)]
    tried = [each for each in outcomes if "skipped" not in each]
    rows = " or ".join(sorted({str(each["rows"]) for each in tried}))
    window = max((each["mayPayTwice"] for each in tried), default=0)
    lines = [
        HEAD.format(rows=rows, window=window, limit=limit),
        f"| trouble | {' | '.join(tools)} |",
        "|---" * (len(tools) + 1) + "|",
    ]
    for scenario in SCENARIOS:
        cells = " | ".join(cell(found.get((scenario.name, tool))) for tool in tools)
        lines.append(f"| {scenario.title} | {cells} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cards", nargs="+", type=Path)
    parser.add_argument("--limit-seconds", default="120", help="What `seedmill chaos` was given, for the page.")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    text = page([outcome for card in options.cards for outcome in json.loads(card.read_text())], options.limit_seconds)
    if options.output:
        options.output.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
