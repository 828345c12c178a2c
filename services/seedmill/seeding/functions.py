"""Documented top-level Python functions of a document (SelfCodeAlign, seed gathering step 1; Magicoder §4.2).

`ast` reads them, not tree-sitter: it is exact for the grammar of the Python that will run them, and a file that Python
refuses is no source of functions. Every function is captured with its decorators and with the module code it needs.
"""

import ast
import doctest
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from seedmill.filters.python_functions import FunctionNode, static_rejection
from seedmill.seeding.documents import Document
from seedmill.seeding.python_context import BUILTINS, NotSelfContained, context_of
from seedmill.seeding.python_module import Module, bound_names, names_of


@dataclass(frozen=True, slots=True)
class FunctionRules:
    """Which documented functions to take. `contamination` names the benchmark that a text repeats, or None."""

    require_doctests: bool
    self_oss_filters: bool
    context_lines: int
    contamination: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class DocumentedFunction:
    """A function with what it needs: `context` then `text` runs alone. `line` is its first line in the document."""

    name: str
    text: str
    context: str
    docstring: str
    line: int


def documented_functions(
    document: Document, rules: FunctionRules, skipped: Counter[str]
) -> Iterator[DocumentedFunction]:
    """The document's functions that the rules take; the others are counted in `skipped`, one reason each.

    Raises SyntaxError, RecursionError or MemoryError when Python cannot parse the document.
    """
    if rules.require_doctests and ">>>" not in document.text:
        skipped["no_doctests"] += 1
        return
    tree = ast.parse(document.text)
    module = Module(document.text, tree)
    for index, block in enumerate(module.blocks):
        node = block.nodes[0]
        if not isinstance(node, FunctionNode):
            continue
        found = _documented(module, index, node, document.package, rules)
        if isinstance(found, str):
            skipped[found] += 1
        else:
            yield found


def _documented(
    module: Module, index: int, node: FunctionNode, package: str, rules: FunctionRules
) -> DocumentedFunction | str:
    """The function, or why it is left out."""
    block = module.blocks[index]
    docstring = inspect.cleandoc(ast.get_docstring(node, clean=False) or "")
    if not any(character.isalpha() for character in docstring):
        return "no_docstring"
    examples = _examples(docstring)
    if rules.require_doctests and not examples:
        return "no_doctests"
    try:
        wanted = _doctest_names(module, examples, rules)
        context = context_of(module, index, wanted, _import_rule(rules), package)
    except NotSelfContained:
        return "not_self_contained"
    if context.count("\n") >= rules.context_lines:
        return "context_too_long"
    if rules.self_oss_filters:
        if reason := static_rejection(node, block.source, context, rules.contamination):
            return reason
    elif rules.contamination(f"{context}\n{block.source}") is not None:
        return "contaminated"
    return DocumentedFunction(node.name, block.source, context, docstring, block.first_line)


def _import_rule(rules: FunctionRules) -> Callable[[str], bool]:
    """What context may import: functions that will be run (comment-function) have the standard library only."""
    return (lambda package: True) if rules.self_oss_filters else (lambda package: package in sys.stdlib_module_names)


def _examples(docstring: str) -> list[doctest.Example]:
    """The doctest examples; none when doctest itself cannot read them."""
    try:
        return doctest.DocTestParser().get_examples(docstring)
    except ValueError:
        return []


def _doctest_names(module: Module, examples: list[doctest.Example], rules: FunctionRules) -> list[str]:
    """Names of the module that the examples use. Raises NotSelfContained for one that nobody binds."""
    bound: set[str] = set()
    wanted: list[str] = []
    may_import = _import_rule(rules)
    for example in examples:
        try:
            tree = ast.parse(example.source)
            needed = names_of(example.source).used - bound
        except (SyntaxError, ValueError):
            continue  # an example that shows a SyntaxError needs nothing
        for node in ast.walk(tree):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if rules.require_doctests and not all(may_import(name.partition(".")[0]) for name in modules):
                raise NotSelfContained("a package that a doctest imports")
        bound |= bound_names(tree.body)
        wanted += sorted(name for name in needed if name in module.binders)
        unknown = needed - module.binders.keys() - BUILTINS
        if rules.require_doctests and unknown and "*" not in bound:
            raise NotSelfContained(f"the name {min(unknown)} in a doctest")
    return wanted
