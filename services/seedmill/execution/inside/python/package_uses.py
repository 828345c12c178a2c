"""What tests use of the environment's packages, told from their text: which of it can be judged strictly.

NumPy and SciPy deal in numbers and arrays, which cross as data (`arrays`). Other packages make objects, which the tests
make and compare: a data frame, a graph, a formula. Their text alone says so, as in `hosting`, whatever the solution is.
"""

import ast
import builtins

from . import packages

HOSTED = frozenset(["numpy", "scipy"])
ALIASES = {"np": "numpy", "pd": "pandas", "nx": "networkx", "plt": "matplotlib.pyplot", "sns": "seaborn"}
"""Names that tests use for a module without importing it: by convention they mean nothing else."""


def hosted(module):
    """Whether a module is a package's whose values cross."""
    return module.partition(".")[0] in HOSTED and packages.provides(module)


def unhosted(tests):
    """(why, line) of the first use in the tests (a module's AST) that cannot be judged strictly, or None."""
    if not packages.folder():
        return None
    bound = _bound(tests)
    for node in ast.walk(tests):
        if why := _why(node, bound):
            return why, node.lineno
    return None


def meant(name):
    """The module that a name means where the tests use it without importing it: `np` is NumPy."""
    module = ALIASES.get(name, name)
    return module if hosted(module) else name


def _bound(tests):
    found = set(vars(builtins))
    for node in ast.walk(tests):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return found


def _why(node, bound):
    modules = []
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [node.module or ""]
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id not in bound:
        modules = [ALIASES.get(node.value.id, node.value.id)]
    elif isinstance(node, ast.Attribute) and node.attr == "seed" and isinstance(node.value, ast.Attribute):
        owner = node.value.value
        if node.value.attr == "random" and isinstance(owner, ast.Name) and owner.id in ("np", "numpy"):
            return "a seeded random generator"
    found = [name for name in modules if packages.provides(name) and not hosted(name)]
    return f"objects of {found[0].partition('.')[0]}" if found else ""
