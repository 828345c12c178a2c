"""What makes a failure under strict say nothing about the solution, told from its text and from what tests read.

Two processes show the same values as one, but not the same memory: the tests' mirrors keep objects of the solution
alive, and a global that the tests read is a copy. Where a solution lives off such things a failed assertion may be
strict's own doing, so it is an error that says so, never a fail. It never becomes a pass, and never the weaker verdict:
all of this is the solution's choice.
"""

import ast

MEMORY_MODULES = frozenset(["gc", "weakref", "tracemalloc", "inspect"])
MEMORY_CALLS = frozenset(["getrefcount", "_getframe", "currentframe"])


def doubt(solution):
    """Why strict may fail a right solution (a module's AST), or an empty string."""
    for node in ast.walk(solution):
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").partition(".")[0]}
        elif isinstance(node, ast.FunctionDef) and node.name == "__del__":
            return "the solution does something when an object of its is freed"
        elif isinstance(node, ast.Attribute) and node.attr in MEMORY_CALLS:
            return f"the solution uses {node.attr}"
        else:
            continue
        if found := sorted(names & MEMORY_MODULES):
            return f"the solution uses {found[0]}"
    return ""


def bound(tree):
    """Names that a module (AST) binds at its top level, or in a function as `global`."""
    found = set()
    for node in _outside_functions(tree.body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            found.add(node.name)
    return found | {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}


def imported(tree):
    """Names that a module's imports bind, wherever they stand; not those imported from the solution."""
    return {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        or (isinstance(node, ast.ImportFrom) and node.module not in ("solution", "main", "__main__"))
        for alias in node.names
    }


def read(tests):
    """Names whose values the tests use."""
    return {node.id for node in ast.walk(tests) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _outside_functions(nodes):
    for node in nodes:
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _outside_functions(ast.iter_child_nodes(node))
