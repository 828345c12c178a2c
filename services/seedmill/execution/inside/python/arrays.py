"""NumPy's arrays and scalars as plain data: element type, shape and bytes, of numbers and booleans only.

No other element type crosses: objects would need pickle, and the decoder must build nothing but values. What the bytes
mean is checked against the shape before an array is made of them; booleans are made 0 or 1 again, since NumPy believes
that they are. NumPy is only ever the environment's own, read-only one (`packages`).
"""

import importlib
import re
import struct
import sys

from . import packages

_ELEMENT = re.compile(r"\|b1|[|<>](?:[iu][1248]|f[248]|c(?:8|16))", re.ASCII)
MOST_DIMENSIONS = 64
_NAMES = """
    T all any argmax argmin argpartition argsort astype base byteswap choose clip compress conj conjugate copy
    ctypes cumprod cumsum data device diagonal dot dtype dump dumps fill flags flat flatten getfield imag item
    itemsize mT max mean min nbytes ndim newbyteorder nonzero partition prod ptp put ravel real repeat reshape
    resize round searchsorted setfield setflags shape size sort squeeze std strides sum swapaxes take to_device
    tobytes tofile tolist trace transpose var view
"""
ATTRIBUTES = frozenset(_NAMES.split())
"""What arrays and their scalars have beside other data."""


def numpy():
    """The module, where it is imported already and the environment's own; else None."""
    return sys.modules.get("numpy") if packages.provides("numpy") else None


def is_array(kind):
    """Whether it is exactly NumPy's array; its elements may be of any type."""
    module = numpy()
    return module is not None and kind is getattr(module, "ndarray", None)


def is_scalar(kind):
    """Whether it is one of NumPy's scalar types."""
    module = numpy()
    generic = getattr(module, "generic", None)
    return isinstance(generic, type) and issubclass(kind, generic) and kind.__module__ == "numpy"


def crosses(value):
    """Whether an array or a scalar is of numbers or booleans."""
    return _ELEMENT.fullmatch(value.dtype.str) is not None


def head(array):
    """Element type and shape, as the decoder wants them."""
    name = array.dtype.str.encode()
    shape = array.shape
    return struct.pack(f"<BB{len(shape)}Q", len(name), len(shape), *shape) + name + bytes([array.flags.writeable])


def take_head(take):
    """(element type, shape, whether it can be written to) from `take(size)`, which gives so many bytes.

    Raises ValueError for what no array has.
    """
    length, dimensions = take(2)
    if dimensions > MOST_DIMENSIONS:
        raise ValueError("an array of too many dimensions")
    shape = struct.unpack(f"<{dimensions}Q", take(8 * dimensions))
    name = take(length).decode("ascii")
    if not _ELEMENT.fullmatch(name):
        raise ValueError("an array of an element type that does not cross")
    return name, shape, take(1) != b"\0"


def make(name, shape, writeable, data):
    """An array of its own from its bytes, in C order. Raises ValueError where they do not fit."""
    array = _elements(name, data).reshape(shape)
    array.flags.writeable = writeable
    return array


def fill(array, name, shape, data):
    """Replace the elements of an array. Raises ValueError where type or shape are other ones."""
    if (array.dtype.str, array.shape) != (name, shape):
        raise ValueError("an array that came back as another one")
    array[...] = _elements(name, data).reshape(shape)


def scalar(name, data):
    """One of NumPy's scalars. Raises ValueError."""
    if not _ELEMENT.fullmatch(name):
        raise ValueError("a scalar of a type that does not cross")
    return _elements(name, data).reshape(())[()]


def _elements(name, data):
    module = importlib.import_module("numpy")
    kind = module.dtype(name)
    if len(data) % kind.itemsize:
        raise ValueError("an array whose bytes do not fit")
    if kind.kind == "b":
        return module.frombuffer(data, module.uint8) != 0
    return module.frombuffer(data, kind).copy()
