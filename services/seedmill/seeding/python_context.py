"""What a top-level function needs of its module to run alone: imports, constants, helpers, classes, transitively.

Blocks are taken whole and in source order; of an import statement only the names that are needed stay. Statements that
change a needed value in place (`TABLE["a"] = 1`, loops that fill it) come along. A `try` whose body imports what is not
there and whose handler catches ImportError is replaced by the handler, which is what would run.

What cannot be had so is no context: relative imports, packages that are not allowed, names that the module does not
bind, code that runs the function itself before it exists.
"""

import ast
import builtins
import textwrap
from collections.abc import Callable, Iterable, Sequence

from seedmill.seeding.python_module import Block, Module, bound_names

BUILTINS = frozenset(dir(builtins)) | {"__name__", "__doc__", "__builtins__", "__debug__", "__annotations__"}
_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


class NotSelfContained(Exception):
    """The function cannot run outside its module; the message names what is missing."""


def context_of(
    module: Module, function: int, extra_names: Iterable[str], may_import: Callable[[str], bool], package: str
) -> str:
    """Source that has to stand before block `function` of the module; empty when it needs nothing.

    `extra_names` are needed besides what the function itself refers to (its doctests' names). `may_import` says whether
    a top-level package may be imported. Relative imports are resolved against `package` (dotted, empty = impossible).
    Raises NotSelfContained.
    """
    closure = _Closure(module, function, may_import, package)
    closure.check_imports(module.blocks[function])
    closure.follow([*module.blocks[function].needs, *extra_names])
    return closure.render()


class _Closure:
    """Blocks that are needed so far: import blocks with the names wanted of them, and all other blocks."""

    def __init__(self, module: Module, function: int, may_import: Callable[[str], bool], package: str) -> None:
        self._module = module
        self._function = function
        self._own = module.blocks[function].binds
        self._may_import = may_import
        self._package = package
        self._imported: dict[int, set[str]] = {}
        self._blocks: dict[int, Block] = {}
        self._seen: set[str] = set()

    def follow(self, names: Iterable[str]) -> None:
        """Take in all blocks that these names need, and theirs."""
        pending = list(names)
        while True:
            while pending:
                name = pending.pop()
                if name not in self._seen and name not in self._own:
                    self._seen.add(name)
                    pending.extend(self._resolve(name))
            pending = self._take_changes()
            if not pending:
                return

    def check_imports(self, block: Block) -> None:
        """Raise NotSelfContained when code of the block imports what may not be imported."""
        for node in (child for top in block.nodes for child in ast.walk(top)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._check_import(alias.name)
            elif isinstance(node, ast.ImportFrom):
                if node.level:
                    raise NotSelfContained("a relative import in code")
                self._check_import(node.module or "")

    def render(self) -> str:
        pieces: list[tuple[int, str]] = [(index, block.source) for index, block in self._blocks.items()]
        pieces += [(index, self._narrowed(index, names)) for index, names in self._imported.items()]
        futures = (index for index in self._module.future_imports if index not in self._imported)
        pieces += [(index, self._module.blocks[index].source) for index in futures]
        return _join([text for _, text in sorted(pieces)])

    def _resolve(self, name: str) -> list[str]:
        """Take in what binds the name; returns the names needed in turn."""
        needed: list[str] = []
        binders = self._module.binders.get(name, ())
        if not binders and name not in BUILTINS:
            raise NotSelfContained(f"the name {name}")
        for index in binders:
            needed += self._take(index, name)
        return needed

    def _take(self, index: int, name: str) -> Sequence[str]:
        if index == self._function:
            return ()
        if index in self._blocks:
            self._check_bound(index, name)
            return ()
        block = self._module.blocks[index]
        if block.is_main_guard:
            return ()
        if block.only_imports:
            self._imported.setdefault(index, set()).add(name)
            self._narrowed(index, {name})  # raises when the import is not allowed
            return ()
        return self._take_block(index, block, name)

    def _take_block(self, index: int, block: Block, name: str) -> Sequence[str]:
        try:
            self.check_imports(block)
        except NotSelfContained:
            fallback = _import_fallback(block)
            if fallback is None or (name and name not in fallback.binds):
                raise
            self.check_imports(fallback)
            block = fallback
        if block.names.run & self._own:
            raise NotSelfContained("code that runs the function itself")
        self._blocks[index] = block
        optional = (n for n in block.names.perhaps if n in self._module.binders)
        return [*block.needs, *optional]

    def _check_bound(self, index: int, name: str) -> None:
        """Raise NotSelfContained for a name that only the body of a `try` binds, when its handler stands for it.

        Names come in no order, so one that another has led to the handler must fare as it would have fared first.
        """
        if name not in self._blocks[index].binds:
            raise NotSelfContained(f"the name {name}")

    def _take_changes(self) -> list[str]:
        """Blocks that change, in place, a value that a block taken so far has made."""
        made = {name for block in self._blocks.values() for name in block.binds}
        needed: list[str] = []
        for index in sorted({index for name in made for index in self._module.changers.get(name, ())}):
            if index not in self._blocks and index != self._function:
                needed += self._take_block(index, self._module.blocks[index], "")
        return needed

    def _check_import(self, name: str) -> None:
        if not self._may_import(name.partition(".")[0]):
            raise NotSelfContained(f"the package {name}")

    def _narrowed(self, index: int, names: set[str]) -> str:
        """The import statements of a block, with these names only."""
        lines: list[str] = []
        for node in self._module.blocks[index].nodes:
            match node:
                case ast.Import():
                    aliases = [a for a in node.names if (a.asname or a.name.partition(".")[0]) in names]
                    for alias in aliases:
                        self._check_import(alias.name)
                    if aliases:
                        lines.append(ast.unparse(ast.Import(names=aliases)))
                case ast.ImportFrom():
                    aliases = [a for a in node.names if (a.asname or a.name) in names]
                    if aliases:
                        lines.append(ast.unparse(ast.ImportFrom(self._absolute(node), names=aliases, level=0)))
                case _:
                    pass
        return "\n".join(lines)

    def _absolute(self, node: ast.ImportFrom) -> str:
        """The module of a `from` import, made absolute."""
        name = node.module or ""
        if node.level:
            parents = self._package.split(".") if self._package else []
            if node.level > len(parents):
                raise NotSelfContained(f"the relative import of {'.' * node.level}{name}")
            base = parents[: len(parents) - node.level + 1]
            name = ".".join([*base, name] if name else base)
        self._check_import(name)
        return name


def _import_fallback(block: Block) -> Block | None:
    """The handler that runs when the imports of a `try` are not there."""
    match block.nodes:
        case (ast.Try(handlers=handlers, finalbody=[]),):
            pass
        case _:
            return None
    for handler in handlers:
        caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if any(error is None or (isinstance(error, ast.Name) and error.id in _IMPORT_ERRORS) for error in caught):
            first, last = handler.body[0], handler.body[-1]
            lines = block.source.split("\n")[
                first.lineno - block.first_line : (last.end_lineno or 0) - block.first_line + 1
            ]
            if first.lineno == handler.lineno:  # `except ImportError: x = None`
                lines = [lines[0][first.col_offset :], *lines[1:]]
            fallback = Block(handler.body, textwrap.dedent("\n".join(lines)), first.lineno)
            return fallback if bound_names(handler.body) else None
    return None


def _join(pieces: Sequence[str]) -> str:
    """Statements one below the other; what spans lines stands apart, as in a module."""
    text = ""
    for previous, piece in zip(["", *pieces], pieces, strict=False):
        if text:
            text += "\n\n\n" if "\n" in previous + piece else "\n"
        text += piece
    return text
