"""The namespaces that programs run in: a real `__main__`, a module `solution`, and a stub for the control run."""

import ast
import builtins
import sys
from types import ModuleType

BUILTIN = frozenset(vars(builtins))
_ACT_WHEN_IMPORTED = frozenset(["__main__", "antigravity", "idlelib", "test", "this", "turtledemo"])
MODULE_NAMES = ("solution", "main")


def new_main():
    """A fresh module that is `__main__`, as pickle, multiprocessing and `if __name__ == …` expect."""
    main = ModuleType("__main__")
    main.__builtins__ = builtins
    sys.modules["__main__"] = main
    return main


def load(text, module):
    """Run the solution's text as that module. Raises what it raises."""
    exec(compile(text, "<solution>", "exec", dont_inherit=True), module.__dict__)


def public(namespace):
    """What of a solution the tests may name: all but dunder names."""
    return {name: value for name, value in namespace.items() if not (name.startswith("__") and name.endswith("__"))}


def add_exit():
    """`exit` and `quit`, which come from the `site` module, which is left out for speed."""

    def leave(code=None):
        raise SystemExit(code)

    for name in ("exit", "quit"):
        if not hasattr(builtins, name):
            setattr(builtins, name, leave)


def stub(solution, kept):
    """The solution's names with everything that it does taken out: functions and classes raise NotImplementedError.

    `kept`: built-in names that the tests keep whatever the solution says.
    """
    names = {}
    for node in solution.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(_imported(node))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names[node.name] = _raise
        elif isinstance(node, ast.ClassDef):
            names[node.name] = _stub_class(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for each in ast.walk(target):
                    if isinstance(each, ast.Name):
                        names[each.id] = _constant(node.value)
    return {name: value for name, value in names.items() if name not in kept}


def _raise(*_args, **_kwargs):
    raise NotImplementedError("a stub of the solution")


class _StubMeta(type):
    __call__ = __getattr__ = __iter__ = __len__ = __getitem__ = __contains__ = _raise


def _stub_class(node):
    bases = [base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in node.bases]
    if any(name.endswith(("Error", "Exception", "Warning")) for name in bases):
        known = [getattr(builtins, name) for name in bases if hasattr(builtins, name)]
        return type(node.name, tuple(known) or (Exception,), {})
    return _StubMeta(node.name, (), {})


def _constant(node):
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return _raise


def _imported(node):
    names = {}
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    if any(name.partition(".")[0] in _ACT_WHEN_IMPORTED for name in modules):
        return {}
    try:
        exec(compile(ast.Module([node], []), "<solution>", "exec"), names)
    except BaseException:  # one that leaves would end the control run, and weak tests would seem to be none
        return {}
    return public(names)
