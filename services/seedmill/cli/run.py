"""`seedmill run FILE`: make the dataset that a file describes, on this machine. Again on the same workdir = go on."""

import json as json_module
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from seedmill.cli.isolation_option import IsolationOption

FileArgument = Annotated[Path, typer.Argument(help="A DatasetGeneration (YAML).", show_default=False)]
WorkdirOption = Annotated[
    str, typer.Option("--workdir", "-w", help="Where everything is kept: a directory, or s3://bucket/prefix.")
]
TeacherOption = Annotated[
    str | None,
    typer.Option(help="Base URL of an OpenAI-compatible server, such as http://localhost:8000/v1.", show_default=False),
]
ModelOption = Annotated[
    str | None, typer.Option(help="Model to use instead of spec.teacher.model.", show_default=False)
]
IsolationChoice = Annotated[
    IsolationOption | None,
    typer.Option(help="`process` runs programs WITHOUT a sandbox, on this machine.", show_default=False),
]
GpusOption = Annotated[
    float,
    typer.Option(
        min=0,
        help="GPUs of the engines behind --teacher, or the part of them that this run has (0.5): what "
        "budget.maxGpuHours counts. 0: not known.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def run(
    file: FileArgument,
    workdir: WorkdirOption = "seedmill-work",
    teacher: TeacherOption = None,
    model: ModelOption = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Try at most so many candidates (maxCandidates).", show_default=False)
    ] = None,
    isolation: IsolationChoice = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 3 when the target is not reached.")] = False,
    replicas: Annotated[int, typer.Option(min=1, max=16, help="Processes of each of the four services.")] = 1,
    gpus: GpusOption = 0.0,
    json: JsonOption = False,
) -> None:
    """Make the dataset that FILE describes. Run again on the same workdir to go on where it stopped.

    Exit status: 0 published; 2 it cannot work as it stands; 3 the target was not reached (with --strict); 4 a budget or
    deadline ended it (published as far as it got); 5 too many failures; 130 and 143 interrupted.
    """
    from seedmill.cli.loading import Overrides, endpoints, load
    from seedmill.serving.loop import run_in_loop

    generation = load(file, Overrides(model, limit, isolation))
    sources = endpoints(generation.spec, teacher)
    machine = Machine(sources, gpus, replicas)
    work = _run(generation, file, workdir, machine, strict=strict, as_json=json)
    raise typer.Exit(run_in_loop(work, sockets=False))


@dataclass(frozen=True, slots=True)
class Machine:
    """What the services of a run are started with: endpoints of the teacher, GPUs behind them, processes of each."""

    endpoints: list[str]
    gpus: float
    replicas: int


async def _run(generation: Any, file: Path, workdir: str, machine: Machine, *, strict: bool, as_json: bool) -> int:
    from rich.console import Console

    from seedmill.cli.host import SERVICES, HostOptions, services
    from seedmill.cli.loading import needs_sandbox
    from seedmill.cli.workdir import corpus_uri, log_folder, only_process, prefix_of
    from seedmill.spec.execution import Isolation
    from seedmill.storage import open_store

    store = open_store(workdir)
    prefix = prefix_of(generation)
    console = Console(stderr=True)
    if generation.spec.output.store is not None:
        where = f"here everything is kept in {store.uri}; --workdir s3://bucket/prefix keeps it elsewhere"
        console.print(f"spec.output.store is for runs in a cluster: {where}", soft_wrap=True, highlight=False)
    options = HostOptions(
        logs=log_folder(store, prefix),
        endpoints=machine.endpoints,
        process_isolation=generation.spec.execution.isolation is Isolation.PROCESS,
        needs_sandbox=needs_sandbox(generation.spec),
        replicas=dict.fromkeys(SERVICES, machine.replicas),
        gpus=machine.gpus,
    )
    with only_process(store, prefix):
        async with services(options, prefix) as hosted:
            from seedmill.cli.display import Display
            from seedmill.cli.outcome import describe, exit_status, result_json
            from seedmill.cli.signals import drive
            from seedmill.pipeline.preparation import Order
            from seedmill.pipeline.run import Run

            work = Run(Order(generation, store, corpus_uri(generation, file)), hosted)
            display = Display(console, generation.metadata.name, work.progress.snapshot)
            driven = await drive(work, console.print, display.show())
    result = driven.result
    if result is None:
        console.print("stopped; what was durable is kept, run again to go on")
        return 128 + (driven.caught or signal.SIGTERM)
    if as_json:
        typer.echo(json_module.dumps(result_json(result, store), indent=2))
    else:
        describe(result, store, console, work.progress.paid_tokens, work.progress.wasted())
    return exit_status(result.ending, strict=strict, caught=driven.caught)
