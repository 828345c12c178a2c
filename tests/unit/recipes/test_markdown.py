"""Code fences as teachers write them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.recipes.markdown import fenced, find_fences, python_code

FENCE_TEXT = st.text(alphabet="`~ \tabpy\n#>\\", max_size=200)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nx = 1\n```", "x = 1"),
        ("```Python\nx = 1\n```", "x = 1"),
        ("```py3 title=a.py\nx = 1\n```", "x = 1"),
        ("```{.python .numberLines}\nx = 1\n```", "x = 1"),
        ("~~~python\nx = 1\n~~~", "x = 1"),
        ("1. Do this:\n   ```python\n   if x:\n       y\n   ```", "if x:\n    y"),
        ("````python\na = '''\n```\n'''\n````", "a = '''\n```\n'''"),
        ("```python\r\nx = 1\r\n```\r\n", "x = 1"),
        ("```python\nx = 1\n```\ntext\n```python\ny = 2\n```", "x = 1\n\ny = 2"),
        ("```bash\npip install x\n```\n```python\nx = 1\n```\n```\n1\n```", "x = 1"),
        ("```\nx = 1\n```", "x = 1"),
        ("```\nx = 1\n```\n```\n1\n```", None),
        ("```\nx = 1\n```\n```sh\nls\n```", None),
        ("```text\nx\n```", None),
        ("```python\n\n```", None),
        ("no code, not even inline ```python x```", None),
        ("", None),
    ],
)
def test_python_code_is_told_by_its_tag(text: str, code: str | None) -> None:
    assert python_code(text) == code


def test_a_fence_that_is_never_closed_runs_to_the_end_and_says_so() -> None:
    (fence,) = find_fences("```python\nx = 1\n\ny = 2")
    assert (fence.text, fence.closed) == ("x = 1\n\ny = 2", False)


def test_a_fence_deep_inside_code_does_not_close_it() -> None:
    text = '```python\ndef f():\n        """\n        ```\n        """\n```'
    (fence,) = find_fences(text)
    assert fence.closed
    assert '"""' in fence.text


@given(FENCE_TEXT)
def test_any_text_has_fences_in_order(text: str) -> None:
    fences = find_fences(text)
    assert all(a.end <= b.start for a, b in pairwise(fences))


@given(FENCE_TEXT)
def test_what_is_fenced_comes_out_as_it_was(code: str) -> None:
    code = "x" + code + "x"
    (fence,) = find_fences(fenced(code, "python"))
    assert fence.text == code
    assert fence.closed
