"""The report: one file that asks nobody, and in which no text from outside is code."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from seedmill.aggregation.charts import funnel, histogram
from seedmill.aggregation.code_markup import MAX_CHARACTERS, code, segments
from seedmill.aggregation.published import Example, Facts, PublishedRow, StepYield, Tally
from seedmill.aggregation.report import write_report
from seedmill.aggregation.statistics import EXAMPLES, Statistics
from seedmill.records.publication import End

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'`${x}</details></style>"


def report_of(folder: Path, rows: list[PublishedRow], facts: Facts, tally: Tally) -> str:
    statistics = Statistics()
    for row in rows:
        statistics.add(row)
    write_report(folder, facts, tally, statistics)
    return (folder / "report.html").read_text(encoding="utf-8")


class Page(HTMLParser):
    """Tags, attributes and whether tags are closed in order."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def evil_row(row: PublishedRow) -> PublishedRow:
    source = replace(row.lineage.seed.source, project=EVIL, path=EVIL, license=EVIL, version=EVIL)
    text = replace(row.row, instruction=EVIL, response=f"{EVIL}\n```python\n{EVIL}\n```", tests=EVIL, language=EVIL)
    return PublishedRow(text, replace(row.lineage, seed=replace(row.lineage.seed, source=source)))


def test_no_text_from_models_or_corpora_becomes_markup(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally
) -> None:
    rejected = (Example("1", "rejected", EVIL, EVIL, EVIL, EVIL, ((EVIL, EVIL),), EVIL),)
    clean = Page(report_of(tmp_path, rows[:1], facts, replace(tally, rejected=rejected[:0])))
    page = Page(
        report_of(
            tmp_path,
            [evil_row(rows[0])],
            replace(facts, name=EVIL, corpus=EVIL),
            replace(tally, rejected=rejected, steps=(StepYield(EVIL, 3, {EVIL: 1}),)),
        )
    )
    assert page.tags.count("script") == clean.tags.count("script") == 1
    assert "img" not in page.tags
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert page.open == []


def test_report_asks_nobody(tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally) -> None:
    html = report_of(tmp_path, rows, facts, tally)
    page = Page(html)
    addresses = [value or "" for name, value in page.attributes if name in {"src", "href", "action", "srcset"}]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert not re.search(r"@import|url\(", html)
    assert "default-src 'none'" in html
    assert page.open == []


def test_report_shows_ledger_funnel_examples_and_run(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally
) -> None:
    html = report_of(tmp_path, rows, facts, tally)
    assert "39 requested = 25 accepted + 13 rejected + 1 failed + 0 pending." in html
    assert html.count('<span class="badge accepted">') == EXAMPLES
    assert 'data-reason="verdict_fail"' in html
    assert "1 of 2 responses passed, sampling stopped at the first pass" in html
    assert "temperature 0.7" in html


def test_report_says_that_a_deadline_ended_the_run(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally
) -> None:
    assert "Partial dataset" in report_of(tmp_path, rows, facts, replace(tally, end=End.DEADLINE_EXCEEDED))


def test_an_empty_dataset_claims_no_yields_and_no_medians(tmp_path: Path, facts: Facts, tally: Tally) -> None:
    steps = (StepYield("concepts", 20, {"truncated": 20}), StepYield("response", 0, {}))
    html = report_of(tmp_path, [], facts, replace(tally, steps=steps))
    assert html.count("no candidate came here") == 1
    assert "<strong>0.0 %</strong> passed" in html
    assert "median 0" not in html


def test_examples_are_the_same_every_time_and_in_order(rows: list[PublishedRow]) -> None:
    statistics = Statistics()
    for row in rows:
        statistics.add(row)
    lowest = sorted(rows, key=lambda each: each.row.id)[:EXAMPLES]
    assert statistics.examples == sorted(lowest, key=lambda each: int(each.lineage.sample))


def test_funnel_loses_what_each_step_rejected() -> None:
    stages = funnel([StepYield("a", 100, {"x": 40}), StepYield("b", 60, {}), StepYield("c", 60, {"y": 5, "z": 15})])
    assert [(stage.label, stage.count) for stage in stages] == [("candidates", 100), ("a", 60), ("b", 60), ("c", 40)]
    assert stages[3].of_previous == pytest.approx(2 / 3)
    assert stages[3].lost == (("z", 15), ("y", 5))


def test_histogram_has_few_round_bins_and_one_for_the_longest() -> None:
    statistics = Statistics()
    statistics.instruction_words.update(dict.fromkeys(range(5, 95), 10) | {4000: 3})
    bins = histogram(statistics.instruction_words)
    assert len(bins) <= 21
    assert bins[0].label == "5–9"
    assert bins[-1] == type(bins[-1])("95+", 3, 3 / 50)
    assert sum(each.count for each in bins) == 903


def test_markdown_is_cut_into_prose_and_code() -> None:
    found = segments("Look at `a<b`:\n```python\nreturn 1 < 2\n```\nDone.", "python")
    assert [each.is_code for each in found] == [False, True, False]
    assert str(found[0].html) == "Look at <code>a&lt;b</code>:"
    assert (
        str(found[1].html)
        == '<span class="t-keyword">return</span> <span class="t-number">1</span> &lt; <span class="t-number">2</span>'
    )


def test_long_texts_are_cut() -> None:
    html = code("x" * (MAX_CHARACTERS + 1234), "text")
    assert html.endswith("(1,234 more characters)")
