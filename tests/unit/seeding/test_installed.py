"""Installed packages as a corpus."""

import platform

import pytest

from seedmill.seeding.corpora import open_corpus
from seedmill.seeding.unread import Unread
from seedmill.serving.errors import Misconfigured
from support.corpus_reading import PYTHON, read
from support.memory_store import MemoryStore


def test_package_with_name_version_and_license() -> None:
    documents, skipped, _ = read(open_corpus("installed:more-itertools", PYTHON, MemoryStore()), PYTHON)
    assert not skipped
    recipes = next(each for each in documents if each.path.endswith("/more_itertools/recipes.py"))
    assert (recipes.project, recipes.license, recipes.language) == ("more-itertools", "MIT", "python")
    assert recipes.path == f"more-itertools-{recipes.version}/more_itertools/recipes.py"


def test_several_packages_under_any_spelling() -> None:
    corpus = open_corpus("installed:Boltons, more_itertools", PYTHON, MemoryStore())
    projects = {file.project for file in corpus.files(Unread())}
    assert projects == {"boltons", "more-itertools"}
    assert corpus.name == "installed:Boltons,more_itertools"


def test_standard_library_without_its_tests_and_other_packages() -> None:
    files = {file.path: file for file in open_corpus("installed:stdlib", PYTHON, MemoryStore()).files(Unread())}
    base = f"python-{platform.python_version()}"
    textwrap = files[f"{base}/textwrap.py"]
    assert (textwrap.project, textwrap.version, textwrap.license) == ("python", platform.python_version(), "PSF-2.0")
    assert files[f"{base}/json/decoder.py"].package == "json"
    assert not any("/test/" in path or "site-packages" in path for path in files)


def test_all_packages_but_seedmill_and_the_standard_library() -> None:
    projects = {file.project for file in open_corpus("installed:*", PYTHON, MemoryStore()).files(Unread())}
    assert {"boltons", "numpy", "toolz"} <= projects
    assert not {"seedmill", "python"} & projects


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("installed:boltns", "did you mean boltons"),
        ("installed:boltons,qzxqzx", r"no package qzxqzx is installed beside seedmill; install it with pip"),
        ("installed:", "write installed:NAME"),
    ],
)
def test_package_that_is_not_installed(uri: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message) as raised:
        open_corpus(uri, PYTHON, MemoryStore())
    assert raised.value.reason == "CorpusMissing"
