"""docs/operator.md names what there is, docs/operations.md what to do about it."""

import re

import pytest

from seedmill.operator.reasons import Reason
from support.requirements import ROOT

PAGE = (ROOT / "docs" / "operator.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


@pytest.mark.parametrize(
    ("page", "head"),
    [(PAGE, "| reason | means |"), (OPERATIONS, "| reason | what to do |")],
    ids=["means", "what to do"],
)
def test_the_pages_have_every_reason_and_no_other(page: str, head: str) -> None:
    table = page.partition(head)[2].partition("\n\n")[0]
    told = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert told == {reason.value for reason in Reason}


def test_the_page_names_every_setting() -> None:
    from typer.main import get_command

    from seedmill.cli.main import app

    command = get_command(app).commands["operator"]  # pyright: ignore[reportAttributeAccessIssue]
    options = {option for parameter in command.params for option in parameter.opts if option != "--help"}
    assert {option for option in options if f"`{option}" not in PAGE} == set()
