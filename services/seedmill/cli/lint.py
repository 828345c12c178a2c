"""`seedmill lint FILE…`: what is wrong with DatasetGenerations, before anything is paid."""

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from seedmill.spec.errors import Problem, SpecError


def lint(
    files: Annotated[list[Path], typer.Argument(help="YAML files, or folders of them.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print a list of problems as JSON.")] = False,
) -> None:
    """Check DatasetGenerations. Exit status: 0 all are good, 1 some are not."""
    from seedmill.cli.spec_checks import spec_checks
    from seedmill.spec.parse import load

    checks = spec_checks()
    errors: list[SpecError] = []
    for file in _files(files, errors):
        try:
            generations = load(file, checks)
        except SpecError as error:
            errors.append(error)
            if not json:
                typer.echo(str(error))
        else:
            if not json:
                typer.echo(f"{file}: ok ({', '.join(generation.metadata.name for generation in generations)})")
    if json:
        typer.echo(
            json_module.dumps([_facts(error.file, each) for error in errors for each in error.problems], indent=2)
        )
    raise typer.Exit(1 if errors else 0)


def _files(named: list[Path], errors: list[SpecError]) -> list[Path]:
    """The files, and those in the folders among them, each once."""
    files: list[Path] = []
    for path in named:
        found = sorted([*path.rglob("*.yaml"), *path.rglob("*.yml")]) if path.is_dir() else [path]
        if not found:
            errors.append(SpecError(str(path), [Problem(1, 1, "", "there is no .yaml file in this folder")]))
            typer.echo(str(errors[-1]), err=True)
        files += found
    return list(dict.fromkeys(files))


def _facts(file: str, problem: Problem) -> dict[str, str | int]:
    return {
        "file": file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
    }
