"""`seedmill preview FILE -n 5`: a few candidates end to end, and what the whole run would cost."""

import asyncio
import json as json_module
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from seedmill.cli.run import FileArgument, IsolationChoice, JsonOption, ModelOption, TeacherOption

FILES_READ = 400
"""How much of the corpus a preview reads, in files."""


def preview(
    file: FileArgument,
    count: Annotated[int, typer.Option("-n", min=1, max=1000, help="Candidates to make.")] = 5,
    teacher: TeacherOption = None,
    model: ModelOption = None,
    isolation: IsolationChoice = None,
    json: JsonOption = False,
) -> None:
    """Make a few candidates of FILE end to end, show what became of them, and project cost and time.

    Nothing is kept. The corpus is sampled, so yields are estimates.
    """
    from seedmill.cli.loading import Overrides, endpoints, load

    generation = load(file, Overrides(model, count, isolation))
    target = generation.spec.target.accepted_samples
    wanted = generation.spec.target.model_copy(update={"accepted_samples": count})
    sample = generation.model_copy(update={"spec": generation.spec.model_copy(update={"target": wanted})})
    sources = endpoints(generation.spec, teacher)
    made = asyncio.run(_make(sample, file, sources))
    projected = project(made, target, generation.spec)
    if json:
        typer.echo(json_module.dumps({"candidates": made.candidates, "projection": projected}, indent=2))
    else:
        _describe(made, projected)


@dataclass(slots=True)
class Made:
    """What a preview made: candidates as JSON, seconds of generating, tokens."""

    candidates: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def accepted(self) -> int:
        return sum(1 for each in self.candidates if each["outcome"] == "kept")


def project(made: Made, target: int, spec: Any) -> dict[str, Any]:
    """Candidates, tokens, cost and hours for the whole target, at the preview's yield and speed (None = unknown)."""
    if not made.candidates:
        return {"yield": None, "candidates": None, "tokens": None, "cost": None, "hours": None}
    rate = made.accepted / len(made.candidates)
    if not rate:
        return {"yield": 0.0, "candidates": None, "tokens": None, "cost": None, "hours": None}
    factor = target / made.accepted
    price = spec.budget.price_per_million_tokens
    cost = None
    if price is not None:
        spent = float(price.input) * made.prompt_tokens + float(price.output) * made.completion_tokens
        cost = round(spent * factor / 1e6, 2)
    return {
        "yield": round(rate, 3),
        "candidates": round(len(made.candidates) * factor),
        "tokens": round((made.prompt_tokens + made.completion_tokens) * factor),
        "cost": cost,
        "hours": round(made.seconds * factor / 3600, 2),
    }


async def _make(generation: Any, file: Path, sources: list[str]) -> Made:
    from rich.console import Console

    from seedmill.cli.display import Display
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
    made.prompt_tokens, made.completion_tokens = moment.paid.prompt, moment.paid.completion
    return made


def _describe(made: Made, projected: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.panel import Panel
    from rich.syntax import Syntax

    from seedmill.cli.display import duration

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
    console.print(f"{made.accepted} of {len(made.candidates)} candidates kept", highlight=False)
    if projected["candidates"] is None:
        console.print("nothing was kept, so nothing can be projected; try a larger -n", highlight=False)
        return
    cost = "" if projected["cost"] is None else f", cost {projected['cost']:,}"
    hours = duration(projected["hours"] * 3600)
    console.print(
        f"the whole target: about {projected['candidates']:,} candidates, {projected['tokens']:,} tokens{cost}, "
        f"{hours} on this machine at this speed",
        highlight=False,
    )
