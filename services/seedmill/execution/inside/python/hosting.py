"""What can be told from the texts alone, before anything runs.

*Whether the tests can be judged strictly.* With the solution in another process the tests see values, not memory: they
cannot patch it, capture what it prints, share files or threads with it, or subclass its classes. Only the tests' text
decides this, so a hostile solution cannot talk `Auto` down to the weaker verdict. What strict cannot host is sometimes
found only while the tests run; then, too, the tests must be the reason (`TestProcess.unhosted`).

*Whether the control run is needed.* Tests that call the solution in an assertion that cannot be skipped would fail
on an empty solution; running them on one says nothing new.
"""

import ast
import builtins
import sys

from . import package_uses
from .doubts import bound

SHARED_MODULES = {
    "threading": "threads",
    "_thread": "threads",
    "asyncio": "an event loop",
    "concurrent": "threads",
    "multiprocessing": "processes",
    "subprocess": "processes",
    "tempfile": "files",
    "shutil": "files",
    "pathlib": "files",
    "glob": "files",
    "sqlite3": "files",
    "mock": "patches",
    "unittest.mock": "patches",
    "inspect": "inspection of the code",
    "gc": "memory",
    "weakref": "memory",
    "signal": "signals",
    "pickle": "pickles",
    "shelve": "files",
    "importlib": "modules",
    "runpy": "modules",
    "doctest": "the solution's docstrings",
    "logging": "log records",
    "warnings": "warnings",
    "pytest": "pytest",
    "contextvars": "context variables",
    "socket": "sockets",
}
HARMLESS_OS = frozenset(["path", "sep", "linesep", "pathsep", "fspath"])
HARMLESS_PATH = frozenset(["join", "basename", "dirname", "splitext", "normpath", "split", "sep"])
NAMES = {
    "open": "files",
    "input": "the standard input",
    "redirect_stdout": "captured output",
    "redirect_stderr": "captured output",
    "setattr": "patches",
    "asdict": "dataclass fields",
    "astuple": "dataclass fields",
    "capsys": "captured output",
    "monkeypatch": "patches",
    "__import__": "modules",
}
ATTRIBUTES = frozenset(["redirect_stdout", "redirect_stderr", "asdict", "astuple"])
STDLIB = frozenset(
    [
        "math",
        "cmath",
        "random",
        "re",
        "json",
        "string",
        "itertools",
        "functools",
        "collections",
        "heapq",
        "bisect",
        "operator",
        "datetime",
        "time",
        "calendar",
        "decimal",
        "fractions",
        "statistics",
        "typing",
        "enum",
        "copy",
        "abc",
        "textwrap",
        "numbers",
        "array",
        "struct",
        "hashlib",
        "base64",
        "binascii",
        "zlib",
        "uuid",
        "pprint",
        "contextlib",
        "html",
        "unicodedata",
        "difflib",
        "queue",
        "csv",
        "io",
        "ipaddress",
        "graphlib",
        "zoneinfo",
        "keyword",
        "tokenize",
        "colorsys",
        "collections.abc",
        "urllib.parse",
        "os",
        "os.path",
    ]
)
"""Modules that a solution's `import` also brings to the tests, as the tests' own copy."""


def unhosted(tests):
    """Why these tests (a module's AST) cannot be judged strictly, or an empty string."""
    own = set(vars(builtins))
    for node in ast.walk(tests):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            own.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            own.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
            if isinstance(node, ast.ImportFrom) and node.module in ("solution", "main", "__main__"):
                own.difference_update(alias.asname or alias.name for alias in node.names)
    for node in ast.walk(tests):
        why = _why(node, own)
        if why:
            return f"the tests use {why} (line {node.lineno})"
    found = package_uses.unhosted(tests)
    return f"the tests use {found[0]} (line {found[1]})" if found else ""


def _why(node, own):
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if isinstance(node, ast.ImportFrom) and node.module == "unittest":
            names += [f"unittest.{a.name}" for a in node.names]
        for name in names:
            why = SHARED_MODULES.get(name) or SHARED_MODULES.get(name.partition(".")[0])
            if why:
                return why
    elif isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
        return NAMES[node.attr]
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner, name = node.value.id, node.attr
        if (owner == "os" and name not in HARMLESS_OS) or (
            owner == "sys" and name not in ("maxsize", "version_info", "exit")
        ):
            return f"{owner}.{name}"
        if (owner, name) in (("random", "seed"), ("unittest", "mock")):
            return "patches" if name == "mock" else "a seeded random generator"
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
        if node.value.attr == "path" and node.attr not in HARMLESS_PATH and _is_name(node.value.value, "os"):
            return f"os.path.{node.attr}"
    elif isinstance(node, ast.Name) and node.id in NAMES:
        return NAMES[node.id]
    elif isinstance(node, ast.AsyncFunctionDef):
        return "coroutines"
    elif isinstance(node, ast.ClassDef):
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id not in own:
                return f"a subclass of {base.id}"
        return _descriptors(node, own)
    return ""


def _descriptors(kind, own):
    """What in a class of the tests may be a descriptor of the solution's: its `__get__` needs their objects' memory."""
    tests = kind.name.startswith("Test") or any(getattr(base, "attr", "") == "TestCase" for base in kind.bases)
    for node in [] if tests or any(_is_name(base, "TestCase") for base in kind.bases) else kind.body:
        made = []
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call):
            made = [node.value.func]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            made = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
        for each in made:
            if isinstance(each, ast.Name) and each.id not in own:
                return f"{each.id} in a class of their own"
    return ""


def _is_name(node, name):
    return isinstance(node, ast.Name) and node.id == name


def identifiers(tests):
    """Every name in the tests: what of the solution they may mean."""
    found = set()
    for node in ast.walk(tests):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.update((node.name, node.name.partition(".")[0]))
    return found


def subject(tests):
    """The built-in name that the tests are about: the one name in them that neither they nor a module binds.

    Else built-in names stay the tests' own: a solution could add an `all` that is always true. With a second name
    in the tests it would be the solution that decides which of the two they mean.
    """
    bound, used = set(), set()
    for node in ast.walk(tests):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
    free = used - bound
    return free.pop() if len(free) == 1 and free <= set(vars(builtins)) else ""


def module_uses(tests):
    """{name: module} of modules that the tests use by attribute (`math.sqrt`, `np.sum`) without importing them.

    These are never the solution's.
    """
    used = {n.value.id for n in ast.walk(tests) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
    return {name: module for name in used if means_the_same(module := package_uses.meant(name))}


def means_the_same(module):
    """Whether tests and solution mean the same by a module's name."""
    return module in STDLIB or package_uses.hosted(module)


def shared_imports(solution):
    """{name: (module, attribute or '')} of the solution's top-level imports that mean the same for the tests.

    Only under their own names: `from operator import eq as is_even` would let the solution choose what runs in T.
    """
    found = {}
    own = bound(solution)
    for node in _top_level(solution.body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname is None and means_the_same(alias.name):
                    found[alias.name.partition(".")[0]] = (alias.name.partition(".")[0], "")
        elif isinstance(node, ast.ImportFrom) and not node.level and means_the_same(node.module):
            for alias in node.names:
                if alias.asname is None and alias.name != "*":
                    found[alias.name] = (node.module, alias.name)
                elif alias.name == "*":
                    module = sys.modules.get(node.module) or __import__(node.module, fromlist=["*"])
                    for name in getattr(module, "__all__", None) or [n for n in vars(module) if n[0] != "_"]:
                        found[name] = (node.module, name)
    return {name: place for name, place in found.items() if name not in own}


def _top_level(body):
    for node in body:
        yield node
        if isinstance(node, (ast.Try, ast.If, ast.With)):
            yield from _top_level(node.body)


def defined(solution):
    """Names of the solution's top-level functions and classes."""
    return {n.name for n in solution.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}


def needs_control(tests, solution, run_later):
    """Whether the tests might pass on an empty solution. `run_later`: names of test functions that will be run."""
    names = defined(solution) - (set(vars(builtins)) - {subject(tests)})  # under strict these stay the tests' own
    for node in ast.walk(tests):  # a name the tests bind themselves is not the solution's
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.discard(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            names.discard(node.name)
        elif isinstance(node, ast.arg):
            names.discard(node.arg)
    bodies = [tests.body] + [
        n.body for n in tests.body if isinstance(n, ast.FunctionDef) and n.name in run_later and not n.decorator_list
    ]
    return not any(
        isinstance(node, ast.Assert) and _calls(node.test, names) for body in bodies for node in _straight(body)
    )


def _straight(body):
    """Statements that are reached unless an earlier one raises."""
    for node in body:
        if isinstance(node, (ast.Return, ast.Raise)):
            return
        yield node


def _calls(node, names):
    """Whether evaluating the expression surely calls one of the names."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in names:
            return True
        return any(_calls(each, names) for each in [node.func, *node.args, *(k.value for k in node.keywords)])
    if isinstance(node, ast.Compare):
        return _calls(node.left, names) or _calls(node.comparators[0], names)
    if isinstance(node, ast.BoolOp):
        return _calls(node.values[0], names)
    if isinstance(node, (ast.UnaryOp, ast.Starred, ast.Attribute, ast.Subscript, ast.BinOp, ast.List, ast.Tuple)):
        return any(_calls(each, names) for each in ast.iter_child_nodes(node))
    return False
