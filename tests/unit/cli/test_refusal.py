"""Errors as a user reads them."""

import errno
import os

import pytest

from seedmill.cli.refusal import os_error_words, refusal
from seedmill.serving.errors import Misconfigured
from seedmill.spec.errors import Problem, SpecError


def test_an_error_is_one_line_that_says_who_speaks():
    assert refusal(Misconfigured("Reason", "what, where and what to do")) == "seedmill: what, where and what to do"


def test_each_problem_of_a_file_has_a_line_of_its_own():
    error = SpecError("my.yaml", [Problem(2, 1, "kind", "is wrong"), Problem(5, 3, "spec", "is missing")])
    assert refusal(error).splitlines() == [
        "seedmill: my.yaml:2:1: kind: is wrong",
        "seedmill: my.yaml:5:3: spec: is missing",
    ]


def test_an_error_without_words_is_named():
    assert refusal(OSError()) == "seedmill: OSError"


@pytest.mark.parametrize(
    ("number", "place", "words"),
    [
        (errno.ENOSPC, "out", "out: No space left on device; make room there, then run again: what is durable is kept"),
        (errno.EROFS, "", "Read-only file system; mount it writable, or choose another folder"),
        (errno.ENOENT, "in", "in: No such file or directory"),
    ],
)
def test_what_the_system_refuses_comes_with_advice(number: int, place: str, words: str):
    assert os_error_words(OSError(number, os.strerror(number)), place) == words
