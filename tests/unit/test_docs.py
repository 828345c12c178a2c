"""What the documentation points at is there: its links, their anchors, and the files it tells the reader to open."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.requirements import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = ROOT / "services" / "seedmill"
TOUR = ROOT / "docs" / "architecture.md"
SOURCE_SUFFIXES = (".py", ".proto", ".toml", ".yaml", ".j2", ".go", ".md", ".sh")

_FENCE = re.compile(r"^```.*?^```[^\S\n]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?")


def prose(text: str) -> str:
    """Markdown without its fenced blocks."""
    return _FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    headings = (heading.replace("`", "").lower() for heading in _HEADING.findall(prose(text)))
    return {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    """Relative links of a page that lead nowhere."""
    for target in _LINK.findall(_CODE.sub("", prose(page.read_text()))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        if not path.exists():
            yield f"{page.name}: {target}: no such file"
        elif anchor and anchor not in anchors(path.read_text()):
            yield f"{page.name}: {target}: no such heading"


def named_paths(text: str) -> Iterator[str]:
    """Paths of sources in code spans: `pipeline/walker.py`, `services/seedmill/recipes/`. Bare names are none."""
    for code in _CODE.findall(prose(text)):
        if "/" in code and _PATH.fullmatch(code) and (code.endswith(SOURCE_SUFFIXES) or code.startswith("services/")):
            yield code


def missing_paths(page: Path) -> list[str]:
    """Named paths that are not in the repository, nor in services/seedmill/, nor in the room the page is named for."""
    places = (ROOT, ROOMS, ROOMS / page.stem)
    return [name for name in named_paths(page.read_text()) if not any((place / name).exists() for place in places)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sources_that_a_page_names_are_there(page: Path) -> None:
    assert missing_paths(page) == []


def test_the_tour_names_a_file_in_every_room() -> None:
    rooms = {path.parent.name for path in ROOMS.glob("*/__init__.py")} - {"v1alpha1"}
    named = {name.removeprefix("services/seedmill/").partition("/")[0] for name in named_paths(TOUR.read_text())}
    assert rooms <= named


def test_a_wrong_link_anchor_or_path_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n\n[here](#a-page) [out](https://example.org/x) [gone](gone.md) [title](#title)\n\n"
        "`pipeline/walker.py`, `pipeline/wanderer.py`, `services/seedmill/no_room/`, `a/b`, `[x](y.md)`\n\n"
        "```\n[not](a-link.md) `pipeline/unseen.py`\n```\n"
    )
    assert list(broken_links(page)) == ["page.md: gone.md: no such file", "page.md: #title: no such heading"]
    assert missing_paths(page) == ["pipeline/wanderer.py", "services/seedmill/no_room/"]
