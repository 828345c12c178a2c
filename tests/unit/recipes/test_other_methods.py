"""Methods that are not shipped yet need nothing that `recipes/steps.py` lacks."""

from seedmill.recipes.steps import Check, Execute, Expand, Generate, Rejected
from seedmill.records.generation import Prompt
from seedmill.records.randomness import Draw
from seedmill.records.row import Row
from seedmill.records.verdict import Program, Status
from support.recipe_values import FixedSight, completion, sample, verdict
from support.recipes import expanding_recipe, pool_recipe


def test_one_answer_becomes_children_that_are_checked_and_run_on_their_own() -> None:
    generate, expand, check, execute = expanding_recipe(children=2).steps
    assert isinstance(generate, Generate)
    assert isinstance(expand, Expand)
    assert isinstance(check, Check)
    assert isinstance(execute, Execute)
    tasks = generate.parse(sample(), completion("one: 1\ntalk\ntwo: 2\nthree: 3"))
    parent = sample().with_value("tasks", tasks)
    children = expand.children(parent)
    assert children == ["one: 1", "two: 2"]
    child = sample(path="0/1").with_value("tasks", tasks).with_value("task", "two: 2")
    assert check.decide(child, FixedSight()) == []
    assert check.decide(child, FixedSight(similar_row="a")) == Rejected("not_novel")
    program = execute.program(child)
    assert isinstance(program, Program)
    assert program.solution == "def two():\n    return 2"
    assert execute.judge(child, verdict(Status.FAIL)) == Rejected("verdict_fail")
    assert expanding_recipe().row(child).tests == "assert two() is not None"


def test_a_prompt_shows_rows_of_the_pool_and_is_a_function_of_it() -> None:
    recipe = pool_recipe()
    generate = recipe.steps[0]
    assert isinstance(generate, Generate)
    assert (recipe.block, recipe.reads_pool) == (4, True)
    pool = FixedSight(rows=[Row(f"task {n}", "", "", "", "python") for n in range(5)])
    prompts = [generate.render(sample(), Draw(3), sight) for sight in (FixedSight(), pool, pool)]
    assert prompts[0] == Prompt(text="Task:")
    assert prompts[1] == prompts[2]
    assert isinstance(prompts[1], Prompt)
    assert prompts[1].text.count("Task: task ") == 2
