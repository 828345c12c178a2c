"""What stands in one process for an object or class that lives in the other.

In T a mirror must never let the solution learn what the tests expect, nor decide whether it was met: `f(2) == 6` with
an object of the solution on the left and the tests' own data on the right is answered in T, from the object's plain
image where it has one (subclasses of int, str, tuple, …), and is an error where it would need the solution's own
`__eq__`, `__sub__`, … Between two objects of the solution the operators are the solution's own: the tests ask for that.
In S, mirrors of the tests' objects forward everything (`trusting`); T's policy decides there.
"""

from . import arrays
from .classes import BINARY, FORWARDED, IMAGES
from .remote import PeerGone, Unsupported


class MirrorMeta(type):
    """The class of mirrored classes: calling one makes an object in the other process."""

    def __call__(cls, *args, **kwargs):
        return _ask(cls, "call", args=args, kwargs=kwargs)

    def __getattr__(cls, name):
        _refuse_array_protocols(name)
        return _ask(cls, "get", name)

    def __setattr__(cls, name, value):
        _ask(cls, "set", name, (value,))

    def __iter__(cls):
        return _ask(cls, "special", "__iter__")

    def __len__(cls):
        return _ask(cls, "special", "__len__")

    def __getitem__(cls, key):
        return _ask(cls, "special", "__getitem__", (key,))

    def __contains__(cls, item):
        return any(each is item for each in cls)

    def __repr__(cls):
        return _ask(cls, "special", "__repr__")

    @property
    def __doc__(cls):
        return _documentation(cls)

    def __subclasses__(cls):
        raise _endpoint(cls).give_up(f"the subclasses of class {cls.__name__}, which lives in the other process")

    def __or__(cls, other):
        raise _endpoint(cls).give_up(f"a type made of the solution's class {cls.__name__}")


class MirrorOperations:
    """What every mirror can do; the rest is forwarded as its class description says."""

    __slots__ = ()

    def __getattr__(self, name):
        _refuse_array_protocols(name)
        return _ask(self, "get", name)

    def __repr__(self):
        return _ask(self, "special", "__repr__")

    def __str__(self):
        return _ask(self, "special", "__str__")

    def __format__(self, spec):
        return _ask(self, "special", "__format__", (spec,))

    def __dir__(self):
        return _ask(self, "special", "__dir__")

    def __reduce_ex__(self, protocol):
        raise _endpoint(self).give_up(f"a copy of an object of the solution's class {type(self).__name__}")

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return hash(_number(self))


class Mirror(MirrorOperations):
    """An object of the other process."""

    __slots__ = ("__weakref__", "_seedmill_number")

    def __setattr__(self, name, value):
        _ask(self, "set", name, (value,))

    def __delattr__(self, name):
        _ask(self, "del", name)


class MirroredError(MirrorOperations):
    """An exception of the other process; it can be caught here by its class and by its built-in bases."""

    def __str__(self):
        return _ask(self, "special", "__str__")

    def __setattr__(self, name, value):
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            _ask(self, "set", name, (value,))

    def __getattr__(self, name):
        if name.startswith("__"):  # __notes__ and the like are looked for by the interpreter itself
            raise AttributeError(name)
        return _ask(self, "get", name)


def _refuse_array_protocols(name):
    """NumPy asks objects for memory addresses, and for ufuncs of their own.

    Here it must neither read the tests' memory where the solution points to, nor have the solution compute what judges
    it. Arrays come as data, by `__array__`.
    """
    if name.startswith(("__array", "__dlpack", "__cuda_array", "__buffer")):
        raise AttributeError(name)


def _number(mirror):
    return (
        type.__getattribute__(mirror, "_seedmill_class") if isinstance(mirror, MirrorMeta) else mirror._seedmill_number
    )


def _endpoint(mirror):
    kind = mirror if isinstance(mirror, MirrorMeta) else type(mirror)
    return type.__getattribute__(kind, "_seedmill_endpoint")


def _ask(mirror, operation, name="", args=(), kwargs=None):
    return _endpoint(mirror).request(operation, _number(mirror), name, args, kwargs)


def _documentation(mirror):
    try:
        return _ask(mirror, "get", "__doc__")
    except (AttributeError, RuntimeError):  # the tests' objects give none, and outside of a call nobody answers
        return None


def is_mirror(value):
    return isinstance(type(value), MirrorMeta) or isinstance(value, MirrorMeta)


class Mirrors:
    """Makes mirrors. `trusting`: operators are forwarded whatever the other operand is."""

    def __init__(self, trusting):
        self.trusting = trusting

    def number_of(self, value):
        """The number under which the peer knows it, or None when it is not the peer's."""
        return _number(value) if is_mirror(value) else None

    def make_class(self, endpoint, number, name, bases, dunders, flags):
        error = flags.get("error") is True
        image = flags.get("image") if flags.get("image") in IMAGES else None
        members = {"_seedmill_class": number, "_seedmill_endpoint": endpoint, "__module__": "solution"}
        for dunder in dunders:
            if dunder in FORWARDED and not (error and dunder == "__str__"):
                members[dunder] = self._method(dunder, image is not None)
        if not error:
            members["__doc__"] = property(_documentation)
        if image is not None and not error:
            # `isinstance(value, int)` is true of an object whose class the solution derives from int.
            looks = type(str(name), (image,), {"__module__": "solution"})
            members["__class__"] = property(lambda _: looks)
        if "__eq__" in members and "__hash__" not in members:
            members["__hash__"] = None
        parents = [base for base in bases if isinstance(base, type)]
        if error:
            if not any(isinstance(base, MirrorMeta) for base in parents):
                parents.insert(0, MirroredError)
            if not any(issubclass(base, Exception) for base in parents):
                parents.append(Exception)
        else:
            parents = [base for base in parents if isinstance(base, MirrorMeta) and issubclass(base, Mirror)] or [
                Mirror
            ]
            members["__slots__"] = ()
        try:
            return MirrorMeta(name, tuple(parents), members)
        except TypeError:  # an order of bases that exists only with classes left out here
            return MirrorMeta(name, (MirroredError, Exception) if error else (Mirror,), members)

    def make_instance(self, kind, number):
        made = kind.__new__(kind) if isinstance(kind, MirrorMeta) else Mirror()
        object.__setattr__(made, "_seedmill_number", number)
        if isinstance(made, MirroredError):
            BaseException.args.__set__(made, ())  # not by its own `__setattr__`, which would set the solution's
        return made

    def _method(self, name, image):
        if name == "__call__":
            return _call
        if name == "__array__" and not self.trusting:
            return _array
        if self.trusting or name not in _GUARDED:
            return _forward(name)
        return {"__contains__": _contains, "__exit__": _exit}.get(name) or _guarded(name, image)


_GUARDED = frozenset((*BINARY, "__contains__", "__exit__"))


def _forward(name):
    def method(self, *args):
        return _ask(self, "special", name, args)

    method.__name__ = name
    return method


def _call(self, *args, **kwargs):
    return _ask(self, "call", args=args, kwargs=kwargs)


def _guarded(name, image):
    """A binary operator of a solution's object, in T."""

    def method(self, other, *more):
        if is_mirror(other) and not more:
            return _ask(self, "special", name, (other,))
        if other is None and name in ("__eq__", "__ne__"):
            return NotImplemented
        if image and not name.startswith("__i"):
            plain = _ask(self, "image")
            if type(plain) is not type(self) and not is_mirror(plain):
                return getattr(plain, name)(other, *more)
        raise _endpoint(self).give_up(
            f"{name} between an object of the solution's class {type(self).__name__} and the tests' own data"
        )

    method.__name__ = name
    return method


def _contains(self, item):
    """By going through the items here: the solution does not hear what is looked for."""
    if is_mirror(item):
        return _ask(self, "special", "__contains__", (item,))
    # Not by hasattr, which would find the metaclass's own method.
    if not any("__iter__" in vars(kind) for kind in type(self).__mro__):
        raise _endpoint(self).give_up(f"`in` on an object of the solution's class {type(self).__name__}")
    return any(each is item or each == item for each in self)


def _array(self, dtype=None, copy=None):
    """For NumPy: the object's elements, as an array of numbers of T's own."""
    found = _ask(self, "special", "__array__")
    if not arrays.is_array(type(found)):
        raise _endpoint(self).give_up(f"an array made of an object of the solution's class {type(self).__name__}")
    return found if dtype is None else found.astype(dtype)


def _exit(self, kind, error, trace):
    """The solution's context manager may swallow exceptions, but not the tests' own verdict."""
    if error is None:
        _ask(self, "special", "__exit__", (None, None, None))
        return False
    if isinstance(error, (PeerGone, Unsupported)) or not isinstance(error, Exception):
        return False
    name = type(error).__name__
    swallowed = _ask(self, "exit", name, (error if is_mirror(error) else str(error),))
    return bool(swallowed is True) and not isinstance(error, AssertionError)
