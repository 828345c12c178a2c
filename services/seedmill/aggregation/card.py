"""README.md (the dataset card), ATTRIBUTION.md and the licence texts.

Everything that comes from corpora or models is escaped: a project called `[x](http://…)` must stay a name.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from seedmill.aggregation import wording
from seedmill.aggregation.licensing import hub_names, license_ids, license_text
from seedmill.aggregation.published import Facts, Tally
from seedmill.aggregation.statistics import UNKNOWN_LICENSE, Statistics, median
from seedmill.spec.output import Format

_MARKUP = re.compile(r"([\\`*_\[\]|~#])")
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_DATA_FILES = {Format.PARQUET: "data-*.parquet", Format.MESSAGES: "messages-*.jsonl"}


def markdown_text(value: object) -> str:
    """A value as plain text in Markdown: on one line, without markup, tags or table cells of its own."""
    line = " ".join(str(value).split())
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\1", escaped)


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701  Markdown: the `text` filter escapes
)
_ENVIRONMENT.filters["text"] = markdown_text


def write_card(folder: Path, facts: Facts, tally: Tally, statistics: Statistics) -> None:
    """Write README.md, ATTRIBUTION.md and LICENSES/ into the folder."""
    licenses = license_ids(name for name in statistics.licenses if name != UNKNOWN_LICENSE)
    texts = {license_id: license_text(license_id) for license_id in licenses}
    values: dict[str, Any] = {
        "facts": facts,
        "tally": tally,
        "statistics": statistics,
        "front_matter": yaml.safe_dump(front_matter(facts, statistics), sort_keys=False, allow_unicode=True).rstrip(),
        "has_rows": Format.PARQUET in facts.formats,
        "has_messages": Format.MESSAGES in facts.formats,
        "licenses": wording.by_count(statistics.licenses.items()),
        "projects": sorted(statistics.projects.items()),
        "texts": texts,
        "unknown_license": UNKNOWN_LICENSE,
        "rejected": wording.by_count(tally.ledger.rejected.items()),
        "failed": wording.by_count(tally.ledger.failed.items()),
        "hits": wording.by_count(tally.contamination_hits.items()),
        "median_words": median(statistics.instruction_words),
        "median_lines": median(statistics.response_lines),
        "not_checked": wording.not_checked(facts, runs_code=bool(statistics.verdict_kinds)),
        "recipe_title": wording.recipe_title(facts.recipe),
        "end_sentence": wording.end_sentence(facts, tally),
        "stopped_sentence": wording.stopped_sentence(tally),
        "percent": wording.percent,
        "by_count": wording.by_count,
    }
    for template, name in (("card.md.j2", "README.md"), ("attribution.md.j2", "ATTRIBUTION.md")):
        text = _ENVIRONMENT.get_template(template).render(values)
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    for license_id, text in texts.items():
        if text is not None:
            (folder / "LICENSES").mkdir(exist_ok=True)
            (folder / "LICENSES" / f"{license_id}.txt").write_text(text, encoding="utf-8", newline="\n")


def front_matter(facts: Facts, statistics: Statistics) -> dict[str, Any]:
    """The YAML block of the card, as Hugging Face reads it."""
    licenses = hub_names(license_ids(statistics.licenses))
    # `datasets` reads all configurations of a folder with one reader, so only the first format can have one.
    configs = [
        {"config_name": "default", "data_files": [{"split": "train", "path": _DATA_FILES[each]}]}
        for each in sorted(facts.formats, key=list(_DATA_FILES).index)[:1]
    ]
    return {
        "pretty_name": facts.name,
        "license": licenses[0] if len(licenses) == 1 else licenses or ["other"],
        "task_categories": ["text-generation"],
        "language": ["en"],
        "tags": ["code", "instruction-tuning", "synthetic", "seedmill", facts.recipe],
        "size_categories": [next((name for bound, name in _SIZES if statistics.rows < bound), "1M<n<10M")],
        "configs": configs,
    }
