"""Static filters of Self-OSS-Instruct for documented Python functions (SelfCodeAlign, `filter_dataset.py`).

The reference tests substrings, which also hit `debug` for `bug` and `import sysconfig` for `import sys`, and misses
`def f() -> int:`. Here the same rules read tokens and the syntax tree.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

BANNED_IMPORTS = frozenset({"argparse", "os", "subprocess", "sys", "setuptools", "distutils", "matplotlib", "seaborn"})
MAX_LINES = 150
_UNFINISHED = re.compile(r"\b(?:todos?|fixmes?|bugs?)\b", re.IGNORECASE)


def static_rejection(node: FunctionNode, text: str, context: str, contamination: Callable[[str], str | None]) -> str:
    """The first rule that rejects the function, in the reference's order; empty when all pass.

    `text` is the function's source, `node` its syntax tree (positions do not matter), `context` the module code it
    needs, whose imports count as its own (the reference infers them). `contamination` names the benchmark that a text
    repeats, or None.
    """
    if not returns_value(node):
        return "no_return_value"
    if has_unfinished_mark(node, text):
        return "unfinished_mark"
    if BANNED_IMPORTS & (imported_packages(node) | imported_packages(ast.parse(context))):
        return "banned_import"
    if contamination(text) is not None:
        return "contaminated"
    if len(text.splitlines()) > MAX_LINES:
        return "too_many_lines"
    if takes_nothing(node):
        return "no_parameters"
    if not has_reference_docstring(text):
        return "docstring_style"
    return ""


def returns_value(node: ast.AST) -> bool:
    """Whether some `return` has a value, one in a nested function included, as in the reference."""
    return any(isinstance(child, ast.Return) and child.value is not None for child in ast.walk(node))


def has_unfinished_mark(node: FunctionNode, text: str) -> bool:
    """Whether a comment or the docstring says todo, fixme or bug as a word."""
    if not _UNFINISHED.search(text):
        return False
    remarks = [*_comments(text), ast.get_docstring(node, clean=False) or ""]
    return any(_UNFINISHED.search(remark) for remark in remarks)


def imported_packages(tree: ast.AST) -> frozenset[str]:
    """First parts of all modules that are imported in the tree, at any depth; relative imports have none."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return frozenset(names)


def takes_nothing(node: FunctionNode) -> bool:
    """Whether the function has no parameter of any kind."""
    arguments = node.args
    return not (arguments.posonlyargs or arguments.args or arguments.kwonlyargs or arguments.vararg or arguments.kwarg)


def has_reference_docstring(text: str) -> bool:
    """Whether the docstring stands between three plain double quotes (SelfCodeAlign, seed gathering step 1)."""
    function = next((node for node in ast.parse(text).body if isinstance(node, FunctionNode)), None)
    if function is None or not ast.get_docstring(function, clean=False):
        return False
    return (ast.get_source_segment(text, function.body[0]) or "").startswith('"""')


def _comments(text: str) -> Iterator[str]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.string
    except (tokenize.TokenError, SyntaxError):
        return  # what ast accepted and tokenize does not has no comments that we could tell apart
