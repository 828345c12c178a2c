"""From a spec to its recipe. A new recipe has one case here."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from seedmill.recipes import comment_function, oss_instruct, self_oss_instruct
from seedmill.recipes.programs import ProgramSettings
from seedmill.recipes.shown_examples import fault_of
from seedmill.recipes.steps import Recipe
from seedmill.records.seed import SeedKind
from seedmill.spec.errors import RecipeError
from seedmill.spec.model import Spec
from seedmill.spec.recipe import CommentFunction, OssInstruct, SelfOssInstruct
from seedmill.spec.teacher import Teacher

STEP_NAMES: Mapping[str, tuple[str, ...]] = {
    oss_instruct.NAME: oss_instruct.STEP_NAMES,
    self_oss_instruct.NAME: self_oss_instruct.STEP_NAMES,
    comment_function.NAME: comment_function.STEP_NAMES,
}
"""The steps of each recipe that ask a teacher: what `spec.teacher.steps` may name."""

PYTHON_ONLY = frozenset({self_oss_instruct.NAME, comment_function.NAME})


@dataclass(frozen=True, slots=True)
class CollectionOptions:
    """What a recipe asks of seeding, for `records.collection.Collection`."""

    kind: SeedKind
    max_lines: int = 0
    require_doctests: bool = False
    self_oss_filters: bool = False

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that the recipe can take from a dataset; empty = all."""
        return ("python",) if self.kind is SeedKind.FUNCTION else ()


def build(spec: Spec) -> Recipe:
    """The recipe of a spec, ready to run. Raises RecipeError for what the recipe cannot do."""
    check_recipe(spec)
    programs = ProgramSettings(spec.execution)
    match _given(spec):
        case OssInstruct():
            return oss_instruct.oss_instruct(_teacher(spec))
        case SelfOssInstruct() as options:
            return self_oss_instruct.self_oss_instruct(options, _teacher(spec), programs, spec.random_seed)
        case CommentFunction() as options:
            return comment_function.comment_function(options, programs)


def collection_options(spec: Spec) -> CollectionOptions:
    """Which seeds the recipe of a spec is made of."""
    match _given(spec):
        case OssInstruct(max_lines=max_lines):
            return CollectionOptions(SeedKind.SNIPPET, max_lines=max_lines)
        case SelfOssInstruct():
            return CollectionOptions(SeedKind.FUNCTION, self_oss_filters=True)
        case CommentFunction(require_tests=require_tests):
            return CollectionOptions(SeedKind.FUNCTION, require_doctests=require_tests)


def check_recipe(spec: Spec) -> None:
    """Raise RecipeError where the spec asks its recipe for what it has not. Cheap: `lint` calls it too."""
    name = spec.recipe.name
    steps = STEP_NAMES[name]
    for step in spec.teacher.steps if spec.teacher else ():
        if step not in steps:
            raise RecipeError(f"spec.teacher.steps.{step}", _unknown_step(name, step, steps))
    languages = set(spec.seeds.corpus.languages) if spec.seeds.corpus else set[str]()
    if name in PYTHON_ONLY and languages - {"python", "Python", "py"}:
        others = ", ".join(sorted(languages - {"python", "Python", "py"}))
        raise RecipeError("spec.seeds.corpus.languages", f"recipe {name} takes Python only; remove {others}")
    if spec.recipe.self_oss_instruct is not None:
        for index, example in enumerate(spec.recipe.self_oss_instruct.examples or ()):
            if fault := fault_of(example):
                raise RecipeError(f"spec.recipe.{name}.examples[{index}].{fault.field}", fault.message)


def _given(spec: Spec) -> OssInstruct | SelfOssInstruct | CommentFunction:
    recipe = spec.recipe
    given = recipe.oss_instruct or recipe.self_oss_instruct or recipe.comment_function
    if given is None:
        raise RecipeError("spec.recipe", f"one of {', '.join(STEP_NAMES)} must be given")
    return given


def _teacher(spec: Spec) -> Teacher:
    if spec.teacher is None:
        raise RecipeError("spec.teacher", f"recipe {spec.recipe.name} needs a teacher")
    return spec.teacher


def _unknown_step(recipe: str, step: str, steps: tuple[str, ...]) -> str:
    if not steps:
        return f"recipe {recipe} asks no teacher; remove teacher.steps"
    near = get_close_matches(step, steps, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"recipe {recipe} has no such step; its steps are {', '.join(steps)}{hint}"
