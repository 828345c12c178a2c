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
    """What else the recipe cannot do; steps are left to `known_steps`, which tells of all of them."""
    from seedmill.recipes.build import check_recipe
    from seedmill.spec.errors import RecipeError

    spec = generation.spec
    if spec.teacher is not None:
        spec = spec.model_copy(update={"teacher": spec.teacher.model_copy(update={"steps": {}})})
    try:
        check_recipe(spec)
    except RecipeError as error:
        yield Finding(error.path, str(error).removeprefix(f"{error.field}: "))
