"""Documented functions of a source text, and running one alone."""

import textwrap
from collections import Counter

from seedmill.seeding.documents import Document
from seedmill.seeding.functions import DocumentedFunction, FunctionRules, documented_functions


def extract(
    source: str, *, doctests: bool = False, self_oss: bool = False, package: str = ""
) -> tuple[dict[str, DocumentedFunction], Counter[str]]:
    skipped: Counter[str] = Counter()
    rules = FunctionRules(doctests, self_oss, 200, lambda text: "HumanEval/1" if "contaminated" in text else None)
    document = Document(textwrap.dedent(source).lstrip("\n"), "m.py", "p", "1", "MIT", "python", package)
    found = documented_functions(document, rules, skipped)
    return {function.name: function for function in found}, skipped


def run_alone(function: DocumentedFunction) -> dict[str, object]:
    """Execute context and function as the sandbox would."""
    namespace: dict[str, object] = {"__name__": "alone"}
    exec(f"{function.context}\n{function.text}\n", namespace)
    return namespace
