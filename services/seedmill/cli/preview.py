"""`seedmill preview FILE -n 5`: a few candidates end to end, and what the whole run would take."""

import asyncio
import json as json_module
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seedmill.cli.run import FileArgument, GpusOption, IsolationChoice, JsonOption, ModelOption, TeacherOption

if TYPE_CHECKING:
    from seedmill.cli.forecast import Forecast, Observed, Plan
    from seedmill.spec.model import DatasetGeneration, Spec

FILES_READ = 400
"""How much of the corpus a preview reads, in files."""


def preview(
    file: FileArgument,
    count: Annotated[int, typer.Option("-n", min=1, max=1000, help="Candidates to make.")] = 5,
    teacher: TeacherOption = None,
    model: ModelOption = None,
    isolation: IsolationChoice = None,
    gpus: GpusOption = 0.0,
    json: JsonOption = False,
) -> None:
    """Make a few candidates of FILE end to end, show what became of them, and project what the whole run takes.

    Nothing is kept. Figures come with 95 % intervals: more candidates (-n) make them narrower.
    """
    from seedmill.cli.forecast import Preview, forecast
    from seedmill.cli.loading import Overrides, endpoints, load

    generation = load(file, Overrides(model, None, isolation))
    sources = endpoints(generation.spec, teacher)
    made = asyncio.run(_make(_sample_of(generation, count), file, sources))
    projected = forecast(Preview(made.observed, made.seconds), plan_of(generation.spec, made.all_seeds, gpus))
    if json:
        projection = None if projected is None else projected.to_json()
        typer.echo(json_module.dumps({"candidates": made.candidates, "projection": projection}, indent=2))
    else:
        _describe(made, projected, generation.spec.target.accepted_samples)


@dataclass(slots=True)
class Made:
    """What a preview made: leaves as JSON, candidates as they count for the projection, seconds of generating.

    `all_seeds` is the number of seeds, None where only a part of the corpus was read.
    """

    candidates: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    observed: "list[Observed]" = field(default_factory=list["Observed"])
    seconds: float = 0.0
    all_seeds: int | None = None


def plan_of(spec: "Spec", seeds: int | None, gpus: float) -> "Plan":
    """What the projection has to know of a run."""
    from seedmill.cli.forecast import Plan
    from seedmill.pipeline.preparation import limits_of
    from seedmill.recipes.build import build

    budget = spec.budget
    limits = limits_of(spec, 0)
    return Plan(
        target=spec.target.accepted_samples,
        cap=build(spec).cap,
        max_candidates=spec.target.max_candidates,
        seeds=None if spec.seeds.shard is not None else seeds,
        max_tokens=limits.max_tokens,
        max_cost=None if limits.max_cost is None else float(limits.max_cost),
        price=limits.price,
        deadline_seconds=budget.active_deadline_seconds,
        max_gpu_hours=None if budget.max_gpu_hours is None else float(budget.max_gpu_hours),
        gpus=gpus or None,
    )


def _sample_of(generation: "DatasetGeneration", count: int) -> "DatasetGeneration":
    """The same with so many candidates, all of which are made. GPU hours are projected, not limited."""
    spec = generation.spec
    most = min(count, spec.target.max_candidates or count)
    target = spec.target.model_copy(update={"accepted_samples": count, "max_candidates": most})
    budget = spec.budget.model_copy(update={"max_gpu_hours": None})
    return generation.model_copy(update={"spec": spec.model_copy(update={"target": target, "budget": budget})})


async def _make(generation: "DatasetGeneration", file: Path, sources: list[str]) -> Made:
    from rich.console import Console

    from seedmill.cli.display import Display
    from seedmill.cli.forecast import Observed
    from seedmill.cli.host import HostOptions, services
    from seedmill.cli.loading import needs_sandbox
    from seedmill.cli.scratch import scratch_folder
    from seedmill.cli.workdir import corpus_uri
    from seedmill.pipeline.preparation import Order
    from seedmill.pipeline.run import Run
    from seedmill.records.selection import WalkedRoot
    from seedmill.spec.execution import Isolation
    from seedmill.storage import open_store

    made = Made()

    def note(root: WalkedRoot) -> None:
        kept = sum(1 for decision in root.decisions if decision.row is not None)
        made.observed.append(Observed(len(root.decisions), kept, root.tokens))
        for decision in root.decisions:
            row = decision.row
            made.candidates.append(
                {
                    "sample": decision.sample,
                    "outcome": decision.kept.value,
                    "reason": decision.reason,
                    "instruction": row.instruction if row else None,
                    "response": row.response if row else None,
                    "tests": row.tests if row else None,
                }
            )

    with scratch_folder("preview") as folder:
        store = open_store(folder)
        options = HostOptions(
            logs=folder / "logs",
            endpoints=sources,
            needs_sandbox=needs_sandbox(generation.spec),
            process_isolation=generation.spec.execution.isolation is Isolation.PROCESS,
        )
        async with services(options, "preview") as hosted:
            order = Order(generation, store, corpus_uri(generation, file), max_files=FILES_READ)
            work = Run(order, hosted, publish=False, on_walked=note)
            display = Display(Console(stderr=True), f"preview of {generation.metadata.name}", work.progress.snapshot)
            shower = asyncio.create_task(display.show())
            started = time.monotonic()
            try:
                await work.execute()
            finally:
                shower.cancel()
                await asyncio.gather(shower, return_exceptions=True)
            moment = work.progress.snapshot()
            made.seconds = moment.generating_seconds or time.monotonic() - started
    found = moment.collection
    if found is not None and found.files_read < FILES_READ:
        made.all_seeds = found.seeds
    return made


def _describe(made: Made, projected: "Forecast | None", target: int) -> None:
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.panel import Panel
    from rich.syntax import Syntax

    from seedmill.cli.forecast_words import sentences

    console = Console()
    for each in made.candidates:
        title = f"candidate {each['sample']}: {each['outcome']} {each['reason']}".rstrip()
        if each["outcome"] == "kept":
            console.rule(f"[green]{title}[/green]")
            console.print(Panel(Markdown(each["instruction"]), title="instruction", title_align="left"))
            console.print(Panel(Markdown(each["response"]), title="response", title_align="left"))
            if each["tests"]:
                console.print(Panel(Syntax(each["tests"], "python"), title="tests", title_align="left"))
        else:
            console.rule(f"[yellow]{title}[/yellow]")
    console.rule("projection")
    kept = sum(1 for each in made.candidates if each["outcome"] == "kept")
    console.print(f"{kept} of {len(made.candidates)} candidates kept", highlight=False)
    for line in sentences(projected, target):
        console.print(line, highlight=False, soft_wrap=True)
