"""Benchmarks as indexes: what a training set must not hold, in one small file each, with name, source and licence.

HumanEval and MBPP ship with seedmill (`benchmarks/NOTICE`). A user's own are built from JSON lines by `build_index` and
lie in `$SEEDMILL_CACHE/benchmarks`, by default `~/.cache/seedmill/benchmarks`.

An index is a zstd frame of JSON lines: first what the benchmark is, then one line for each task.
"""

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import zstandard

FORMAT = 1
_SHIPPED = Path(__file__).parent / "benchmarks"
_SUFFIX = ".jsonl.zst"
_ID_FIELDS = ("task_id", "id", "name", "question_id")
_TEXT_FIELDS = ("text", "prompt", "question", "instruction", "question_content", "complete_prompt", "problem")
_CODE_FIELDS = ("canonical_solution", "code", "solution", "reference_solution", "answer")
_TRIPLE_QUOTED = re.compile(r'"""(.*?)"""|\'\'\'(.*?)\'\'\'', re.DOTALL)
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$")

TRIVIAL_SOLUTIONS = frozenset({"return x + y", "return len(string)", "return n**2", "return ''.join(strings)"})
"""Solutions that say nothing about where they come from (Magicoder, decontamination, with its fourth entry mended)."""


class UnknownBenchmark(ValueError):
    """No index has this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        near = get_close_matches(name.lower(), [each.lower() for each in known], n=1, cutoff=0.5)
        meant = next((each for each in known if near and each.lower() == near[0]), None)
        hint = f"did you mean {meant}? " if meant else ""
        super().__init__(
            f"there is no index for benchmark {name!r} (there are {', '.join(known) or 'none'}): {hint}"
            f"add one with `seedmill benchmarks add {name} FILE`"
        )
        self.name = name


class BenchmarkChanged(ValueError):
    """The index of a benchmark is another one than the run was begun with."""

    def __init__(self, name: str, pinned: str, present: str) -> None:
        super().__init__(
            f"the index of benchmark {name} is another one now (version {present}) than when the run was begun "
            f"({pinned}): restore it with `seedmill benchmarks add`, or give the resource another name for a new run"
        )
        self.name = name


class BadBenchmarkFile(ValueError):
    """The file cannot become an index; the message says why, and at which line."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task: its id as people write it (`HumanEval/3`), its texts in natural language and its code."""

    id: str
    texts: tuple[str, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BenchmarkInfo:
    """What a dataset card says of a benchmark that was checked."""

    name: str
    source: str
    license: str
    version: str
    tasks: int


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark and its tasks. `version` is a digest of the file it was made from; `license` an SPDX id or empty."""

    name: str
    source: str
    license: str
    version: str
    tasks: tuple[Task, ...]

    @property
    def info(self) -> BenchmarkInfo:
        return BenchmarkInfo(self.name, self.source, self.license, self.version, len(self.tasks))


def build_index(name: str, lines: Iterable[str], *, source: str = "", license_id: str = "") -> Benchmark:
    """A benchmark from JSON lines, one task each.

    Takes the first of the usual field names for id, text and solution. Of a prompt that is a function with a docstring
    the last docstring is the text. Trivial solutions are left out. Raises BadBenchmarkFile.
    """
    if not _NAME.match(name):
        raise BadBenchmarkFile(f"{name!r} is no name for a benchmark: use letters, digits, '.', '_', '+' and '-'")
    digest = sha256()
    tasks: list[Task] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            digest.update(line.strip().encode() + b"\n")
            tasks.append(_task(name, number, line))
    if not tasks:
        raise BadBenchmarkFile(f"benchmark {name}: the file has no tasks")
    return Benchmark(name, source, license_id, digest.hexdigest()[:16], tuple(tasks))


def encode(benchmark: Benchmark) -> bytes:
    """The bytes of an index file."""
    head = {"format": FORMAT, **{key: getattr(benchmark, key) for key in ("name", "source", "license", "version")}}
    lines = [head, *(asdict(task) for task in benchmark.tasks)]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    return zstandard.ZstdCompressor(level=19, write_checksum=True).compress(text.encode())


def decode(data: bytes, where: str) -> Benchmark:
    """Raises BadBenchmarkFile naming `where`."""
    try:
        head, *lines = [json.loads(line) for line in zstandard.ZstdDecompressor().decompress(data).split(b"\n")]
        if head["format"] != FORMAT:
            raise BadBenchmarkFile(f"{where}: format {head['format']} is not {FORMAT}: add the benchmark again")
        tasks = tuple(Task(each["id"], tuple(each["texts"]), tuple(each["codes"])) for each in lines)
        return Benchmark(head["name"], head["source"], head["license"], head["version"], tasks)
    except (zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, BadBenchmarkFile):
            raise
        raise BadBenchmarkFile(f"{where} is damaged ({error}): add the benchmark again") from error


def user_folder() -> Path:
    """Where a user's own indexes lie."""
    cache = os.environ.get("SEEDMILL_CACHE")
    return (Path(cache) if cache else Path.home() / ".cache" / "seedmill") / "benchmarks"


def add_benchmark(name: str, path: Path, *, source: str = "", license_id: str = "") -> Path:
    """Build an index from a JSON-lines file (also .gz) and keep it among the user's own.

    Raises BadBenchmarkFile, OSError.
    """
    open_text = gzip.open if path.suffix == ".gz" else open
    try:
        with open_text(path, "rt", encoding="utf-8") as lines:
            benchmark = build_index(name, lines, source=source, license_id=license_id)
    except (UnicodeDecodeError, EOFError, zlib.error) as error:
        raise BadBenchmarkFile(f"benchmark {name}: {path} is not JSON lines in UTF-8 ({error})") from error
    folder = user_folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}{_SUFFIX}"
    partial = target.with_suffix(".partial")
    partial.write_bytes(encode(benchmark))
    partial.replace(target)
    return target


def known_benchmarks() -> dict[str, Path]:
    """All indexes that are present, by name; a user's own goes before a shipped one."""
    found: dict[str, Path] = {}
    for folder in (_SHIPPED, user_folder()):
        if folder.is_dir():
            found |= {path.name.removesuffix(_SUFFIX): path for path in folder.glob(f"*{_SUFFIX}")}
    return dict(sorted(found.items()))


def load_benchmarks(names: Sequence[str] | None) -> tuple[Benchmark, ...]:
    """The named benchmarks, or all that are present. Raises UnknownBenchmark, BadBenchmarkFile."""
    known = known_benchmarks()
    by_lower = {name.lower(): name for name in known}
    wanted: list[str] = []
    for name in known if names is None else names:
        if name.lower() not in by_lower:
            raise UnknownBenchmark(name, list(known))
        wanted.append(by_lower[name.lower()])
    return tuple(decode(known[name].read_bytes(), str(known[name])) for name in dict.fromkeys(wanted))


def versions_of(names: Sequence[str] | None) -> dict[str, str]:
    """Version by name, of the named benchmarks or of all that are present: what a run pins.

    Raises UnknownBenchmark, BadBenchmarkFile.
    """
    return {each.name: each.version for each in load_benchmarks(names)}


def load_pinned(versions: Mapping[str, str]) -> tuple[Benchmark, ...]:
    """Benchmarks in the versions that a run pinned. Raises UnknownBenchmark, BenchmarkChanged, BadBenchmarkFile."""
    found = load_benchmarks(list(versions))
    for each in found:
        if each.version != versions[each.name]:
            raise BenchmarkChanged(each.name, versions[each.name], each.version)
    return found


def _task(name: str, number: int, line: str) -> Task:
    try:
        content: object = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadBenchmarkFile(f"benchmark {name}, line {number}: not JSON ({error.msg})") from error
    if not isinstance(content, dict):
        raise BadBenchmarkFile(f"benchmark {name}, line {number}: not a JSON object")
    fields = cast(dict[str, Any], content)
    text, code = _first(fields, _TEXT_FIELDS), _first(fields, _CODE_FIELDS)
    if not text and not code:
        raise BadBenchmarkFile(
            f"benchmark {name}, line {number}: no text ({', '.join(_TEXT_FIELDS)}) and no code"
            f" ({', '.join(_CODE_FIELDS)}) in it"
        )
    task_id = _first(fields, _ID_FIELDS) or str(number)
    return Task(
        task_id if task_id.startswith(f"{name}/") else f"{name}/{task_id}",
        (_description(text),) if text else (),
        (code,) if code and " ".join(code.split()) not in TRIVIAL_SOLUTIONS else (),
    )


def _first(fields: Mapping[str, Any], names: Sequence[str]) -> str:
    values = (fields[name] for name in names if isinstance(fields.get(name), str | int))
    return next((text for value in values if (text := str(value).strip())), "")


def _description(text: str) -> str:
    docstrings = [(double or single).strip() for double, single in _TRIPLE_QUOTED.findall(text)]
    return docstrings[-1] if docstrings and docstrings[-1] else text
