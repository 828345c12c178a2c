"""Exceptions that cross by name: the built-in ones and those of these modules; others are lent like any object."""

EXCEPTION_MODULES = frozenset(
    [
        "json.decoder",
        "decimal",
        "queue",
        "_queue",
        "subprocess",
        "re",
        "_sre",
        "sre_constants",
        "re._constants",
        "struct",
        "zlib",
        "binascii",
        "csv",
        "_csv",
        "statistics",
        "dataclasses",
        "copy",
        "pickle",
        "_pickle",
        "ipaddress",
        "graphlib",
        "tomllib",
        "configparser",
        "zipfile",
        "urllib.error",
        "xml.etree.ElementTree",
        "zoneinfo",
        "string",
        "shutil",
        "numpy.linalg",
        "numpy.exceptions",
    ]
)


def library_exception(what):
    module, _, name = str(what).partition(":")
    if module not in EXCEPTION_MODULES:
        return Exception
    try:
        return getattr(__import__(module, fromlist=[name]), name, Exception)
    except ImportError:
        return Exception


def rebuild(kind, args):
    try:
        error = kind(*args)
    except Exception:
        error = kind.__new__(kind)
    error.args = args
    return error


def text_of(error):
    try:
        return str(error)
    except Exception:
        return ""
