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
from . import deference, hosting
from .counting import COUNT, counted, replace_unittest_main, run_class, run_function, to_run
from .lending import TestsPolicy
from .mirrors import Mirrors
from .programs import BUILTIN, MODULE_NAMES, add_exit, load, new_main, stub
from .remote import Endpoint, PeerGone
from .solution_process import LOADED
from .wire import read_exactly

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
        modules = hosting.module_uses(tests_tree)
        shared = hosting.shared_imports(solution_tree)
        code = counted(tests_tree)
        self.report(b"p", f"{'strict' if strict else 'token'}\n{int(control)}\n{downgrade}".encode())
        main = new_main()
        add_exit()
        if self.control:
            self.expose(main, stub(solution_tree, kept))
        elif strict:
            self.connect()
            self.expose(main, self.mirrored(names - kept, modules, shared))
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

    def mirrored(self, names, modules, shared):
        """The solution's names that the tests may mean. The tests' modules stay the tests' own."""
        found = {}
        try:
            exported = self.endpoint.request("names")
            for name in exported:
                if name not in names:
                    continue
                module, attribute = shared.get(name) or ((name, "") if name in modules else ("", ""))
                if module:
                    imported = importlib.import_module(module)
                    found[name] = getattr(imported, attribute) if attribute else imported
                else:
                    found[name] = self.endpoint.request("export", 0, name)
            self.exported = {name for name in exported if type(name) is str}
        except (PeerGone, TypeError):
            raise Ended("gone", "the solution's process ended before the tests ran") from None
        return found

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
            module.__all__ = sorted(self.exported - BUILTIN)
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
        return "fail", why(error, tests)


def _parse(text, file):
    try:
        return ast.parse(text, file)
    except SyntaxError as error:
        raise Ended("error", why(error)) from None
    except (ValueError, RecursionError, MemoryError) as error:
        where = "solution" if file == "<solution>" else "tests"
        raise Ended("error", f"{type(error).__name__}: the {where} cannot be parsed") from None
