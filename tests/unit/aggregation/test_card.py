"""The dataset card says what is true, and nothing from a corpus becomes markup."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from seedmill.aggregation.card import markdown_text, write_card
from seedmill.aggregation.licensing import hub_names, license_ids, license_text
from seedmill.aggregation.published import Facts, Lineage, PublishedRow, Tally
from seedmill.aggregation.statistics import Statistics
from seedmill.records.publication import End


def card_of(folder: Path, rows: list[PublishedRow], facts: Facts, tally: Tally) -> str:
    statistics = Statistics()
    for row in rows:
        statistics.add(row)
    write_card(folder, facts, tally, statistics)
    return (folder / "README.md").read_text(encoding="utf-8")


def from_project(row: PublishedRow, project: str, license_id: str) -> PublishedRow:
    source = replace(row.lineage.seed.source, project=project, license=license_id)
    return PublishedRow(row.row, Lineage(row.lineage.sample, replace(row.lineage.seed, source=source)))


def test_front_matter_is_what_the_hub_reads(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally
) -> None:
    rows = [*rows, from_project(rows[0], "other", "Apache-2.0 OR PSF-2.0")]
    block = yaml.safe_load(card_of(tmp_path, rows, facts, tally).split("---\n")[1])
    assert block["license"] == ["apache-2.0", "mit", "other"]
    assert block["size_categories"] == ["n<1K"]
    assert len(block["configs"]) == 1
    assert block["configs"][0]["data_files"] == [{"split": "train", "path": "data-*.parquet"}]


def test_card_says_ledger_yields_contamination_and_what_was_not_checked(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally
) -> None:
    card = card_of(tmp_path, rows, facts, tally)
    assert "39 requested = 25 accepted + 13 rejected + 1 failed + 0 pending" in card
    assert "| verify | 37 | 26 | 70 % |" in card
    assert "| HumanEval | 164 | `1d49` | 2 |" in card
    assert "Rows were not compared with APPS" in card
    assert "MBPP" in card
    assert "`" + "11" * 16 + "`" in card
    assert "| rejected: verdict\\_fail | 10 |" in card


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (End.DEADLINE_EXCEEDED, "> **Partial.** The run was ended by a deadline"),
        (End.GPU_HOURS_EXHAUSTED, "> **Partial.** The run was ended by its limit on GPU hours"),
        (End.BUDGET_EXHAUSTED, "The budget ended the run"),
        (End.TARGET_NOT_REACHED, "All 100 candidates were used"),
    ],
)
def test_card_says_how_the_run_ended(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally, end: End, said: str
) -> None:
    assert said in card_of(tmp_path, rows, facts, replace(tally, end=end))


def test_card_says_when_decontamination_was_off(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally
) -> None:
    card = card_of(tmp_path, rows, replace(facts, benchmarks=()), tally)
    assert "Decontamination was switched off" in card


def test_attribution_names_project_licence_and_files_and_the_text_is_there(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally
) -> None:
    card_of(tmp_path, [*rows, from_project(rows[0], "odd", "Vim"), from_project(rows[1], "who", "")], facts, tally)
    attribution = (tmp_path / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "## toolbox 1.2\n\n* licence: MIT\n" in attribution
    assert "  * toolbox/part0.py\n  * toolbox/part1.py" in attribution
    assert "licence: Vim (text not at hand)" in attribution
    assert "licence: unknown" in attribution
    assert "Permission is hereby granted" in (tmp_path / "LICENSES" / "MIT.txt").read_text(encoding="utf-8")


def test_names_from_corpora_stay_text(tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally) -> None:
    evil = "<script>x</script>|[a](http://b)\n# head"
    card_of(tmp_path, [from_project(rows[0], evil, "MIT")], replace(facts, name=evil), tally)
    for name in ("README.md", "ATTRIBUTION.md"):
        text = (tmp_path / name).read_text(encoding="utf-8").split("---\n")[-1]
        assert "<script>" not in text
        assert "[a](http" not in text
        assert "\n# head" not in text


def test_markdown_text_escapes_what_has_a_meaning() -> None:
    assert markdown_text("a|b *c* <d>\n`e`") == r"a\|b \*c\* &lt;d&gt; \`e\`"


def test_ids_in_licence_expressions() -> None:
    assert license_ids(["MIT OR Apache-2.0", "(MIT AND ISC)", "what is it"]) == [
        "Apache-2.0", "ISC", "MIT", "what is it",
    ]  # fmt: skip
    assert hub_names(["MIT", "PSF-2.0"]) == ["mit", "other"]


@pytest.mark.parametrize(
    "license_id",
    [
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "PSF-2.0",
        "Python-2.0", "Unlicense", "Zlib",
    ],
)  # fmt: skip
def test_common_licences_have_their_text(license_id: str) -> None:
    text = license_text(license_id)
    assert text is not None
    assert len(text) > 500


def test_an_id_is_never_a_path() -> None:
    assert license_text("../published") is None
