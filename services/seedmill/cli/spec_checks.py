"""What the commands check of a DatasetGeneration beyond its schema: what this installation has."""

from collections.abc import Iterator

from seedmill.spec.checks import known_benchmarks, known_steps
from seedmill.spec.model import DatasetGeneration
from seedmill.spec.parse import Check, Finding


def spec_checks() -> tuple[Check, ...]:
    """Steps and languages of the recipes, and benchmarks that have an index."""
    from seedmill.filters.benchmark_index import known_benchmarks as indexes
    from seedmill.recipes.build import STEP_NAMES

    return (known_steps(STEP_NAMES), _languages, known_benchmarks(tuple(indexes())))


def _languages(generation: DatasetGeneration) -> Iterator[Finding]:
    from seedmill.recipes.build import RecipeError, check_recipe

    try:
        check_recipe(generation.spec)
    except RecipeError as error:
        path = tuple(error.field.split("."))
        if path[:3] != ("spec", "teacher", "steps"):  # `known_steps` says it of every step
            yield Finding(path, str(error).removeprefix(f"{error.field}: "))
