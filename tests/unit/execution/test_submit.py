"""What of a completion is judged, by which tests."""

from typing import Any

import pytest

from seedmill.execution.http.submit import SubmitRequest, extract, submission_of
from seedmill.records.verdict import Isolation
from seedmill.serving.errors import InvalidRequest

CODE = "def f():\n    return 1\n"
PROMPT = 'import math\n\ndef f():\n    """One."""\n'
HUMANEVAL = {"prompt": PROMPT, "test": "def check(f):\n    assert f() == 1\n", "entry_point": "f"}


def submitted(row: Any, completion: str, **config: Any) -> tuple[str, str, str]:
    """(solution, tests, extracted)."""
    made = {"dataset": "x", "id": 1, "completion": completion, "config": {"provided_data": row, **config}}
    found = submission_of(SubmitRequest.model_validate(made), Isolation.POOLED)
    return found.program.solution, found.program.tests, found.extracted


@pytest.mark.parametrize(
    ("completion", "found"),
    [
        (CODE, (CODE, "heuristic")),
        (f"So:\n```python\n{CODE}```\nand\n```python\nprint()\n```", (CODE, "fenced")),
        (f"```json\n1\n```\n```py\n{CODE}```", (CODE, "fenced")),
        (f"```\n{CODE}", (CODE, "incomplete_fenced")),
        (f"{CODE}[DONE]\nmore", (CODE, "heuristic")),
        (f"{CODE}if __name__ == '__main__':\n    f()\n", (CODE, "heuristic")),
        (f"{CODE}if  __name__ in ():\n    f()\n", (f"{CODE}if  __name__ in ():\n    f()\n", "heuristic")),
        (" \n", (" \n", "empty")),
    ],
)
def test_code_is_taken_out_of_a_completion(completion: str, found: tuple[str, str]):
    assert extract(completion) == found


@pytest.mark.parametrize(
    ("completion", "solution"),
    [
        ("    return 1\n", PROMPT + "    return 1\n"),
        ("return 1\n", PROMPT + "    return 1\n"),
        ("    return 1\n\n    # still\nprint()\n", PROMPT + "    return 1\n\n    # still\n"),
        (CODE, "import math\n" + CODE),
    ],
)
def test_a_completion_goes_on_with_the_prompt_or_stands_for_itself(completion: str, solution: str):
    assert submitted(HUMANEVAL, completion)[:2] == (solution, HUMANEVAL["test"] + "\n\ncheck(f)\n")


@pytest.mark.parametrize("encoded", [True, False])
def test_rows_of_mbpp_may_hold_json_and_a_models_own_assertions_are_no_tests(encoded: bool):
    row = {"labels": {"test_setup_code": "import re"}, "test_list": ["assert f() == 1"]}
    texts = {"labels": '{"test_setup_code": "import re"}', "test_list": '["assert f() == 1"]'}
    found = submitted(texts if encoded else row, CODE + "\nassert f() == 2\n")
    assert found == (CODE, "import re\nassert f() == 1\n", CODE)


@pytest.mark.parametrize(
    ("row", "config", "said"),
    [
        (None, {}, "hosts no data sets"),
        ({**HUMANEVAL, "entry_point": "f)\nprint("}, {}, "is no name"),
        ({"test_list": []}, {}, "test_list"),
        ({"test_list": "assert f() == 1"}, {}, "test_list"),
        ({"prompt": "x"}, {}, "entry_point"),
        (HUMANEVAL, {"language": "cpp"}, "judges python"),
    ],
)
def test_what_is_missing_is_said(row: Any, config: dict[str, Any], said: str):
    with pytest.raises(InvalidRequest, match=said):
        submitted(row, CODE, **config)
