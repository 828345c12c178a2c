"""Names in a docstring's examples: which they need, and how they call the code once it stands on its own.

In its package a function is reached by imports (`from textwrap import shorten`, `textwrap.shorten(…)`). In a row the
code stands before its tests, and tests that went on calling the installed package would prove nothing about it.
"""

import ast
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from seedmill.recipes.python_source import defined_names


def imported_names(body: Sequence[ast.stmt]) -> set[str]:
    """Names that `import` statements bind here."""
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    return defined_names(ast.Module([*imports], []))


def only_imports(body: Sequence[ast.stmt]) -> bool:
    """Whether all of these are imports."""
    return all(isinstance(node, ast.Import | ast.ImportFrom) for node in body)


def read_names(body: Sequence[ast.stmt]) -> set[str]:
    """Names that are read anywhere in these statements."""
    names = (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Load)}


def free_names(body: Sequence[ast.stmt]) -> set[str]:
    """Names that are read and bound nowhere in these statements."""
    bound = defined_names(ast.Module([*body], []))
    for statement in body:
        for node in ast.walk(statement):
            match node:
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                    bound.add(name)
                case _:
                    pass
    return read_names(body) - bound


def on_its_own(body: Sequence[ast.stmt], code: ast.Module, modules: set[str]) -> list[ast.stmt]:
    """The statements for code that has left its package: without imports of what it defines, and with `module.name` as
    `name` where it defines that. `modules` are names that examples have imported so far, or that nothing defines.

    Statements that need no change are the same objects.
    """
    functions = {n.name for n in code.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    rename = _Unqualify(functions, modules - defined_names(code))
    changed: list[ast.stmt] = []
    for node in body:
        kept = _without_own_imports(node, functions)
        if kept is not None:
            changed.append(rename.visit(deepcopy(kept)) if rename.applies_to(kept) else kept)
    return changed


def _without_own_imports(node: ast.stmt, functions: set[str]) -> ast.stmt | None:
    """A `from package import …` without the names that the code defines; None when nothing is left of it."""
    if not isinstance(node, ast.ImportFrom):
        return node
    kept = [alias for alias in node.names if alias.asname or alias.name not in functions]
    if len(kept) == len(node.names):
        return node
    return ast.ImportFrom(node.module, kept, node.level) if kept else None


class _Unqualify(ast.NodeTransformer):
    """`module.name` -> `name`, for these modules and for names that the code defines."""

    def __init__(self, functions: set[str], modules: set[str]) -> None:
        self._functions = functions
        self._modules = modules

    def applies_to(self, node: ast.AST) -> bool:
        return any(isinstance(inner, ast.Attribute) and self._is_own(inner) for inner in ast.walk(node))

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if self._is_own(node):
            return ast.copy_location(ast.Name(node.attr, node.ctx), node)
        return self.generic_visit(node)

    def _is_own(self, node: ast.Attribute) -> bool:
        return isinstance(node.value, ast.Name) and node.value.id in self._modules and node.attr in self._functions
