"""What a user is told about a file that does not work: file, line, column, field, what is allowed."""

import pytest

from seedmill.spec.parse import parse
from support.spec_problems import GOOD, problems, with_line


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "selfOssInstruct:",
            "selfOssInstrukt:",
            (
                "a.yaml:6:5: spec.recipe.selfOssInstrukt: unknown field; did you mean selfOssInstruct? "
                "allowed: ossInstruct, selfOssInstruct, commentFunction"
            ),
        ),
        (
            "responsesPerInstruction",
            "zzz",
            (
                "a.yaml:6:23: spec.recipe.selfOssInstruct.zzz: unknown field; "
                "allowed: responsesPerInstruction, fewShotExamples, responseExamples, examples"
            ),
        ),
        (
            "responsesPerInstruction: 4",
            "responsesPerInstruction: 400",
            "a.yaml:6:48: spec.recipe.selfOssInstruct.responsesPerInstruction: must be at most 100, not 400",
        ),
        (
            "responsesPerInstruction: 4",
            "responsesPerInstruction: 0",
            "a.yaml:6:48: spec.recipe.selfOssInstruct.responsesPerInstruction: must be at least 1, not 0",
        ),
        (
            "responsesPerInstruction: 4",
            'responsesPerInstruction: "4"',
            'a.yaml:6:48: spec.recipe.selfOssInstruct.responsesPerInstruction: must be a whole number, not "4"',
        ),
        (
            "responsesPerInstruction: 4",
            "responsesPerInstruction: 4.5",
            "a.yaml:6:48: spec.recipe.selfOssInstruct.responsesPerInstruction: must be a whole number, not 4.5",
        ),
        (
            "    selfOssInstruct: {responsesPerInstruction: 4}",
            "    selfOssInstruct: {}\n    ossInstruct: {}",
            "a.yaml:5:3: spec.recipe: exactly one of ossInstruct, selfOssInstruct, commentFunction must be given",
        ),
        (
            "\n    selfOssInstruct: {responsesPerInstruction: 4}",
            " {}",
            "a.yaml:5:3: spec.recipe: exactly one of ossInstruct, selfOssInstruct, commentFunction must be given",
        ),
        (
            "    selfOssInstruct: {responsesPerInstruction: 4}",
            "    evolInstruct: {}",
            (
                "a.yaml:6:5: spec.recipe.evolInstruct: evolInstruct is not available yet; "
                "this version has ossInstruct, selfOssInstruct, commentFunction"
            ),
        ),
        (
            "corpus: {uri: ./code}",
            "tasks: {uri: ./code}",
            "a.yaml:8:5: spec.seeds.tasks: tasks is not available yet; this version has corpus, dataset, shard",
        ),
        (
            "    selfOssInstruct: {responsesPerInstruction: 4}",
            "    selfOssInstruct:",
            "a.yaml:6:21: spec.recipe.selfOssInstruct: has no value; write {} for its defaults, or remove the line",
        ),
        ("    model: some/model", "    api: Chat", "a.yaml:9:3: spec.teacher.model: required field is missing"),
        ("  target: {acceptedSamples: 10}", "", "a.yaml:4:1: spec.target: required field is missing"),
        (
            "  teacher:\n    model: some/model\n",
            "",
            "a.yaml:4:1: spec: teacher is required unless the recipe is commentFunction",
        ),
        (
            "seedmill.dev/v1alpha1",
            "seedmill.dev/v1",
            (
                'a.yaml:1:13: apiVersion: must be seedmill.dev/v1alpha1, not "seedmill.dev/v1"; '
                "did you mean seedmill.dev/v1alpha1?"
            ),
        ),
        ("kind: DatasetGeneration", "kind: Job", 'a.yaml:2:7: kind: must be DatasetGeneration, not "Job"'),
        (
            "kind: DatasetGeneration\n",
            "",
            "a.yaml:1:1: kind: required field is missing; write kind: DatasetGeneration",
        ),
        (
            "model: some/model",
            "model: yes",
            'a.yaml:10:12: spec.teacher.model: must be text, not yes; put it in quotes: "yes"',
        ),
        (
            "model: some/model",
            "model: 1e3",
            'a.yaml:10:12: spec.teacher.model: must be text, not 1e3; put it in quotes: "1e3"',
        ),
        (
            "model: some/model",
            "model: n",
            'a.yaml:10:12: spec.teacher.model: must be text, not n; put it in quotes: "n"',
        ),
        (
            "model: some/model",
            "model: [a]",
            "a.yaml:10:5: spec.teacher.model: must be text, not a list",
        ),
        ("model: some/model", "model: ''", "a.yaml:10:12: spec.teacher.model: must have at least 1 character"),
        (
            "model: some/model",
            "{model: a, api: chat}",
            'a.yaml:10:21: spec.teacher.api: must be one of Completions, Chat, not "chat"; did you mean Chat?',
        ),
        (
            "model: some/model",
            "{model: a, steps: {concept: {}}}",
            (
                "a.yaml:10:24: spec.teacher.steps.concept: recipe selfOssInstruct has no step concept; "
                "did you mean concepts? allowed: concepts, instruction, response"
            ),
        ),
        (
            "model: some/model",
            "{model: a, steps: {response: {sampling: {topK: 5}}}}",
            (
                "a.yaml:10:46: spec.teacher.steps.response.sampling.topK: unknown field; did you mean topP? "
                "allowed: temperature, topP, maxTokens"
            ),
        ),
        (
            "  target:",
            "  decontamination: {benchmarks: [HumanEval, mbpp, DS1000]}\n  target:",
            (
                "a.yaml:11:51: spec.decontamination.benchmarks[2]: there is no index of benchmark DS1000; "
                "allowed: HumanEval, MBPP; `seedmill benchmarks add DS1000 FILE` makes one"
            ),
        ),
        (
            "  target:",
            "  decontamination: {benchmarks: []}\n  target:",
            (
                "a.yaml:11:3: spec.decontamination: benchmarks is empty: leave it out to check all that are present, "
                "or write disabled: true"
            ),
        ),
        (
            "  target:",
            "  budget: {maxCost: 400.5}\n  target:",
            'a.yaml:11:21: spec.budget.maxCost: must be a number in quotes, as in "400" or "0.15"',
        ),
        (
            "  target:",
            '  budget: {maxCost: "400"}\n  target:',
            "a.yaml:11:3: spec.budget: maxCost needs pricePerMillionTokens",
        ),
        (
            "{uri: ./code}",
            "{uri: 'installed:'}",
            (
                "a.yaml:8:5: spec.seeds.corpus: uri installed: needs a package behind it, "
                "as in installed:more-itertools, installed:stdlib or installed:*"
            ),
        ),
        (
            "{uri: ./code}",
            "{uri: gs://bucket}",
            "a.yaml:8:5: spec.seeds.corpus: uri must be a path, s3://bucket/prefix, or installed:NAME",
        ),
        (
            "{uri: ./code}",
            "{uri: ./code, languages: python}",
            'a.yaml:8:38: spec.seeds.corpus.languages: must be a list, as in [a, b], not "python"',
        ),
        (
            "{uri: ./code}",
            "{uri: ./code, languages: [python, python]}",
            'a.yaml:8:47: spec.seeds.corpus.languages[1]: "python" is named more than once',
        ),
        (
            "{uri: ./code}",
            "{uri: ./code, languageQuotas: {rust: 5}}",
            "a.yaml:8:5: spec.seeds.corpus: languageQuotas may name only what languages lists",
        ),
        (
            "    corpus: {uri: ./code}",
            "    corpus: {uri: ./code}\n    shard: 9/8",
            "a.yaml:7:3: spec.seeds: shard: the first number must not be larger than the second",
        ),
        (
            "    corpus: {uri: ./code}",
            "    corpus: {uri: ./code}\n    shard: 2",
            'a.yaml:9:12: spec.seeds.shard: must be text, not 2; put it in quotes: "2"',
        ),
        (
            "  target:",
            "  execution: {memory: 512M}\n  target:",
            'a.yaml:11:23: spec.execution.memory: must be a whole number with Ki, Mi or Gi, as in 512Mi, not "512M"',
        ),
        (
            "{name: good}",
            "{name: Good_One}",
            (
                "a.yaml:3:18: metadata.name: must be lower-case letters, digits and '-', a letter or digit first and "
                'last, not "Good_One"'
            ),
        ),
        ("{name: good}", f"{{name: {'x' * 41}}}", "a.yaml:3:18: metadata.name: must have at most 40 characters"),
        (
            "  target: {acceptedSamples: 10}",
            "  target: {acceptedSamples: 10}\n  target: {acceptedSamples: 20}",
            "a.yaml:12:3: spec.target: is given twice; the first is on line 11",
        ),
        ("acceptedSamples: 10", "acceptedSamples: .inf", ".inf is not a finite number"),
        ("acceptedSamples: 10", "acceptedSamples: !!binary aGk=", "YAML tag tag:yaml.org,2002:binary is not used here"),
        ("  teacher:", "\tteacher:", "a.yaml:9:1: a tab stands in the indentation; YAML allows spaces only"),
        ("corpus: {uri: ./code}", "corpus: {uri: ./code", "a.yaml:9:10: not YAML: while parsing a flow mapping"),
        ("{name: good}", "{name: good, ? [a] : b}", "a.yaml:3:26: metadata: a field name must be text"),
        ("model: some/model", "model: *nothing", "a.yaml:10:12: not YAML: found undefined alias"),
    ],
)
def test_one_mistake_gives_one_clear_line(old: str, new: str, says: str) -> None:
    found = problems(with_line(old, new))
    assert says in found[0]
    assert all("\n" not in line for line in found)
    if "finite" not in says and "binary" not in says:
        assert len(found) == 1, found


def test_all_mistakes_come_at_once_in_the_order_of_lines() -> None:
    text = with_line("responsesPerInstruction: 4", "responsesPerInstruction: x, few: 1").replace("some/model", "5")
    text = text.replace("acceptedSamples: 10", "acceptedSamples: -1, maxCandidates: no")
    lines = [int(problem.split(":")[1]) for problem in problems(text)]
    assert lines == [6, 6, 10, 11, 11]


def test_mistakes_in_a_list_of_mappings_are_named_with_their_index() -> None:
    example = "{snippet: x = 1, concepts: [], response: , instruktion: Add., tests: x, category: functoin}"
    found = problems(with_line("responsesPerInstruction: 4", f"examples: [{example}, 5]"))
    assert [problem.partition("selfOssInstruct.")[2] for problem in found] == [
        "examples[0].instruction: required field is missing",
        "examples[0].concepts: must have at least 1 entry",
        "examples[0].response: has no value; give one, or remove the line",
        (
            "examples[0].instruktion: unknown field; did you mean instruction? "
            "allowed: snippet, concepts, category, difficulty, instruction, response, tests"
        ),
        'examples[0].category: must be one of function, class, program, not "functoin"; did you mean function?',
        "examples[1]: must be a mapping of fields, not 5",
    ]


def test_mistakes_of_all_documents_come_at_once() -> None:
    text = GOOD.replace("some/model", "5") + "---\n" + GOOD.replace("kind: Data", "kind: Date")
    assert [problem.split(":")[1] for problem in problems(text)] == ["10", "14"]


def test_a_syntax_error_in_a_later_document_hides_nothing_before_it() -> None:
    found = problems(GOOD.replace("some/model", "5") + "---\na: [")
    assert len(found) == 2
    assert found[0].startswith("a.yaml:10:")
    assert "not YAML" in found[1]


def test_steps_and_benchmarks_are_checked_only_where_the_caller_knows_them() -> None:
    text = with_line("model: some/model", "{model: a, steps: {anything: {}}}")
    assert parse(text.encode(), "a.yaml")
    assert len(problems(text)) == 1
