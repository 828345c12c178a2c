"""YAML text to plain values, with the place of every field.

PyYAML's nodes carry line and column; its constructors lose them, so values are built here, as a Kubernetes API server
would see them: `yes` is a truth value and `1e3` a number even where PyYAML says text, dates and clock times are text.
Bounded against files that are made to hurt: size, depth, and the number of values once aliases are written out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from seedmill.spec.errors import Problem

MAX_BYTES = 256 << 10
_MAX_DEPTH = 64
_MAX_VALUES = 50_000
_SHOWN_CHARACTERS = 60
_WRITTEN_OUT = 1e21
"""kubectl writes YAML as JSON: a float without a fraction becomes an integer there, up to this one."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field stands: line and column of its key and of its value (from 1), and a scalar's own text."""

    key: tuple[int, int]
    value: tuple[int, int]
    text: str | None = None


@dataclass(slots=True)
class Document:
    """One YAML document: its value, where each field stands, and what is wrong with it as YAML."""

    value: Any
    places: dict[Path, Place] = field(default_factory=dict[Path, Place])
    problems: list[Problem] = field(default_factory=list[Problem])

    def place(self, path: Path) -> Place:
        """The field's place; for one that is missing, that of the nearest field around it."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]


class _Loader(yaml.SafeLoader):
    """Resolves plain scalars as Kubernetes' YAML does: floats without a dot, no clock times, no dates."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":bool", ":null", ":merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_INTEGER = re.compile(r"^[-+]?(0|[1-9][0-9_]*|0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+)$")
_FLOAT = re.compile(r"^[-+]?((\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))$|^\.(nan|NaN|NAN)$")
for _tag, _pattern in (("int", _INTEGER), ("float", _FLOAT)):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, list("-+.0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))


def read_documents(data: bytes) -> list[Document]:
    """The documents of a file that are not empty. A file that is no YAML gives one Document with the problem."""
    if len(data) > MAX_BYTES:
        return [_broken(1, 1, f"the file has {len(data):,} bytes; a DatasetGeneration has at most {MAX_BYTES:,}")]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        return [_broken(line, column, f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8")]
    documents: list[Document] = []
    try:
        for node in _nodes(text):
            if node.tag != "tag:yaml.org,2002:null":
                documents.append(_Builder().document(node))  # noqa: PERF401 (those before a syntax error are kept)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        documents.append(_broken(line, column, _syntax(error, text, line)))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        documents.append(_broken(line, column, f"character U+{ord(text[error.position]):04X} may not stand in YAML"))
    except RecursionError:
        documents.append(_broken(1, 1, f"nested more than {_MAX_DEPTH} levels deep"))
    return documents


def _nodes(text: str) -> "Iterator[yaml.Node]":
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield node
    finally:
        loader.dispose()


def _broken(line: int, column: int, message: str) -> Document:
    return Document(None, {(): Place((line, column), (line, column))}, [Problem(line, column, "", message)])


def _syntax(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    lines = text.splitlines()
    shown = lines[line - 1] if line <= len(lines) else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        return "a tab stands in the indentation; YAML allows spaces only"
    problem = " ".join(str(part) for part in (error.context, error.problem) if part)
    return f"not YAML: {problem}"


class _Builder:
    """Values and places of one document."""

    def __init__(self) -> None:
        self._values = 0
        self._document = Document(None)

    def document(self, root: yaml.Node) -> Document:
        at = _mark(root)
        try:
            self._document.value = self._build(root, (), at)
        except _TooMuch as limit:
            return _broken(*at, str(limit))
        return self._document

    def _build(self, node: yaml.Node, path: Path, key: tuple[int, int]) -> Any:
        self._values += 1
        if self._values > _MAX_VALUES:
            raise _TooMuch(f"more than {_MAX_VALUES:,} values once aliases (*name) are written out")
        if len(path) > _MAX_DEPTH:
            raise _TooMuch(f"nested more than {_MAX_DEPTH} levels deep")
        text = node.value if isinstance(node, yaml.ScalarNode) else None
        self._document.places[path] = Place(key, _mark(node), text)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return [self._build(item, (*path, index), _mark(item)) for index, item in enumerate(node.value)]
            case _:
                return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        fields: list[tuple[yaml.ScalarNode, yaml.Node]] = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(_mark(key_node), path, "a field name must be text, not a list or mapping")
            elif key_node.tag == "tag:yaml.org,2002:merge":
                merged |= self._merged(value_node, path, _mark(key_node))
            else:
                fields.append((key_node, value_node))
        built: dict[str, Any] = {}
        for key_node, value_node in fields:
            name, at = str(key_node.value), _mark(key_node)
            inner = (*path, name)
            if name in built:
                self._problem(at, inner, f"is given twice; the first is on line {self._document.places[inner].key[0]}")
            else:
                built[name] = self._build(value_node, inner, at)
        return merged | built

    def _merged(self, node: yaml.Node, path: Path, at: tuple[int, int]) -> dict[str, Any]:
        """What `<<: *base` brings. It is read before the fields beside it, which override its values and places."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for source in reversed(sources):
            if not isinstance(source, yaml.MappingNode):
                self._problem(at, path, "<< must name a mapping, as in <<: *base")
                continue
            self._values += 1
            if self._values > _MAX_VALUES or len(path) > _MAX_DEPTH:
                raise _TooMuch(f"more than {_MAX_VALUES:,} values once aliases (*name) are written out")
            merged |= self._mapping(source, path)
        return merged

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        text: str = node.value
        match node.tag.removeprefix("tag:yaml.org,2002:"):
            case "null":
                return None
            case "bool":
                return text.lower() in ("y", "yes", "true", "on")
            case "int":
                return _integer(text)
            case "float":
                number = _float(text)
                if number is None:
                    self._problem(_mark(node), path, f"{shown(text)} is not a finite number")
                    return 0.0
                return int(number) if number.is_integer() and abs(number) < _WRITTEN_OUT else number
            case "str":
                return text
            case _:
                self._problem(_mark(node), path, f"YAML tag {node.tag} is not used here")
                return text

    def _problem(self, at: tuple[int, int], path: Path, message: str) -> None:
        self._document.problems.append(Problem(*at, dotted(path), message))


class _TooMuch(Exception):
    pass


def _mark(node: yaml.Node) -> tuple[int, int]:
    return (node.start_mark.line + 1, node.start_mark.column + 1)


def _integer(text: str) -> int | str:
    digits = text.replace("_", "")
    try:
        if re.fullmatch(r"[-+]?0[0-7]+", digits):
            return int(digits, 8)
        return int(digits, 0)
    except ValueError:
        return text


def _float(text: str) -> float | None:
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def dotted(path: Path) -> str:
    """`spec.seeds.corpus.languages[1]`."""
    joined = ""
    for part in path:
        joined += f"[{part}]" if isinstance(part, int) else f".{shown(part)}" if joined else shown(part)
    return joined


def shown(text: str) -> str:
    """Text as it stands in a message: on one line, and not too much of it."""
    flat = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return flat if len(flat) <= _SHOWN_CHARACTERS else f"{flat[:_SHOWN_CHARACTERS]}…"
