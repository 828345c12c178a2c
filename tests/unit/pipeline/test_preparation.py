"""What a run pins when it begins: seeds, the publication they come from, benchmarks. Seeding is the real one."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from seedmill.aggregation.replay import replay_head
from seedmill.filters.benchmark_index import add_benchmark, versions_of
from seedmill.pipeline.patience import Patience
from seedmill.pipeline.preparation import Order, Prepared, check_environment, prepare
from seedmill.recipes.build import build
from seedmill.records.collection import CollectedSeeds, Collection, CollectionProgress
from seedmill.records.publication import Limits
from seedmill.records.seed import Seed
from seedmill.records.verdict import Program, Verdict
from seedmill.seeding.collect import collect
from seedmill.serving.errors import Misconfigured, Unavailable
from seedmill.spec.model import DatasetGeneration
from seedmill.storage import StorageError, StoreAway, StoreFull
from support.hand_made_run import SEEDS, HandMadeRun
from support.memory_store import MemoryStore

UPSTREAM = {"dataset": {"name": "words"}}


@dataclass
class InProcessSeeding:
    """The seeding port without a server between."""

    store: MemoryStore

    async def collect(self, collection: Collection, progress: Callable[[CollectionProgress], None]) -> CollectedSeeds:
        return await asyncio.to_thread(collect, collection, progress, store=self.store)


def generation(seeds: dict[str, Any], recipe: str = "ossInstruct", **fields: Any) -> DatasetGeneration:
    return DatasetGeneration.model_validate(
        {
            "apiVersion": "seedmill.dev/v1alpha1",
            "kind": "DatasetGeneration",
            "metadata": {"name": "chained"},
            "spec": {
                "recipe": {recipe: {}},
                "seeds": seeds,
                "target": {"acceptedSamples": 5},
                **({} if recipe == "commentFunction" else {"teacher": {"model": "m"}}),
                **fields,
            },
        }
    )


def prepared(store: MemoryStore, described: DatasetGeneration, corpus: str = "") -> Prepared:
    order = Order(described, store, corpus)
    return asyncio.run(
        prepare(order, build(described.spec), InProcessSeeding(store), Patience(), lambda progress: None)
    )


def seeds_of(run: Prepared) -> list[Seed]:
    return [run.seeds.get(index) for index in range(run.seeds.count)]


@pytest.fixture
def upstream(tmp_path: Path) -> HandMadeRun:
    """A run that has published three rows of the nine that it can publish."""
    run = HandMadeRun(MemoryStore(), tmp_path)
    run.write(*(record for number in range(SEEDS) for record in run.accepted(number)))
    run.publish(Limits(3, SEEDS))
    return run


def test_rule_17_a_dataset_that_is_followed_is_pinned(upstream: HandMadeRun) -> None:
    """The upstream run tops up in mid-run: index -> seed must not move."""
    store = upstream.store
    begun = prepared(store, generation(UPSTREAM))
    assert begun.seeds.count == 3
    upstream.publish(Limits(8, SEEDS))
    resumed = prepared(store, generation(UPSTREAM))
    assert seeds_of(resumed) == seeds_of(begun)
    assert resumed.run == begun.run
    later = generation(UPSTREAM, randomSeed=1)  # a run that begins now follows what there is now
    assert prepared(store, later).seeds.count == 8


@dataclass
class SlowSeeding(InProcessSeeding):
    """While it collects for the first time, something happens."""

    meanwhile: Callable[[], object] = lambda: None

    async def collect(self, collection: Collection, progress: Callable[[CollectionProgress], None]) -> CollectedSeeds:
        collected = await super().collect(collection, progress)
        self.meanwhile()
        self.meanwhile = lambda: None
        return collected


@dataclass
class LateSeeding(InProcessSeeding):
    """Away at the first call."""

    calls: int = 0

    async def collect(self, collection: Collection, progress: Callable[[CollectionProgress], None]) -> CollectedSeeds:
        self.calls += 1
        if self.calls == 1:
            raise Unavailable("ServiceUnavailable", "connection refused")
        return await super().collect(collection, progress)


def test_a_service_that_came_late_is_not_waited_for_while_it_collects(upstream: HandMadeRun, monkeypatch) -> None:
    monkeypatch.setattr("seedmill.pipeline.patience.FIRST_PAUSE_SECONDS", 0.001)
    patience, seeding, described = Patience(), LateSeeding(upstream.store), generation(UPSTREAM)
    waited: list[bool] = []

    def note(progress: CollectionProgress) -> None:
        waited.append(bool(patience.waiting))

    order = Order(described, upstream.store, "")
    asyncio.run(prepare(order, build(described.spec), seeding, patience, note))
    assert seeding.calls == 2
    assert waited
    assert not any(waited)


@pytest.mark.parametrize("gone", ["/publications/1-", "/dataset/"])
def test_a_dataset_that_is_superseded_and_deleted_before_it_is_pinned_is_not_followed(
    upstream: HandMadeRun, gone: str
) -> None:
    store, described = upstream.store, generation(UPSTREAM)
    before = dict(store.objects)

    def supersede() -> None:
        upstream.publish(Limits(8, SEEDS))
        for key in before:
            if gone in key:
                store.delete(key)

    order = Order(described, store, "")
    seeding = SlowSeeding(store, supersede)
    begun = asyncio.run(prepare(order, build(described.spec), seeding, Patience(), lambda progress: None))
    assert begun.seeds.count == 8
    assert "/publications/2-" in begun.run.seeds_publication
    assert prepared(store, described).run == begun.run


def test_rows_of_a_dataset_keep_licence_and_origin_of_their_seeds(upstream: HandMadeRun) -> None:
    seeds = seeds_of(prepared(upstream.store, generation(UPSTREAM)))
    assert {seed.source.license for seed in seeds} == {"MIT"}
    assert {seed.source.project for seed in seeds} == {"words"}
    assert {seed.source.path for seed in seeds} <= {f"words/{word}.py" for word in ("alpha", "beta", "gamma")}
    assert all(seed.source.corpus.startswith("dataset:local/words-55555555@") for seed in seeds)


def test_a_recipe_for_functions_takes_the_functions_of_a_dataset(upstream: HandMadeRun) -> None:
    seeds = seeds_of(prepared(upstream.store, generation(UPSTREAM, "commentFunction")))
    assert {seed.extra["name"] for seed in seeds} == {"alpha", "beta", "gamma"}


def test_a_dataset_that_no_run_has_published_is_said_with_what_to_do(upstream: HandMadeRun) -> None:
    with pytest.raises(Misconfigured, match=r"no run called nothing has published .*run it first"):
        prepared(upstream.store, generation({"dataset": {"name": "nothing"}}))


def test_the_newest_version_of_the_other_resource_is_followed(upstream: HandMadeRun, tmp_path: Path) -> None:
    newer = HandMadeRun(upstream.store, tmp_path, spec_digest="4" * 64, created="2026-02-01")
    newer.write(*(record for number in range(SEEDS) for record in newer.accepted(number)))
    newer.publish(Limits(5, SEEDS))
    followed = prepared(upstream.store, generation(UPSTREAM)).run.seeds_publication
    assert followed.startswith("runs/local/words-44444444/publications/")


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(6):
        text = "\n".join(f"value_{number}_{line} = {line} * {number}" for line in range(12))
        (folder / f"m{number}.py").write_text(f"# SPDX-License-Identifier: MIT\n{text}\n")
    return str(folder)


def test_benchmarks_that_are_left_out_are_all_that_are_present_and_pinned(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDMILL_CACHE", str(tmp_path / "cache"))
    store, described = MemoryStore(), generation({"corpus": {"uri": corpus}})
    begun = prepared(store, described, corpus)
    assert begun.run.benchmarks == versions_of(["HumanEval", "MBPP"])
    _add(tmp_path, "Later", "a task that came later and nobody asked about")
    assert prepared(store, described, corpus).run.benchmarks == begun.run.benchmarks
    assert "Later" in prepared(MemoryStore(), described, corpus).run.benchmarks


def test_seeds_are_kept_clear_of_benchmarks_without_being_told(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDMILL_CACHE", str(tmp_path / "cache"))
    described = generation({"corpus": {"uri": corpus}})
    free = prepared(MemoryStore(), described, corpus).seeds.count
    _add(tmp_path, "Ours", *(f"value_3_{line} = {line} * 3" for line in range(12)))
    assert prepared(MemoryStore(), described, corpus).seeds.count < free


def test_a_benchmark_that_changed_under_a_run_is_refused_by_name(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDMILL_CACHE", str(tmp_path / "cache"))
    _add(tmp_path, "Ours", "the first text of this task, of some length")
    store, described = MemoryStore(), generation({"corpus": {"uri": corpus}})
    prepared(store, described, corpus)
    _add(tmp_path, "Ours", "another text of this task, of some length")
    with pytest.raises(Misconfigured, match="benchmark Ours is another one now"):
        prepared(store, described, corpus)


def test_a_store_that_is_away_or_full_is_waited_for(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedmill.pipeline.patience.FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("SEEDMILL_CACHE", str(tmp_path / "cache"))
    trouble: list[StorageError] = [StoreAway("no answer"), StoreFull("no space"), StoreAway("no answer")]

    def before_put(key: str) -> None:
        if key.endswith("run.json") and trouble:
            raise trouble.pop()

    run = prepared(MemoryStore(before_put), generation({"corpus": {"uri": corpus}}), corpus)
    assert (trouble, run.seeds.count) == ([], 6)


class Packages:
    """An execution service with these package sets, that is away for the first calls."""

    def __init__(self, *names: str, away: int = 0) -> None:
        self.names, self.away, self.asked = names, away, 0

    async def check_environment(self, name: str) -> str:
        self.asked += 1
        if self.asked <= self.away:
            raise Unavailable("Away", "no answer")
        if name not in self.names:
            raise Misconfigured("EnvironmentUnknown", f"{name!r} is not there")
        return name

    async def execute(self, program: Program) -> Verdict:
        raise AssertionError(program.id)


@pytest.mark.parametrize(
    ("environment", "recipe", "asked"),
    [("python-data", "commentFunction", 1), ("python-std", "commentFunction", 0), ("python-data", "ossInstruct", 0)],
)
def test_the_package_set_of_a_run_is_asked_for_where_programs_run_with_one(
    environment: str, recipe: str, asked: int
) -> None:
    spec = generation({"corpus": {"uri": "x"}}, recipe, execution={"environment": environment}).spec
    execution = Packages("python-data")
    asyncio.run(check_environment(spec, build(spec), execution, Patience()))
    assert execution.asked == asked


def test_a_package_set_that_is_not_there_ends_the_run_before_it_begins() -> None:
    spec = generation({"corpus": {"uri": "x"}}, "commentFunction", execution={"environment": "mine"}).spec
    with pytest.raises(Misconfigured, match="'mine' is not there"):
        asyncio.run(check_environment(spec, build(spec), Packages("python-data"), Patience()))


def test_an_execution_service_that_is_away_is_waited_for() -> None:
    spec = generation({"corpus": {"uri": "x"}}, "commentFunction", execution={"environment": "mine"}).spec
    execution = Packages("mine", away=1)
    asyncio.run(check_environment(spec, build(spec), execution, Patience()))
    assert execution.asked == 2


def test_replay_does_not_depend_on_benchmarks_added_since(
    upstream: HandMadeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDMILL_CACHE", str(tmp_path / "cache"))
    _add(tmp_path, "Later", "a task that came later and nobody asked about")
    replayed = replay_head(upstream.store, upstream.prefix)
    assert replayed.rebuilt_digest == replayed.published_digest


def _add(folder: Path, name: str, *texts: str) -> None:
    file = folder / f"{name}.jsonl"
    file.write_bytes(b"\n".join(orjson.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts)))
    add_benchmark(name, file)
