"""T: the tests. It decides from the texts how they can be judged, runs them, and reports to the warden.

Under strict the solution is another process and its names here are mirrors; under token it was loaded here, first, and
the nonce that makes a report valid was not yet in this process. What is reported before the first line of a program
ran can be believed as far as that program goes.
"""

import ast
import importlib
import os
import struct
import sys
from types import ModuleType

from ..reasons import why
from . import deference, doubts, hosting
from .counting import COUNT, counted, replace_unittest_main, run_class, run_function, to_run
from .lending import TestsPolicy
from .mirrors import Mirrors, is_mirror
from .programs import BUILTIN, MODULE_NAMES, add_exit, load, new_main, stub
from .remote import Endpoint, PeerGone, Unsupported
from .solution_process import LOADED
from .wire import Encoder, NotPlain, read_exactly

STRICT, TOKEN, AUTO = "strict", "token", "auto"
UNHOSTED = "unhosted"
"""Reported where strict cannot host the program and the run may go on by token."""


class Ended(Exception):
    """This run is over: status and reason."""


class TestProcess:
    """One run of the tests. `mode` is strict, token or auto; `control` runs them on a stub of the solution."""

    def __init__(self, report_fd, nonce_fd, socket_fd, mode, control):
        self.report_fd = report_fd
        self.nonce_fd = nonce_fd
        self.socket_fd = socket_fd
        self.mode = mode
        self.control = control
        self.asserts = 0
        self.endpoint = None
        self.doubt = ""
        self.copied = {}
        self.exported = set()
        self.bound = frozenset()

    def run(self, solution, tests):
        try:
            self.judge(solution, tests)
        except Ended as ended:
            status, reason = ended.args
            self.report(b"x", f"{status}\n{reason}".encode("utf-8", "replace"))

    def report(self, kind, data):
        data = data[:4000]
        os.write(self.report_fd, kind + struct.pack("<I", len(data)) + data)

    def judge(self, solution, tests):
        solution_tree, tests_tree = _parse(solution, "<solution>"), _parse(tests, "<tests>")
        downgrade = ""
        if self.mode != TOKEN:
            downgrade = hosting.unhosted(tests_tree)
            if downgrade and self.mode == STRICT:
                raise Ended("error", f"StrictUnsupported: {downgrade}")
        strict = self.mode != TOKEN and not downgrade
        functions, classes = to_run(tests_tree)
        control = hosting.needs_control(tests_tree, solution_tree, functions)
        names = hosting.identifiers(tests_tree)
        kept = BUILTIN - {hosting.subject(tests_tree)} if strict else frozenset()
        read = doubts.read(tests_tree) - doubts.bound(tests_tree)
        self.bound = doubts.bound(tests_tree) | doubts.imported(tests_tree)
        if strict:
            self.doubt = doubts.doubt(solution_tree)
        modules = hosting.module_uses(tests_tree)
        shared = hosting.shared_imports(solution_tree)
        code = counted(tests_tree)
        self.report(b"p", f"{'strict' if strict else 'token'}\n{int(control)}\n{downgrade}".encode())
        if strict:
            self.refuse_second_meanings(kept & read & doubts.bound(solution_tree))
        main = new_main()
        add_exit()
        if self.control:
            self.expose(main, stub(solution_tree, kept))
        elif strict:
            self.connect()
            self.expose(main, self.mirrored(names - kept, modules, shared, kept & read, read))
        else:
            self.load(solution, main)
        nonce = self.nonce()
        self.run_tests(main, code, functions, classes, tests)
        self.report(b"d", nonce + struct.pack("<I", self.asserts))

    # the solution

    def connect(self):
        self.endpoint = Endpoint(self.socket_fd, self.socket_fd, TestsPolicy(), Mirrors(trusting=False))
        kind, data = self.endpoint.receive()
        if kind == LOADED:
            return
        if not kind:
            raise Ended("gone", "the solution's process ended while it was loaded")
        status, _, reason = data.decode("utf-8", "replace").partition("\n")
        raise Ended("memory" if status == "memory" else "error", reason)

    def refuse_second_meanings(self, names):
        """Built-in names in the tests that the solution has too: nobody can tell whose is meant.

        Python's own would judge another function than the solution's, and the solution's could be a false judge.
        """
        for name in sorted(names - {"__name__"}):
            raise Ended("error", f"StrictUnsupported: the tests use {name}, and the solution has one of its own")

    def mirrored(self, names, modules, shared, kept, read):
        """The solution's names that the tests may mean. The tests' modules stay the tests' own."""
        found = {}
        try:
            exported = self.endpoint.request("names")
            self.exported = {name for name in exported if type(name) is str and not _is_dunder(name)}
            for name in sorted(self.exported & names):
                module, attribute = shared.get(name) or ((modules[name], "") if name in modules else ("", ""))
                if module and self.endpoint.request("same", 0, name, (module, attribute)) is True:
                    imported = importlib.import_module(module)
                    found[name] = getattr(imported, attribute) if attribute else imported
                elif name in modules and name in read:
                    why = f"the tests use {name}, which is a module, and the solution has another one of its own"
                    raise Ended("error", f"StrictUnsupported: {why}")
                else:
                    found[name] = self.endpoint.request("export", 0, name)
                    self.remember(name, found[name], read)
        except (PeerGone, TypeError):
            raise Ended("gone", "the solution's process ended before the tests ran") from None
        except (Unsupported, AttributeError, ImportError) as error:
            raise Ended("error", f"StrictUnsupported: {error}") from None
        self.refuse_second_meanings(self.exported & kept)
        return found

    def remember(self, name, value, read):
        """What the tests read of the solution's data is a copy; whether it still is one is asked at the end."""
        if name in read and not is_mirror(value):
            self.copied[name] = (value, _image(value))

    def check_copies(self):
        """Give up where the tests read, or changed, a copy of what is not the same in the solution any more."""
        if not self.copied or self.endpoint.broken or self.endpoint.unsupported:
            return
        try:
            now = self.endpoint.request("now", 0, "", tuple(self.copied))
            for (name, (value, image)), other in zip(self.copied.items(), now, strict=True):
                if image != _image(value) or image != _image(other):
                    self.endpoint.give_up(f"{name}, data of the solution's that changes while the tests run")
        except (PeerGone, Unsupported, TypeError, ValueError):
            return  # noted where it was raised, or the solution's answer is no list: nothing says that it changed

    def load(self, solution, main):
        try:
            load(solution, main)
        except BaseException as error:
            raise Ended("memory" if isinstance(error, MemoryError) else "error", why(error)) from None
        for name in MODULE_NAMES:
            sys.modules[name] = main

    def expose(self, main, found):
        """The solution's names as globals, and as a module that can be imported."""
        main.__dict__.update(found)
        module = ModuleType("solution")
        module.__dict__.update(found)
        if self.endpoint is not None:
            module.__getattr__ = self.more
            # Names that the tests have from elsewhere stay theirs: else `import *` would replace what judges.
            module.__all__ = sorted(n for n in self.exported - BUILTIN - self.bound if not n.startswith("_"))
        for name in MODULE_NAMES:
            sys.modules[name] = module

    def more(self, name):
        if name not in self.exported:
            raise AttributeError(f"module 'solution' has no attribute {name!r}")
        return self.endpoint.request("export", 0, name)

    def nonce(self):
        self.report(b"l", b"")
        nonce = read_exactly(lambda size: os.read(self.nonce_fd, size), 16)
        if nonce is None:
            os._exit(1)
        return nonce

    # the tests

    def count(self):
        self.asserts += 1

    def run_tests(self, main, code, functions, classes, tests):
        namespace = main.__dict__
        namespace[COUNT] = self.count
        ran = set()
        if "unittest" in tests:
            replace_unittest_main(namespace, ran)
        try:
            exec(code, namespace)
            for name in functions:
                run_function(namespace[name])
            for name in classes:
                kind = namespace.get(name)
                if isinstance(kind, type) and name not in ran and kind.__module__ == "__main__":
                    run_class(kind)
        except BaseException as error:
            self.check_solution(tests)
            raise Ended(*self.outcome(error, tests)) from None
        self.check_solution(tests)

    def check_solution(self, tests):
        """What went wrong under strict counts even if the tests caught the exception."""
        if self.endpoint is not None:
            self.check_copies()
        if self.endpoint is not None and self.endpoint.unsupported:
            raise self.unhosted(tests)
        if self.endpoint is not None and self.endpoint.broken:
            ended = self.endpoint.broken.endswith("in the solution")
            raise Ended("fail" if ended else "gone", f"the solution's process is lost: {self.endpoint.broken}")

    def unhosted(self, tests):
        """What strict found that it cannot host: under `auto` the warden goes on by token if this is the tests' doing.

        By token a solution can forge: with objects that equal everything, by reading the tests' frames, by replacing
        what the tests call (three of 22 ways that were tried). So the weaker verdict must never be the solution's
        choice, neither by what it returns nor by when. It is not when the tests hand over an object that no solution
        can have made them make, and not when their text leaves the judgement to the solution's objects (`deference`):
        T alone looks at both, and under strict no line of the solution ever runs in T. Everything else that stops
        strict - an object of the solution's where the tests expect their own data, an answer that cannot cross - is
        something that a solution can do on purpose, and stays an error.
        """
        why = self.endpoint.unsupported
        if self.mode == AUTO and (self.endpoint.unsupported_by_tests or deference.defers(ast.parse(tests))):
            return Ended(UNHOSTED, why)
        return Ended("error", f"StrictUnsupported: {why}")

    def outcome(self, error, tests):
        if isinstance(error, SystemExit):
            return "incomplete", f"the tests ended early: {why(error, tests)}"
        if isinstance(error, MemoryError):
            return "memory", why(error, tests)
        if self.doubt and self.endpoint is not None:
            return "error", f"StrictUnsupported: {self.doubt} ({why(error, tests)})"
        return "fail", why(error, tests)


def _is_dunder(name):
    return name.startswith("__") and name.endswith("__")


def _image(value):
    """Bytes that are equal for equal data; handles stand for themselves."""
    try:
        return Encoder(lambda each, _: b"h%d" % id(each)).encode(value)
    except NotPlain:
        return b""


def _parse(text, file):
    try:
        return ast.parse(text, file)
    except SyntaxError as error:
        raise Ended("error", why(error)) from None
    except (ValueError, RecursionError, MemoryError) as error:
        where = "solution" if file == "<solution>" else "tests"
        raise Ended("error", f"{type(error).__name__}: the {where} cannot be parsed") from None
