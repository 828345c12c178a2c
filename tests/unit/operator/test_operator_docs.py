"""docs/operator.md names what there is."""

import re

from seedmill.operator.reasons import Reason
from support.requirements import ROOT

PAGE = (ROOT / "docs" / "operator.md").read_text()


def test_the_page_explains_every_reason_and_no_other() -> None:
    table = PAGE.partition("| reason | means |")[2].partition("\n\n")[0]
    told = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert told == {reason.value for reason in Reason}


def test_the_page_names_every_setting() -> None:
    from typer.main import get_command

    from seedmill.cli.main import app

    command = get_command(app).commands["operator"]  # pyright: ignore[reportAttributeAccessIssue]
    options = {option for parameter in command.params for option in parameter.opts if option != "--help"}
    assert {option for option in options if f"`{option}" not in PAGE} == set()
