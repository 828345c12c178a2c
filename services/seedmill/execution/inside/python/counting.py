"""Assertions counted as they run, and test functions found and run.

`assert` statements and unittest's `assert…` methods are followed by a call of the counter, so an assertion that fails,
or is never reached, does not count. Test functions and classes that the tests' own top level does not call are run.
"""

import ast

COUNT = "__seedmill_count__"


class _Counting(ast.NodeTransformer):
    def __init__(self, functions):
        self.functions = functions

    def visit_Assert(self, node):
        return [node, _count(node)]

    def visit_Expr(self, node):
        self.generic_visit(node)
        value = node.value
        if isinstance(value, ast.Call):
            function = value.func
            if isinstance(function, ast.Attribute) and function.attr.startswith("assert"):
                return [node, _count(node)]
            if isinstance(function, ast.Name) and function.id in self.functions:
                return [node, _count(node)]
        return node

    def visit_With(self, node):
        self.generic_visit(node)
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                if call.func.attr.startswith("assert") or call.func.attr == "raises":
                    return [node, _count(node)]
        return node


def _count(node):
    call = ast.Call(ast.Name(COUNT, ast.Load()), [], [])
    return ast.fix_missing_locations(ast.copy_location(ast.Expr(call), node))


def _testing_functions(tree):
    """`assert_allclose` and the like, which the tests import from `numpy.testing`, `pandas.testing`, …"""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".testing")
        for alias in node.names
        if alias.name.startswith("assert_")
    }


def counted(tree):
    """The tests' module with the counter's calls, compiled."""
    return compile(_Counting(_testing_functions(tree)).visit(tree), "<tests>", "exec", dont_inherit=True)


def to_run(tree):
    """Names of top-level test functions and classes that the top level itself does not call."""
    called = set()
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            called.update(n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name))
    functions, classes = [], []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
            required = len(node.args.args) + len(node.args.posonlyargs) - len(node.args.defaults)
            required += sum(1 for default in node.args.kw_defaults if default is None)
            if node.name not in called and required == 0:
                functions.append(node.name)
        elif isinstance(node, ast.ClassDef) and node.name not in called:
            classes.append(node.name)
    return functions, classes


def run_function(function):
    """Call a test function; a coroutine is run to its end."""
    result = function()
    if hasattr(result, "__await__"):
        import asyncio

        asyncio.run(_awaited(result))


async def _awaited(result):
    await result


def run_class(kind):
    """Run a unittest.TestCase, or a plain `Test…` class with `test…` methods. Raises what a test raised."""
    from .lending import is_test_case

    if is_test_case(kind):
        import unittest

        run_suite(unittest.defaultTestLoader.loadTestsFromTestCase(kind))
    elif kind.__name__.startswith("Test"):
        for name in [n for n in vars(kind) if n.startswith("test")]:
            instance = kind()
            if hasattr(instance, "setup_method"):
                instance.setup_method()
            run_function(getattr(instance, name))


def run_suite(suite):
    """Run unittest's suite. Raises what the first test that failed raised."""
    import unittest

    class Result(unittest.TestResult):
        def addError(self, test, err):
            raise _Stop(err[1])

        addFailure = addError

        def addSubTest(self, test, subtest, err):
            if err is not None:
                raise _Stop(err[1])

        def addUnexpectedSuccess(self, test):
            raise _Stop(AssertionError(f"{test} passed against its expectation"))

    class _Stop(BaseException):
        pass

    try:
        suite.run(Result())
    except _Stop as stop:
        error = stop.args[0]
        raise error from None


def replace_unittest_main(namespace, done):
    """Have `unittest.main()` run the classes of the tests without ending the process."""
    import unittest

    def main(*_args, **_options):
        for value in list(namespace.values()):
            if isinstance(value, type) and issubclass(value, unittest.TestCase) and value.__module__ == "__main__":
                done.add(value.__name__)
                run_class(value)

    unittest.main = unittest.TestProgram = main
