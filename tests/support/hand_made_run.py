"""A comment-function run whose journal is written by hand, for tests of what comes after a journal."""

import json
from copy import copy
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from seedmill.aggregation.publish import publish
from seedmill.filters.benchmark_index import versions_of
from seedmill.recipes.build import build
from seedmill.records.journal import ROOT, EndRecord, Outcome, Record, StepRecord, encode_segment
from seedmill.records.outputs import verdict_output
from seedmill.records.publication import End, Limits
from seedmill.records.run_file import RunFile
from seedmill.records.seed import Seed, SeedKind, Source
from seedmill.records.verdict import Status, Verdict, VerdictKind
from seedmill.storage import Store
from seedmill.storage.journal import attempt_name, segment_key
from seedmill.storage.publications import read_head
from seedmill.storage.seeds import SeedsManifest, SeedsPart, manifest_key, part_key, write_part
from support.memory_store import MemoryStore
from support.recipe_values import spec

SEEDS = 12
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "omega", "sigma"]


def seed(number: int) -> Seed:
    """A documented function that has nothing in common with the others; 7 is a copy of 3 under another name."""
    word = WORDS[3 if number == 7 else number]
    docstring = (
        f"Return the {word} of a {word} as the {word} rules of {word}land say.\n\n>>> {word}({number})\n{number}"
    )
    body = "\n".join(f"    {word}_{step} = {word}_{step - 1} * {number or 1}" for step in range(1, 6))
    text = f'def {word}({word}_0):\n    """{docstring}"""\n{body}\n    return {word}_0\n'
    return Seed(
        f"{number:032x}",
        SeedKind.FUNCTION,
        "python",
        text,
        Source("installed:words", f"words/{word}.py", 1, "words", "1.0", "MIT"),
        {"name": word, "docstring": docstring, "context": ""},
    )


@dataclass
class HandMadeRun:
    """A comment-function run in a store. `write` appends a segment of a new attempt."""

    store: Store
    folder: Path
    attempts: int = 0
    spec_digest: str = "5" * 64
    created: str = "2026-01-01"
    run: RunFile = field(init=False)

    def __post_init__(self) -> None:
        described = spec({"commentFunction": {}}, decontamination={"benchmarks": ["HumanEval", "MBPP"]})
        data = described.model_dump(mode="json", by_alias=True, exclude_none=True)
        data.pop("target")
        self._put_seeds("seeds/test")
        recipe = build(described)
        self.run = RunFile(
            "words",
            "local",
            self.spec_digest,
            data,
            recipe.name,
            recipe.digest,
            "seeds/test",
            "6" * 64,
            SEEDS,
            self.created,
            versions_of(["HumanEval", "MBPP"]),
        )
        self.store.put(f"{self.run.prefix}/run.json", self.run.encode())

    @property
    def prefix(self) -> str:
        return self.run.prefix

    def copied(self) -> "HandMadeRun":
        """The same in a store in memory of its own: publishing takes longer than copying."""
        assert isinstance(self.store, MemoryStore)
        twin = copy(self)
        twin.store = type(self.store)()
        twin.store.objects, twin.store.written = dict(self.store.objects), self.store.written.copy()
        return twin

    def write(self, *records: Record, epoch: int | None = None) -> None:
        self.attempts = epoch or self.attempts + 1
        key = segment_key(self.prefix, attempt_name(self.attempts, "0" * 8), 0)
        self.store.put(key, encode_segment(records))

    def accepted(self, number: int, environment: str = "python-std") -> list[Record]:
        verdict = Verdict(str(number), Status.PASS, kind=VerdictKind.STRICT, asserts_run=1, environment=environment)
        step = StepRecord(str(number), "verify", 0, 0, self.run.cfg, ROOT, verdict_output(verdict))
        chain = (step.digest,)
        return [step, EndRecord(str(number), Outcome.ACCEPT, self.run.cfg, chain=chain, uses=chain)]

    def rejected(self, number: int, reason: str = "no_doctest", detail: str = "") -> list[Record]:
        notes = {"detail": detail}
        return [EndRecord(str(number), Outcome.REJECT, self.run.cfg, reason, "extract", notes=notes)]

    def publish(self, limits: Limits, end: End = End.TARGET_NOT_REACHED):
        return publish(self.store, self.prefix, limits, end)

    def dataset(self, name: str) -> bytes:
        head = read_head(self.store, self.prefix)
        assert head is not None
        return self.store.get(f"{self.prefix}/{head.dataset_prefix}/{name}")

    def rows(self) -> list[str]:
        return [json.loads(line)["id"] for line in self.dataset("messages-00000.jsonl").splitlines()]

    def _put_seeds(self, prefix: str) -> None:
        path = self.folder / "part.parquet"
        write_part(path, [seed(number) for number in range(SEEDS)])
        self.store.put_file(part_key(prefix, 0), path)
        digest = sha256(path.read_bytes()).hexdigest()
        parts = (SeedsPart(part_key(prefix, 0), digest, SEEDS),)
        manifest = SeedsManifest(parts, SEEDS, {"no_docstring": 3}, {}, {"MIT": SEEDS}, {}, {}, "7" * 64)
        self.store.put(manifest_key(prefix), manifest.encode())
