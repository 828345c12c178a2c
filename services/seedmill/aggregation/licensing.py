"""Licences of a dataset's sources: their texts, and how Hugging Face calls them."""

from collections.abc import Iterable
from pathlib import Path

from seedmill.filters.license import AllOf, AnyOf, BadExpression, Expression, License, parse

_TEXTS = Path(__file__).parent / "licenses"

_HUB_NAMES = {
    "0BSD": "0bsd",
    "Apache-2.0": "apache-2.0",
    "Artistic-2.0": "artistic-2.0",
    "BSD-2-Clause": "bsd-2-clause",
    "BSD-3-Clause": "bsd-3-clause",
    "BSL-1.0": "bsl-1.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC0-1.0": "cc0-1.0",
    "ISC": "isc",
    "MIT": "mit",
    "MPL-2.0": "mpl-2.0",
    "NCSA": "ncsa",
    "PostgreSQL": "postgresql",
    "Unlicense": "unlicense",
    "WTFPL": "wtfpl",
    "Zlib": "zlib",
}


def license_ids(expressions: Iterable[str]) -> list[str]:
    """The SPDX ids in some expressions, sorted, each once. What does not parse counts as an id of its own."""
    found: set[str] = set()
    for expression in expressions:
        try:
            found |= _ids(parse(expression))
        except BadExpression:
            found.add(expression)
    return sorted(found)


def license_text(license_id: str) -> str | None:
    """The text of a licence, or None when seedmill has none for this id."""
    path = _TEXTS / f"{license_id}.txt"
    return path.read_text(encoding="utf-8") if path.name in _known_texts() else None


def hub_names(license_ids: Iterable[str]) -> list[str]:
    """The ids as the `license` field of a dataset card wants them; `other` for those it has no word for."""
    return sorted({_HUB_NAMES.get(license_id, "other") for license_id in license_ids})


def _known_texts() -> set[str]:
    return {path.name for path in _TEXTS.iterdir()}


def _ids(expression: Expression) -> set[str]:
    match expression:
        case License(id, _):
            return {id}
        case AllOf(parts) | AnyOf(parts):
            return {name for part in parts for name in _ids(part)}
