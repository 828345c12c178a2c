"""`seedmill benchmarks`: which benchmarks rows can be kept clear of, and how to add one."""

import json as json_module
from pathlib import Path
from typing import Annotated, NoReturn

import typer

benchmarks_app = typer.Typer(help="Benchmarks that datasets are kept clear of.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@benchmarks_app.command("list")
def list_benchmarks(json: JsonOption = False) -> None:
    """Show the benchmarks that have an index."""
    from seedmill.filters.benchmark_index import BadBenchmarkFile, load_benchmarks

    try:
        found = load_benchmarks(None)
    except (BadBenchmarkFile, OSError) as error:
        _refuse(error)
    facts = [
        {"name": each.name, "tasks": len(each.tasks), "license": each.license, "source": each.source} for each in found
    ]
    if json:
        typer.echo(json_module.dumps(facts, indent=2))
        return
    for each in facts:
        typer.echo(
            f"{each['name']:<16} {each['tasks']:>6} tasks  {each['license'] or 'licence unknown':<16} {each['source']}"
        )


@benchmarks_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Its name, as in spec.decontamination.benchmarks.", show_default=False)],
    file: Annotated[Path, typer.Argument(help="JSON lines (also .gz), one task each.", show_default=False)],
    source: Annotated[str, typer.Option(help="Where it comes from, for dataset cards.")] = "",
    license_id: Annotated[str, typer.Option("--license", help="Its licence, an SPDX id.")] = "",
    json: JsonOption = False,
) -> None:
    """Make an index of a benchmark, so that tasks of it are found from now on."""
    from seedmill.filters.benchmark_index import BadBenchmarkFile, add_benchmark, load_benchmarks

    try:
        path = add_benchmark(name, file, source=source, license_id=license_id)
        tasks = len(load_benchmarks([name])[0].tasks)
    except (BadBenchmarkFile, OSError) as error:
        _refuse(error)
    if json:
        typer.echo(json_module.dumps({"name": name, "tasks": tasks, "path": str(path)}))
    else:
        typer.echo(f"{name}: {tasks:,} tasks, {path}")


def _refuse(error: Exception) -> NoReturn:
    from seedmill.cli.refusal import refusal

    typer.echo(refusal(error), err=True)
    raise typer.Exit(2)
