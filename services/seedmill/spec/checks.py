"""Checks that need to know more than the spec: which steps a recipe has, which benchmarks are there."""

from collections.abc import Collection, Iterator, Mapping

from seedmill.spec.model import DatasetGeneration
from seedmill.spec.parse import Check, Finding
from seedmill.spec.wording import allowed


def known_steps(steps: Mapping[str, Collection[str]]) -> Check:
    """`spec.teacher.steps` names steps of its recipe; `steps` maps each recipe to the steps that ask a teacher."""

    def check(generation: DatasetGeneration) -> Iterator[Finding]:
        teacher, recipe = generation.spec.teacher, generation.spec.recipe.name
        known = steps.get(recipe, ())
        for name in teacher.steps if teacher else ():
            if name not in known:
                yield Finding(
                    ("spec", "teacher", "steps", name),
                    f"recipe {recipe} has no step {name}" + allowed(name, known),
                )

    return check


def known_benchmarks(names: Collection[str]) -> Check:
    """`spec.decontamination.benchmarks` names benchmarks that have an index, in upper or lower case."""
    lower = {name.lower() for name in names}

    def check(generation: DatasetGeneration) -> Iterator[Finding]:
        for index, name in enumerate(generation.spec.decontamination.benchmarks or ()):
            if name.lower() not in lower:
                yield Finding(
                    ("spec", "decontamination", "benchmarks", index),
                    f"there is no index of benchmark {name}{allowed(name, sorted(names))}; "
                    f"`seedmill benchmarks add {name} FILE` makes one",
                )

    return check
