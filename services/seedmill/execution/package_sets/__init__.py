"""Package sets: what an environment has beside the standard library, installed once for the sandbox's Python.

    building    pip's work, checked, compiled and moved to its place  -> target    which wheels fit that Python
                                                                      -> installed where sets lie, and which there are
                                                                      -> content   the digest of one

`environments.py` makes environments of what is installed. Everything here runs before a service starts, never while
programs run.
"""
