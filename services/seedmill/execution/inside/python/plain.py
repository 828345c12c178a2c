"""Values that cross as data, beside the plain built-in ones: which types and functions both sides know by name."""

import builtins
import sys


def builtin_types():
    """Builtin classes by name: they stand for themselves on both sides. BaseException-only classes end programs."""
    found = {"NoneType": type(None), "function": type(lambda: None), "ellipsis": type(...)}
    for name, value in vars(builtins).items():
        if isinstance(value, type) and (not issubclass(value, BaseException) or issubclass(value, Exception)):
            found[name] = value
    return found


BUILTIN_TYPES = builtin_types()
BUILTIN_NAMES = {value: name for name, value in BUILTIN_TYPES.items()}
BUILTIN_FUNCTIONS = {
    name: getattr(builtins, name)
    for name in [
        "abs",
        "all",
        "any",
        "ascii",
        "bin",
        "callable",
        "chr",
        "divmod",
        "format",
        "hash",
        "hex",
        "isinstance",
        "issubclass",
        "iter",
        "len",
        "max",
        "min",
        "next",
        "oct",
        "ord",
        "pow",
        "print",
        "repr",
        "round",
        "sorted",
        "sum",
    ]
}  # sent by name by T only, so that `apply(len, xs)` costs no callback
FUNCTION_NAMES = {id(value): name for name, value in BUILTIN_FUNCTIONS.items()}
LIBRARY_CONTAINERS = ("Counter", "OrderedDict", "defaultdict", "deque")


def is_library_container(kind):
    return kind.__module__ == "collections" and getattr(sys.modules.get("collections"), kind.__name__, 0) is kind \
        and kind.__name__ in LIBRARY_CONTAINERS  # fmt: skip


def library_value(kind, value):
    """(module, name, arguments) of an immutable value from the standard library, or None."""
    module = kind.__module__
    if not isinstance(module, str) or getattr(sys.modules.get(module), kind.__name__, None) is not kind:
        return None
    name = kind.__name__
    if module == "decimal" and name == "Decimal":
        return (module, name, (str(value),))
    if module == "fractions" and name == "Fraction":
        return (module, name, (value.numerator, value.denominator))
    if module == "uuid" and name == "UUID":
        return (module, name, (str(value),))
    if module == "datetime":
        if name == "timedelta":
            return (module, name, (value.days, value.seconds, value.microseconds))
        if name == "date":
            return (module, name, (value.year, value.month, value.day))
        zone = getattr(value, "tzinfo", None)
        if zone is None and name == "datetime":
            parts = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
            return (module, name, parts)
        if zone is None and name == "time":
            return (module, name, (value.hour, value.minute, value.second, value.microsecond))
    return None


LIBRARY_VALUES = frozenset(
    [
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("uuid", "UUID"),
        ("datetime", "timedelta"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
    ]
)
LIBRARY_CLASSES = LIBRARY_VALUES | {("collections", name) for name in LIBRARY_CONTAINERS}


def class_name(kind):
    """The name under which both sides know a class, or an empty string."""
    name = BUILTIN_NAMES.get(kind)
    if name is None and (kind.__module__, kind.__name__) in LIBRARY_CLASSES:
        known = getattr(sys.modules.get(kind.__module__), kind.__name__, None)
        name = f"{kind.__module__}.{kind.__name__}" if known is kind else None
    return name or ""


def class_named(name):
    """The class of that name, or None."""
    if name in BUILTIN_TYPES:
        return BUILTIN_TYPES[name]
    module, _, last = name.partition(".")
    return getattr(__import__(module), last) if (module, last) in LIBRARY_CLASSES else None
