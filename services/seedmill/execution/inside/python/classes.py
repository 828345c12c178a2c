"""What of a class the other side is told: its name and bases, and which operators of its objects are forwarded."""

from .plain import BUILTIN_NAMES

UNARY = tuple(
    [
        "__len__",
        "__iter__",
        "__next__",
        "__reversed__",
        "__getitem__",
        "__setitem__",
        "__delitem__",
        "__call__",
        "__bool__",
        "__int__",
        "__float__",
        "__complex__",
        "__index__",
        "__neg__",
        "__pos__",
        "__abs__",
        "__invert__",
        "__round__",
        "__trunc__",
        "__floor__",
        "__ceil__",
        "__enter__",
        "__exit__",
        "__contains__",
    ]
)
BINARY = tuple(
    f"__{kind}{name}__"
    for name in [
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "divmod",
        "pow",
        "matmul",
        "lshift",
        "rshift",
        "and",
        "or",
        "xor",
    ]
    for kind in ("", "r", "i")
    if (kind, name) != ("i", "divmod")
) + tuple(f"__{name}__" for name in ["lt", "le", "gt", "ge", "eq", "ne"])
FORWARDED = frozenset(UNARY + BINARY + ("__hash__", "__repr__", "__str__", "__format__", "__dir__", "__array__"))
IMAGES = (int, float, complex, str, bytes, tuple, list, dict, set, frozenset)


def defined(kind, name):
    """What objects of a class have under a special name beside what `object` has; None for nothing.

    Not by getattr, which also finds what the class itself can do by its metaclass: every class can be called.
    """
    for base in kind.__mro__:
        if name in vars(base):
            return None if base is object else vars(base)[name]
    return None


def describe(kind):
    """(name, bases that matter, forwarded methods, flags) of a class, as sent once per class."""
    bases = tuple(
        base
        for base in kind.__bases__
        if base is not object
        and (base not in BUILTIN_NAMES or issubclass(base, Exception))
        and base.__name__ != "Generic"
    )
    dunders = tuple(
        name for name in sorted(FORWARDED) if name not in ("__repr__", "__dir__") and defined(kind, name) is not None
    )
    image = next((base for base in kind.__mro__ if base in IMAGES), None)
    return str(kind.__name__), bases, dunders, {"error": issubclass(kind, Exception), "image": image}
