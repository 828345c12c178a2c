"""report.html: one file that shows what a dataset is and how it came about; it opens from `file://` and asks nobody.

The page allows nothing but its own style and its own script (by digest), so that even text that slipped through
escaping could not run. It works without the script; that only filters examples and switches the colours.
"""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seedmill.aggregation import wording
from seedmill.aggregation.charts import bars, funnel, histogram
from seedmill.aggregation.code_markup import Segment, code, segments
from seedmill.aggregation.published import Example, Facts, PublishedRow, Tally
from seedmill.aggregation.statistics import Statistics, median
from seedmill.records.verdict import Verdict

FILE_NAME = "report.html"
_TEMPLATES = Path(__file__).parent / "templates"
_SHOWN_PROJECTS = 12

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=True,
)
_ENVIRONMENT.filters["thousands"] = lambda number: f"{number:,}"
_ENVIRONMENT.filters["words"] = lambda name: str(name).replace("_", " ")


@dataclass(frozen=True, slots=True)
class Shown:
    """A candidate as the report shows it: `blocks` are titled pieces of text, `facts` short words about it."""

    title: str
    badge: str
    kind: str
    blocks: list[tuple[str, list[Segment]]]
    facts: list[str]


def write_report(folder: Path, facts: Facts, tally: Tally, statistics: Statistics) -> None:
    """Write report.html into the folder."""
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    values: dict[str, Any] = {
        "facts": facts,
        "tally": tally,
        "statistics": statistics,
        "style": Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704  our own file
        "script": Markup(script),  # noqa: S704  our own file
        "script_digest": b64encode(sha256(script.encode()).digest()).decode(),
        "recipe_title": wording.recipe_title(facts.recipe),
        "end_sentence": wording.end_sentence(facts, tally),
        "stopped_sentence": wording.stopped_sentence(tally),
        "funnel": funnel(tally.steps),
        "rejected_bars": bars(wording.by_count(tally.ledger.rejected.items())),
        "failed_bars": bars(wording.by_count(tally.ledger.failed.items())),
        "languages": bars(wording.by_count(statistics.languages.items())),
        "licenses": bars(wording.by_count(statistics.licenses.items())),
        "verdict_kinds": bars(wording.by_count(statistics.verdict_kinds.items())),
        "projects": sorted(statistics.projects.items(), key=lambda each: (-each[1].rows, each[0]))[:_SHOWN_PROJECTS],
        "more_projects": max(0, len(statistics.projects) - _SHOWN_PROJECTS),
        "instruction_words": histogram(statistics.instruction_words),
        "response_lines": histogram(statistics.response_lines),
        "median_words": median(statistics.instruction_words),
        "median_lines": median(statistics.response_lines),
        "hits": tally.contamination_hits,
        "not_checked": wording.not_checked(facts, runs_code=bool(statistics.verdict_kinds)),
        "accepted_examples": [_accepted(each) for each in statistics.examples],
        "rejected_examples": [_rejected(each) for each in tally.rejected],
        "reasons": sorted({each.reason for each in tally.rejected}),
        "percent": wording.percent,
    }
    page = _ENVIRONMENT.get_template("report.html.j2").render(values)
    (folder / FILE_NAME).write_text(page, encoding="utf-8", newline="\n")


def verdict_line(verdict: Verdict) -> str:
    """A verdict on one line."""
    parts = [f"{verdict.status.value} ({verdict.kind.value.lower()} verdict)"]
    if verdict.asserts_run:
        parts.append(f"{verdict.asserts_run} assertion{'s' if verdict.asserts_run > 1 else ''} run")
    if verdict.downgrade:
        parts.append(f"not strict: {verdict.downgrade}")
    if verdict.reason:
        parts.append(verdict.reason)
    return ", ".join(parts)


def _accepted(published: PublishedRow) -> Shown:
    row, lineage = published.row, published.lineage
    blocks = [
        ("Instruction", segments(row.instruction, row.language)),
        ("Response", segments(row.response, row.language)),
    ]
    if row.tests:
        blocks.append(("Tests", [Segment(True, code(row.tests, row.language))]))
    facts = [f"from {wording.place_of(lineage.seed)}", f"licence {lineage.seed.source.license or 'unknown'}"]
    if lineage.verdict is not None:
        facts.append(verdict_line(lineage.verdict))
    if lineage.pass_rate is not None:
        rate = lineage.pass_rate
        censored = ", sampling stopped at the first pass" if rate.censored else ""
        facts.append(f"{rate.parts_passed} of {rate.parts_sampled} responses passed{censored}")
    return Shown(_title(row.instruction), row.language, "accepted", blocks, facts)


def _rejected(example: Example) -> Shown:
    blocks = [(title, segments(text, example.language)) for title, text in example.texts]
    facts = [f"at step {example.step}"] if example.step else []
    facts += [each for each in (example.detail, example.verdict) if each]
    text = example.texts[0][1] if example.texts else f"sample {example.sample}"
    return Shown(_title(text), example.reason, example.outcome, blocks, facts)


def _title(text: str) -> str:
    """The first line that says something, without marks of code."""
    lines = (line.strip() for line in text.splitlines())
    line = next((each for each in lines if each and not each.startswith(("```", "~~~", "#!"))), "(empty)").replace(
        "`", ""
    )
    return line if len(line) <= 140 else f"{line[:139]}…"
