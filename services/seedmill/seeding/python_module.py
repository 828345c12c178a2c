"""A Python module as top-level blocks: what each binds, what it needs, what it changes.

A block is the lines of one top-level statement (of several when they share a line). Names are resolved by `symtable`,
the compiler's own scope analysis, on the block's source, so closures, class bodies, comprehensions and annotations
count exactly as Python counts them.
"""

import ast
import symtable
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_COMPREHENSION_TABLES = frozenset({"listcomp", "setcomp", "dictcomp", "genexpr"})


@dataclass(frozen=True, slots=True)
class Names:
    """Global names that a piece of module-level source refers to."""

    used: frozenset[str]
    """Anywhere in it, function bodies included."""
    perhaps: frozenset[str]
    """Names that a class body both assigns and reads: the module's, if it has such a name."""
    run: frozenset[str]
    """Already when it is executed, before any function of it is called."""


class Block:
    """The lines of one top-level statement."""

    def __init__(self, nodes: Sequence[ast.stmt], source: str, first_line: int) -> None:
        self.nodes = tuple(nodes)
        self.source = source
        self.first_line = first_line

    @cached_property
    def names(self) -> Names:
        return names_of(self.source)

    @cached_property
    def binds(self) -> frozenset[str]:
        """Names that exist in the module once the block was executed; `*` for a star import."""
        return bound_names(self.nodes)

    @cached_property
    def touches(self) -> frozenset[str]:
        """Names of this module whose values the block changes in place (`x[k] = v`, `x.y = v`, `x.append(v)`)."""
        return frozenset(_touched(self.nodes))

    @cached_property
    def needs(self) -> frozenset[str]:
        """Names that others must have bound before. A loop's own variable is not one; `x` in `x = f(x)` is."""
        if all(isinstance(node, ast.Assign | ast.AugAssign) for node in self.nodes):
            augmented = {
                n.target.id for n in self.nodes if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
            }
            return self.names.used | augmented
        return self.names.used - self.binds

    @property
    def only_imports(self) -> bool:
        return all(isinstance(node, ast.Import | ast.ImportFrom) for node in self.nodes)

    @property
    def is_main_guard(self) -> bool:
        """`if __name__ == …`: what runs only as a script."""
        return any(
            isinstance(node, ast.If)
            and any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test))
            for node in self.nodes
        )


class Module:
    """A parsed module. `tree` must come from `text`."""

    def __init__(self, text: str, tree: ast.Module) -> None:
        self.blocks = tuple(_split(text, tree))

    @cached_property
    def binders(self) -> Mapping[str, Sequence[int]]:
        """By name, the indexes of the blocks that bind it, in source order."""
        binders: defaultdict[str, list[int]] = defaultdict(list)
        for index, block in enumerate(self.blocks):
            for name in block.binds:
                binders[name].append(index)
        return binders

    @cached_property
    def changers(self) -> Mapping[str, Sequence[int]]:
        """By name, the indexes of the blocks that change its value in place when the module is imported."""
        changers: defaultdict[str, list[int]] = defaultdict(list)
        for index, block in enumerate(self.blocks):
            for name in () if block.only_imports or block.is_main_guard else block.touches:
                changers[name].append(index)
        return changers

    @cached_property
    def future_imports(self) -> Sequence[int]:
        """Indexes of the blocks that import from `__future__`, which change how all others are read."""
        return [
            index
            for index, block in enumerate(self.blocks)
            if any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in block.nodes)
        ]


def names_of(source: str) -> Names:
    """Global names that module-level source refers to. Raises SyntaxError."""
    table = symtable.symtable(source, "<block>", "exec")
    used: set[str] = set()
    perhaps: set[str] = set()
    run: set[str] = set()
    pending = [(table, True)]
    while pending:
        scope, at_once = pending.pop()
        for symbol in scope.get_symbols():
            if not symbol.is_referenced():
                continue
            if scope.get_type() == "module" or symbol.is_global():
                used.add(symbol.get_name())
                if at_once:
                    run.add(symbol.get_name())
            elif scope.get_type() == "class" and symbol.is_local():
                perhaps.add(symbol.get_name())
        for child in scope.get_children():
            runs = child.get_type() == "class" or child.get_name() in _COMPREHENSION_TABLES
            pending.append((child, at_once and runs))
    return Names(frozenset(used), frozenset(perhaps), frozenset(run))


def bound_names(nodes: Iterable[ast.stmt]) -> frozenset[str]:
    """Names that statements bind in their own scope."""
    names: set[str] = set()
    for node in _own_scope(nodes):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Import(names=aliases):
                names.update(alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                names.add(name)
            case _:
                pass
    return frozenset(names)


def _own_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes below, without the insides of functions, classes and comprehensions."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, _SCOPES + _COMPREHENSIONS):
            pending.extend(ast.iter_child_nodes(node))


def _touched(nodes: Iterable[ast.stmt]) -> Iterator[str]:
    for node in _own_scope(nodes):
        match node:
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                yield from _root_name(node)
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
                yield from _root_name(method)
            case _:
                pass


def _root_name(node: ast.expr) -> Iterator[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _split(text: str, tree: ast.Module) -> Iterator[Block]:
    lines = text.split("\n")
    group: list[ast.stmt] = []
    first = last = 0
    for node in tree.body:
        start = _first_line(node)
        if group and start > last:
            yield Block(group, "\n".join(lines[first - 1 : last]), first)
            group = []
        if not group:
            first = start
        group.append(node)
        last = max(last, node.end_lineno or start)
    if group:
        yield Block(group, "\n".join(lines[first - 1 : last]), first)


def _first_line(node: ast.stmt) -> int:
    """Where its text begins, decorators included."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.decorator_list:
        return min(node.lineno, *(decorator.lineno for decorator in node.decorator_list))
    return node.lineno
