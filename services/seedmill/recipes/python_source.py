"""What can be told about Python source without running it.

Parsing here is the interpreter's own and never raises: source that is not Python of this version gives None.
"""

import ast
import re
import warnings
from collections.abc import Iterator

_UNFINISHED = re.compile(
    r"\b(?:TODO|FIXME|NotImplementedError)\b|\#\s*(?i:todo|fixme)\b"
    r"|(?i:\byour (?:own )?(?:code|implementation|logic) (?:goes )?here\b)"
)
_READERS = frozenset({"input", "argv", "stdin", "ArgumentParser", "getpass", "raw_input"})


def parse_python(source: str) -> ast.Module | None:
    """The syntax tree, or None where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes and the like: the author's, not ours to print
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def is_main_guard(node: ast.stmt) -> bool:
    """Whether this is `if __name__ == "__main__":` without an else."""
    if not isinstance(node, ast.If) or node.orelse or not isinstance(node.test, ast.Compare):
        return False
    sides = [node.test.left, *node.test.comparators]
    names = {side.id for side in sides if isinstance(side, ast.Name)}
    constants = {side.value for side in sides if isinstance(side, ast.Constant)}
    return names == {"__name__"} and constants == {"__main__"} and isinstance(node.test.ops[0], ast.Eq)


def without_main_guards(source: str) -> str:
    """Source without the blocks that run only as a script: what remains is what tests can import."""
    return _without(source, reading_only=False)


def without_reading_guards(source: str) -> str:
    """Source without main guards that read input or arguments (SelfCodeAlign cuts everything behind any guard)."""
    return _without(source, reading_only=True)


def has_assertion(tree: ast.Module) -> bool:
    """Whether there is an assert statement or a call of something named assert…, anywhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call) and called_name(node).startswith("assert"):
            return True
    return False


def runs_something(tree: ast.Module) -> bool:
    """Whether loading the module does more than define: an assert, a call, a loop, … at top level.

    SelfCodeAlign, format rule 4: tests that are defined and never called prove nothing.
    """
    return any(_does_something(node) for node in tree.body)


def is_unfinished(source: str, tree: ast.Module) -> bool:
    """Whether the author left a part to the reader: placeholder phrases, or a function without a body.

    SelfCodeAlign, sanitize, as words instead of substrings: `mastodon` is no todo.
    """
    return _UNFINISHED.search(source) is not None or any(_is_stub(node) for node in tree.body)


def defined_names(tree: ast.Module) -> set[str]:
    """Every name that the source binds at top level."""
    names: set[str] = set()
    for node in tree.body:
        names |= set(_bound(node))
    return names


def _without(source: str, *, reading_only: bool) -> str:
    tree = parse_python(source)
    if tree is None:
        return source
    guards = [n for n in tree.body if is_main_guard(n) and not (reading_only and not _reads_input(n))]
    if not guards:
        return source
    dropped = {at for node in guards for at in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    kept = [line for at, line in enumerate(source.split("\n"), start=1) if at not in dropped]
    return "\n".join(kept).strip("\n")


def _reads_input(node: ast.stmt) -> bool:
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    names |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    return bool(names & _READERS)


def called_name(node: ast.expr) -> str:
    """The last name of what is called (`b` of `a.b()`); empty when this is no call of a name."""
    match node.func if isinstance(node, ast.Call) else None:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def _does_something(node: ast.stmt) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Import() | ast.ImportFrom() | ast.Pass():
            return False
        case ast.Expr(value=ast.Constant()):
            return False
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return any(isinstance(inner, ast.Call) for inner in ast.walk(node))
        case _:
            return True


def _is_stub(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    body = [n for n in node.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    return all(isinstance(n, ast.Pass) for n in body)


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name, ctx=ast.Store()) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.AsyncFunctionDef(name=name):
                yield name
            case ast.alias(name=name, asname=alias):
                yield alias or name.partition(".")[0]
            case ast.ExceptHandler(name=str(name)):
                yield name
            case _:
                pass
