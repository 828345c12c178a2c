"""From a file to DatasetGenerations, or to everything that is wrong with it.

`parse` is pure; `load` and `load_one` read the file. A file may hold several documents. All problems of a file come at
once, each with line, column and field path. What only the caller knows (which benchmarks are there, which steps a
recipe has) comes in as checks; `checks.py` makes them.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, cast

from pydantic import ValidationError

from seedmill.spec.errors import Problem, SpecError
from seedmill.spec.model import API_VERSION, KIND, DatasetGeneration
from seedmill.spec.wording import describe, model_at, words
from seedmill.spec.yaml_document import MAX_BYTES, Document, Path, dotted, read_documents


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says of a field: its path as keys and list indexes, from `spec` down."""

    path: Path
    message: str


Check = Callable[[DatasetGeneration], Iterable[Finding]]


def parse(data: bytes, file: str, checks: Sequence[Check] = ()) -> list[DatasetGeneration]:
    """The resources of a file in their order. Raises SpecError, which names `file`."""
    documents = read_documents(data)
    if not documents:
        raise SpecError(file, [Problem(1, 1, "", f"the file is empty; it should hold a {KIND}")])
    problems: list[Problem] = []
    generations: list[DatasetGeneration] = []
    for document in documents:
        generation, found = _read(document, checks)
        problems += found
        if generation is not None:
            generations.append(generation)
    if problems:
        raise SpecError(file, problems)
    return generations


def load(file: FilePath, checks: Sequence[Check] = ()) -> list[DatasetGeneration]:
    """The resources of a file. Raises SpecError, also when the file cannot be read."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except IsADirectoryError as error:
        raise SpecError(
            str(file), [Problem(1, 1, "", "cannot be read: Is a directory; name a YAML file in it")]
        ) from error
    except OSError as error:
        raise SpecError(str(file), [Problem(1, 1, "", f"cannot be read: {error.strerror or error}")]) from error
    return parse(data, str(file), checks)


def load_one(file: FilePath, checks: Sequence[Check] = ()) -> DatasetGeneration:
    """The one resource of a file. Raises SpecError, also when there are several."""
    generations = load(file, checks)
    if len(generations) > 1:
        names = ", ".join(generation.metadata.name for generation in generations)
        message = f"holds {len(generations)} documents ({names}) where one is expected; split the file"
        raise SpecError(str(file), [Problem(1, 1, "", message)])
    return generations[0]


def _read(document: Document, checks: Sequence[Check]) -> tuple[DatasetGeneration | None, list[Problem]]:
    if document.value is None:
        return None, document.problems
    if not isinstance(document.value, dict):
        got = describe(document.value, document.place(()).text)
        return None, [*document.problems, _at(document, (), f"must be a {KIND}, not {got}")]
    value, empty = _without_empty(cast("dict[str, Any]", document.value))
    problems = document.problems + [_at(document, path, message) for path, message in empty.items()]
    try:
        generation = DatasetGeneration.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        return None, problems + _explain(document, value, error, list(empty))
    for check in () if problems else checks:
        problems += [_at(document, finding.path, finding.message) for finding in check(generation)]
    return generation, problems


def _without_empty(value: dict[str, Any]) -> tuple[dict[str, Any], dict[Path, str]]:
    """The value without fields that have none (`teacher:` and nothing behind it), and what to say of each.

    An API server refuses or drops them; here they would read as "left out", which is hardly ever what was meant.
    """
    empty: dict[Path, str] = {}

    def walk(node: Any, path: Path) -> Any:
        if isinstance(node, dict):
            kept: dict[str, Any] = {}
            for name, inner in cast("dict[str, Any]", node).items():
                if inner is not None or path[:1] == ("status",) or (path == ("metadata",) and name != "name"):
                    kept[name] = walk(inner, (*path, name))
                elif model_at((*path, name)) is not None:
                    empty[(*path, name)] = "has no value; write {} for its defaults, or remove the line"
                    kept[name] = {}
                else:
                    empty[(*path, name)] = "has no value; give one, or remove the line"
            return kept
        if isinstance(node, list):
            return [walk(item, (*path, index)) for index, item in enumerate(cast("list[Any]", node))]
        return node

    return walk(value, ()), empty


def _explain(document: Document, value: dict[str, Any], error: ValidationError, already: list[Path]) -> list[Problem]:
    """The problems of a document that does not fit the model, but for those that fields in `already` have."""
    problems: list[Problem] = []
    for each in error.errors(include_url=False):
        path: Path = tuple(part for part in each["loc"] if part != "[key]")
        if any(path[: len(known)] == known for known in already):
            continue
        if path in (("apiVersion",), ("kind",)) and each["type"] == "missing":
            wanted = API_VERSION if path == ("apiVersion",) else KIND
            problems.append(_at(document, path, f"required field is missing; write {path[0]}: {wanted}"))
            continue
        got = describe(each["input"], document.places[path].text if path in document.places else None)
        problems.append(_at(document, path, words(each, got), of_key=each["type"] == "extra_forbidden"))
    return problems


def _at(document: Document, path: Path, message: str, *, of_key: bool = False) -> Problem:
    """A problem at a field's value where that is a scalar, else (or if asked for) at its name."""
    place = document.place(path)
    there = path in document.places and place.text is not None and not of_key
    line, column = place.value if there else place.key
    return Problem(line, column, dotted(path), message)
