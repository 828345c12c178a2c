"""What stands before the first sample: the recipe, the teacher's models, the seeds, run.json.

Everything here is idempotent, and everything that cannot work says so before anything is paid.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from seedmill.filters.benchmark_index import BadBenchmarkFile, BenchmarkChanged, UnknownBenchmark, versions_of
from seedmill.filters.decontamination import Decontaminator
from seedmill.pipeline.earlier_runs import (
    dataset_uri,
    has_dataset,
    has_publication,
    publication_for_seeds,
    publications_to_reuse,
)
from seedmill.pipeline.patience import Dependency, Patience
from seedmill.pipeline.ports import Execution, Inference, Seeding
from seedmill.recipes.build import collection_options
from seedmill.recipes.steps import Execute, Generate, Recipe
from seedmill.records.collection import CollectedSeeds, Collection, CollectionProgress, LanguageQuota
from seedmill.records.generation import Served
from seedmill.records.publication import Limits, Price
from seedmill.records.run_file import RunFile, run_prefix
from seedmill.serving.errors import Misconfigured
from seedmill.spec.digest import data_spec, spec_digest
from seedmill.spec.model import DatasetGeneration, Spec
from seedmill.storage.seed_shard import SeedShard
from seedmill.storage.seeds import SeedReader
from seedmill.storage.store import ObjectMissing, Store

DEFAULT_NAMESPACE = "local"
ALWAYS_THERE = "python-std"
"""The package set that every execution service has: none."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to run: a checked spec, and where.

    `corpus_uri` is absolute, and empty where the seeds are a dataset; with `max_files` > 0 only so much of the corpus
    is read (previews). `image` is what this process runs in, where somebody said so.
    """

    generation: DatasetGeneration
    store: Store
    corpus_uri: str
    max_files: int = 0
    image: str = ""

    @property
    def spec(self) -> Spec:
        return self.generation.spec

    @property
    def namespace(self) -> str:
        return self.generation.metadata.namespace or DEFAULT_NAMESPACE


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a run needs before its first sample."""

    run: RunFile
    recipe: Recipe
    seeds: SeedShard
    decontaminator: Decontaminator
    limits: Limits


@dataclass(frozen=True, slots=True)
class _Pins:
    """What must not change while a run lives, whatever is installed, added or published meanwhile (journal rule 17).

    `benchmarks` are versions by name; `seeds_publication` is empty where the seeds come from a corpus.
    """

    benchmarks: Mapping[str, str]
    reuse: Sequence[str]
    seeds_publication: str


async def check_models(recipe: Recipe, inference: Inference, patience: Patience) -> Served:
    """Who serves the recipe's models; waits while nobody answers. Raises Misconfigured."""
    models = sorted({step.call.model for step in recipe.steps if isinstance(step, Generate)})
    if not models:
        return Served()
    return await patience.call(Dependency.TEACHER, partial(inference.check_models, models))


async def check_environment(spec: Spec, recipe: Recipe, execution: Execution, patience: Patience) -> None:
    """Raise Misconfigured unless the package set is there that programs run with; waits while no service answers."""
    name = spec.execution.environment
    if name == ALWAYS_THERE or not any(isinstance(step, Execute) for step in recipe.steps):
        return
    await patience.call(Dependency.SANDBOX, partial(execution.check_environment, name))


async def prepare(
    order: Order,
    recipe: Recipe,
    seeding: Seeding,
    patience: Patience,
    on_collection: Callable[[CollectionProgress], None],
) -> Prepared:
    """Collect the seeds (or find them), and pin them in run.json. Raises Misconfigured and StorageError."""
    store = order.store
    digest = spec_digest(order.generation)
    prefix = run_prefix(order.namespace, order.generation.metadata.name, digest)
    run = await patience.store(_read_run, store, prefix)
    if run is not None and run.recipe_digest != recipe.digest:
        image = f" (image {run.image})" if run.image else ""
        raise Misconfigured(
            "RecipeChanged",
            f"{prefix} was begun with another version of recipe {run.recipe} (its prompts or rules have changed); "
            f"finish it with that version{image}, or give the resource another name",
        )
    pins = await patience.store(_pins, order, run)
    decontaminator = await asyncio.to_thread(_decontaminator, pins.benchmarks)
    collection = await patience.store(_collection, order, pins)

    def note(progress: CollectionProgress) -> None:
        patience.answers(Dependency.SEEDING)
        on_collection(progress)

    collected = await patience.call(Dependency.SEEDING, partial(seeding.collect, collection, note))
    if run is None and not await patience.store(_are_there, store, pins):
        # Superseded and deleted meanwhile: follow what there is now.
        return await prepare(order, recipe, seeding, patience, on_collection)
    if run is None:
        run = _new_run(order, recipe, digest, collected, pins)
        await patience.store(store.put, f"{prefix}/run.json", run.encode())
    elif run.seeds_digest != collected.digest:
        raise Misconfigured(
            "SeedsChanged",
            f"the corpus {collection.corpus_uri} has changed since {prefix} was begun ({collected.count} seeds now, "
            f"{run.seeds_count} then); restore it, or give the resource another name to begin a new run",
        )
    seeds = SeedShard.of(await patience.store(SeedReader, store, run.seeds_prefix), order.spec.seeds.shard)
    return Prepared(run, recipe, seeds, decontaminator, limits_of(order.spec, seeds.count))


def limits_of(spec: Spec, seeds: int) -> Limits:
    """The spec's limits for a run over so many seeds."""
    budget = spec.budget
    price = budget.price_per_million_tokens
    return Limits(
        accepted_samples=spec.target.accepted_samples,
        max_candidates=min(seeds, spec.target.max_candidates or seeds),
        max_tokens=budget.max_tokens,
        max_cost=budget.max_cost,
        price=Price(price.input, price.output) if price else None,
    )


def _pins(order: Order, run: RunFile | None) -> _Pins:
    """Those of a run that is begun, else what there is now."""
    if run is not None:
        return _Pins(run.benchmarks, run.reuse, run.seeds_publication)
    spec, store, namespace = order.spec, order.store, order.namespace
    wanted = [] if spec.decontamination.disabled else spec.decontamination.benchmarks
    dataset = spec.seeds.dataset
    try:
        benchmarks = versions_of(wanted)
    except (UnknownBenchmark, BadBenchmarkFile) as error:
        raise Misconfigured("BenchmarkMissing", str(error)) from error
    return _Pins(
        benchmarks,
        publications_to_reuse(store, namespace, spec.reuse),
        "" if dataset is None else publication_for_seeds(store, namespace, dataset.name),
    )


def _are_there(store: Store, pins: _Pins) -> bool:
    """Whether all that is followed is there: nobody knew that it is while the seeds were collected."""
    followed = pins.seeds_publication
    return all(has_publication(store, each) for each in pins.reuse) and (not followed or has_dataset(store, followed))


def _decontaminator(versions: Mapping[str, str]) -> Decontaminator:
    try:
        return Decontaminator.pinned(versions)
    except (UnknownBenchmark, BadBenchmarkFile, BenchmarkChanged) as error:
        raise Misconfigured("BenchmarkMissing", str(error)) from error


def _collection(order: Order, pins: _Pins) -> Collection:
    spec = order.spec
    options = collection_options(spec)
    collection = Collection(
        store_uri=order.store.uri,
        corpus_uri=order.corpus_uri,
        kind=options.kind,
        max_lines=options.max_lines,
        random_seed=spec.random_seed,
        require_doctests=options.require_doctests,
        self_oss_filters=options.self_oss_filters,
        max_files=order.max_files,
        decontaminate=tuple(pins.benchmarks),
    )
    corpus = spec.seeds.corpus
    if corpus is None:
        uri = dataset_uri(order.store, pins.seeds_publication)
        languages = tuple(LanguageQuota(name) for name in options.languages)
        return replace(collection, corpus_uri=uri, languages=languages)
    quotas = corpus.language_quotas
    return replace(
        collection,
        languages=tuple(LanguageQuota(name, quotas.get(name, 0)) for name in corpus.languages),
        allowed_licenses=tuple(corpus.licenses.allow),
        allow_unknown_license=corpus.licenses.allow_unknown,
        corpus_license=corpus.license or "",
        text_field=corpus.text_field or "",
    )


def _read_run(store: Store, prefix: str) -> RunFile | None:
    try:
        return RunFile.decode(store.get(f"{prefix}/run.json"))
    except ObjectMissing:
        return None
    except ValueError as error:
        raise Misconfigured("RunUnreadable", f"{store.uri}/{prefix}/run.json: {error}") from error


def _new_run(order: Order, recipe: Recipe, digest: str, collected: CollectedSeeds, pins: _Pins) -> RunFile:
    return RunFile(
        name=order.generation.metadata.name,
        namespace=order.namespace,
        spec_digest=digest,
        spec=data_spec(order.generation),
        recipe=recipe.name,
        recipe_digest=recipe.digest,
        seeds_prefix=collected.prefix,
        seeds_digest=collected.digest,
        seeds_count=collected.count,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        benchmarks=pins.benchmarks,
        reuse=pins.reuse,
        seeds_publication=pins.seeds_publication,
        image=order.image,
    )
