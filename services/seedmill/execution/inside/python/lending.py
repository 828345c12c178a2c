"""What one side may do with the objects of the other.

S serves everything: its objects are what the tests test. T lends little, because whatever S can reach in T it can forge
with: a function has `__globals__`, and these have everything. So S may call the tests' functions, step their iterators,
and use the public attributes of objects whose class the tests themselves define; nothing else of T can be named.
"""

import builtins
import sys

from . import arrays
from .classes import FORWARDED, IMAGES
from .mirrors import is_mirror
from .plain import BUILTIN_NAMES
from .programs import public
from .wire import NotPlain, OwnObject

ITERATORS = frozenset(
    [
        "generator",
        "map",
        "filter",
        "zip",
        "enumerate",
        "reversed",
        "list_iterator",
        "list_reverseiterator",
        "tuple_iterator",
        "set_iterator",
        "dict_keyiterator",
        "dict_valueiterator",
        "dict_itemiterator",
        "range_iterator",
        "longrange_iterator",
        "str_ascii_iterator",
        "str_iterator",
        "bytes_iterator",
        "callable_iterator",
    ]
)

CALLABLES = frozenset(
    [
        "function",
        "method",
        "builtin_function_or_method",
        "method_descriptor",
        "method-wrapper",
        "wrapper_descriptor",
        "partial",
        "itemgetter",
        "attrgetter",
        "methodcaller",
        "_lru_cache_wrapper",
    ]
)


def special(target, name, args):
    """Call a special method as the interpreter would: on the type."""
    if name not in FORWARDED:
        raise AttributeError(name)
    return getattr(type(target), name)(target, *args)


def image_of(value):
    """A subclass of a built-in type as that built-in type."""
    kind = next(base for base in type(value).__mro__ if base in IMAGES)
    return {tuple: tuple.__getitem__, list: list.__getitem__}.get(kind, lambda v, _: kind(v))(value, slice(None))


VIEWS = frozenset(["dict_keys", "dict_values", "dict_items", "odict_keys", "odict_values", "odict_items"])
CLASS_MAKERS = frozenset([type, super, property, classmethod, staticmethod])
READS_ATTRIBUTES = frozenset(["format", "format_map", "__getattribute__", "__reduce_ex__", "__reduce__"])


class SolutionPolicy:
    """S: the tests may do everything with the solution's objects."""

    sends_functions = False

    def __init__(self, exports):
        self.exports = exports

    def may_request(self, endpoint):
        # Outside a call of the tests nobody listens at the other end.
        return endpoint.depth > 0

    def check_lend(self, value):
        pass

    def refusal(self, classes):
        return ""

    def perform(self, endpoint, operation, target, name, args, kwargs):
        if operation == "call":
            return target(*args, **kwargs)
        if operation == "get":
            return getattr(target, name)
        if operation == "special":
            return special(target, name, args)
        if operation == "set":
            return setattr(target, name, args[0])
        if operation == "del":
            return delattr(target, name)
        if operation == "image":
            return image_of(target)
        if operation == "exit":
            error = args[0] if isinstance(args[0], BaseException) else _error(name, args[0])
            return bool(type(target).__exit__(target, type(error), error, None))
        if operation == "names":
            return list(public(self.exports))
        if operation == "export":
            return self.exports[name]
        if operation == "same":
            return _imported(*args) is self.exports.get(name)
        if operation == "now":
            return [self.exports.get(each) for each in args]
        raise ValueError(operation)


class TestsPolicy:
    """T: see the module's text."""

    sends_functions = True

    def may_request(self, endpoint):
        return True

    def check_lend(self, value):
        kind = type(value)
        # Lending a class gives away nothing but its name; what can be done with it is decided in `perform`.
        if isinstance(value, type) or _of_tests(kind) or kind.__name__ in ITERATORS or kind.__name__ in VIEWS:
            return
        # Not `str.format`: with a text of its own the solution would read `{0.__globals__}` of the tests' functions.
        unbound = kind.__name__ in ("method_descriptor", "wrapper_descriptor") and value.__name__ in READS_ATTRIBUTES
        if kind.__name__ in CALLABLES and getattr(value, "__module__", "") != "builtins" and not unbound:
            return
        # Of a class that the solution can name, it may be the one who had the tests make this object.
        # What an array holds that does not cross may be the solution's doing, too.
        made = arrays.is_array(kind) or arrays.is_scalar(kind)
        nameable = kind in BUILTIN_NAMES or isinstance(value, BaseException) or unbound or made
        refusal = NotPlain if nameable else OwnObject
        raise refusal(f"{kind.__module__}.{kind.__name__} given to the solution by the tests")

    def refusal(self, classes):
        """Why the tests' functions are not called with these classes of the built-in ones.

        With `type` a function that calls what it is given would make a class of the solution's own here, whose objects
        equal everything.
        """
        made = sorted(kind.__name__ for kind in classes & CLASS_MAKERS)
        return f"{made[0]} given to the tests by the solution" if made else ""

    def perform(self, endpoint, operation, target, name, args, kwargs):
        if target is None or is_mirror(target):
            raise TypeError("nothing of the tests has this name")
        if operation == "call":
            if isinstance(target, type) and not _of_tests(target):
                raise TypeError("not a function of the tests")
            return target(*args, **kwargs)
        if operation == "special" and name in ("__iter__", "__next__", "__call__", "__repr__", "__str__", "__format__"):
            return special(target, name, args)
        if operation == "special" and type(target).__name__ in VIEWS:
            return special(target, name, args)
        if not _of_tests(type(target)):
            raise AttributeError(name)
        if operation == "special":
            return special(target, name, args)
        if type(name) is not str or name.startswith("_"):
            raise AttributeError(name)
        if operation == "get":
            return getattr(target, name)
        if operation == "set":
            return setattr(target, name, args[0])
        raise AttributeError(name)


def _imported(module, attribute):
    found = sys.modules.get(module)
    return getattr(found, attribute, None) if attribute else found


def _of_tests(kind):
    return kind.__module__ == "__main__" and not is_test_case(kind)


def is_test_case(kind):
    """Whether a class is a unittest.TestCase."""
    case = sys.modules.get("unittest.case")
    return case is not None and issubclass(kind, case.TestCase)


def _error(name, text):
    kind = getattr(builtins, name, None)
    return kind(text) if isinstance(kind, type) and issubclass(kind, Exception) else Exception(text)
