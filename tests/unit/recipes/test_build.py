"""From a spec to a recipe: digests, settings, and what is refused."""

from typing import Any

import pytest

from seedmill.recipes.build import STEP_NAMES, CollectionOptions, build, check_recipe, collection_options
from seedmill.recipes.steps import Generate
from seedmill.records.seed import SeedKind
from seedmill.spec.errors import RecipeError
from support.recipe_values import spec

OSS: dict[str, Any] = {"ossInstruct": {}}
SELF: dict[str, Any] = {"selfOssInstruct": {}}
COMMENT: dict[str, Any] = {"commentFunction": {}}
RECIPES = pytest.mark.parametrize("recipe", [OSS, SELF, COMMENT], ids=lambda recipe: next(iter(recipe)))


def digest(recipe: dict[str, Any], **fields: Any) -> str:
    return build(spec(recipe, **fields)).digest


@RECIPES
def test_recipes_have_the_name_of_their_field_and_the_steps_they_say(recipe: dict[str, Any]) -> None:
    made = build(spec(recipe))
    assert recipe.keys() == {made.name}
    assert made.seed_kind == collection_options(spec(recipe)).kind
    asking = [step.name for step in made.steps if isinstance(step, Generate)]
    assert tuple(asking) == STEP_NAMES[made.name]
    assert set(made.prompts) == set(asking)
    names = [step.name for step in made.steps]
    assert len(set(names)) == len(names)
    assert all(sum(step.waves) == step.parts for step in made.steps if isinstance(step, Generate))


@RECIPES
def test_the_digest_is_the_same_for_the_same_spec_and_ignores_limits(recipe: dict[str, Any]) -> None:
    limits = {"target": {"acceptedSamples": 9}, "budget": {"maxTokens": 5}, "suspend": True, "maxInFlight": 3}
    assert digest(recipe) == digest(recipe) == digest(recipe, **limits)


def test_the_digest_changes_with_what_changes_rows() -> None:
    execution = {"timeoutSeconds": 3}
    digests = [
        digest(OSS),
        digest(SELF),
        digest(SELF, randomSeed=1),
        digest(SELF, execution=execution),
        digest({"selfOssInstruct": {"responsesPerInstruction": 3}}),
        digest({"selfOssInstruct": {"fewShotExamples": 3}}),
        digest(COMMENT),
        digest(COMMENT, execution=execution),
        digest({"commentFunction": {"requireTests": False}}),
    ]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        ({"ossInstruct": {"maxLines": 9}}, CollectionOptions(SeedKind.SNIPPET, max_lines=9)),
        (SELF, CollectionOptions(SeedKind.FUNCTION, self_oss_filters=True)),
        (COMMENT, CollectionOptions(SeedKind.FUNCTION, require_doctests=True)),
        ({"commentFunction": {"requireTests": False}}, CollectionOptions(SeedKind.FUNCTION)),
    ],
)
def test_what_is_collected(recipe: dict[str, Any], options: CollectionOptions) -> None:
    assert collection_options(spec(recipe)) == options


def test_a_step_that_the_recipe_lacks_is_named_with_the_nearest_one() -> None:
    wrong = spec(SELF, teacher={"model": "m", "steps": {"concept": {"model": "other"}}})
    with pytest.raises(RecipeError, match=r"spec.teacher.steps.concept: .* did you mean concepts\?"):
        build(wrong)


def test_a_recipe_that_asks_no_teacher_has_no_steps_to_override() -> None:
    wrong = spec(COMMENT, teacher={"model": "m", "steps": {"verify": {"model": "other"}}})
    with pytest.raises(RecipeError, match=r"commentFunction asks no teacher; remove teacher.steps"):
        check_recipe(wrong)
    check_recipe(spec(COMMENT, teacher={"model": "m"}))


@pytest.mark.parametrize("recipe", [SELF, COMMENT])
def test_recipes_of_functions_take_python_only(recipe: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=r"spec.seeds.corpus.languages: .* remove java, rust"):
        build(spec(recipe, seeds={"corpus": {"uri": "x", "languages": ["rust", "python", "java"]}}))


def test_snippets_may_be_of_any_language() -> None:
    build(spec(OSS, seeds={"corpus": {"uri": "x", "languages": ["rust", "java"]}}))


def test_the_most_that_a_sample_can_cost_covers_all_parts() -> None:
    one, ten = (build(spec({"selfOssInstruct": {"responsesPerInstruction": parts}})).cap.total for parts in (1, 10))
    assert ten - one == 9 * (12_000 + 1536)
