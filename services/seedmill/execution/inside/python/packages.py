"""The environment's packages: read-only, the same for the tests' process and the solution's, and trusted by both.

The warden imports some before programs come, and each program's processes begin as copies of it; so imports cost
nothing, and what one program does to a module the next never sees. Numeric libraries get one thread: they start more
than a program may have.
"""

import os
import sys

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")

_there = {"folder": "", "names": frozenset()}


def provide(folder, preload):
    """Have the packages in `folder` imported, and import some of them now. Raises what they raise."""
    _there["folder"] = folder
    _there["names"] = frozenset(name.partition(".")[0] for name in os.listdir(folder) if "-" not in name)
    sys.path.append(folder)
    os.environ.update(ONE_THREAD)
    for name in preload:
        __import__(name)


def folder():
    """Where they lie, or an empty string."""
    return _there["folder"]


def provides(module):
    """Whether a module, by its full name, is one of the packages'."""
    return module.partition(".")[0] in _there["names"]


def begin():
    """In a process that a program's code will run in."""
    if not folder():
        return
    random = sys.modules.get("numpy.random")
    if random is not None:  # else every copy of the warden would draw the same numbers
        random.seed()
