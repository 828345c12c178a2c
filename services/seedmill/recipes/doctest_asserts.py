"""Doctests as a program of assertions.

A doctest compares printed text; training data and a verdict need asserts that stand alone. The rules, by what the
example shows:

    nothing                     the statement stays
    a literal                   assert f(x) == [1, 2]         (is None, is True; of pprint(x) too)
    other text                  assert repr(f(x)) == "Counter({'a': 2})"
    text of print(x)            assert str(x) == "…"
    other printed text          with contextlib.redirect_stdout(…), then assert printed.getvalue() == "…"
    text with ELLIPSIS          assert re.fullmatch(…, repr(f(x)), re.DOTALL)
    a traceback                 try: …, except Exception: assert type(error).__name__ == "ValueError", else: fail

NORMALIZE_WHITESPACE compares words. Examples marked SKIP are left out, and so are those that need names which neither
the code nor an earlier example defines (their definitions with them).
"""

import ast
import builtins
import doctest
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from seedmill.recipes.doctest_names import free_names, imported_names, on_its_own, only_imports, read_names
from seedmill.recipes.python_source import called_name, defined_names, has_assertion, parse_python

_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__doc__"}
_IMPORTS = (("contextlib.", "import contextlib"), ("io.", "import io"), ("re.fullmatch", "import re"))
_PRINTERS = frozenset({"print", "pprint", "pp"})
_LOOSE = (ast.BoolOp, ast.IfExp, ast.Lambda, ast.NamedExpr, ast.Compare, ast.Tuple, ast.Await, ast.GeneratorExp)
_EXCEPTION = re.compile(r"(?:\w+\.)*(?P<name>\w+)(?::|$)")
_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*doctest:.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Example:
    """One example: its statements, what it shows or raises, and how that is compared."""

    source: str
    body: Sequence[ast.stmt]
    want: str
    raises: str
    ellipsis: bool
    words_only: bool


def has_examples(docstring: str) -> bool:
    """Whether there is anything that looks like a doctest."""
    return any(line.lstrip().startswith(">>> ") for line in docstring.splitlines())


def doctest_asserts(docstring: str, code: str) -> str | None:
    """The tests that a docstring's examples are, for this code; None where nothing of them can be asserted."""
    tree = parse_python(code)
    if tree is None:
        return None
    known = defined_names(tree) | _BUILTINS
    modules: set[str] = set()
    kept: list[tuple[str, Sequence[ast.stmt]]] = []
    for example in _examples(docstring):
        modules |= imported_names(example.body)
        example = _moved(example, on_its_own(example.body, tree, modules | (free_names(example.body) - known)))
        if not example.body or free_names(example.body) - known:
            continue
        block = _convert(example)
        if block is not None:
            known |= defined_names(ast.Module([*example.body], []))
            kept.append((block, example.body))
    text = _without_idle_imports(kept)
    tests = parse_python(text)
    if tests is None or not has_assertion(tests):
        return None
    imports = [line for mark, line in _IMPORTS if mark in text]
    return "\n".join([*imports, *([""] if imports else []), text])


def _moved(example: _Example, body: Sequence[ast.stmt]) -> _Example:
    """The example with this body, written out anew where it differs."""
    if body == example.body:
        return example
    source = "\n".join(map(ast.unparse, body))
    return replace(example, source=source, body=ast.parse(source).body)


def _without_idle_imports(blocks: Sequence[tuple[str, Sequence[ast.stmt]]]) -> str:
    """The blocks as one text, without imports that served only what was rewritten."""
    tests = parse_python("\n".join(block for block, _ in blocks))
    used = read_names(tests.body) if tests else set[str]()
    return "\n".join(block for block, body in blocks if not only_imports(body) or imported_names(body) & used)


def _examples(docstring: str) -> Iterator[_Example]:
    try:
        found = doctest.DocTestParser().get_examples(docstring)
    except ValueError:
        return
    for example in found:
        source = _DIRECTIVE.sub("", example.source).rstrip("\n")
        tree = parse_python(source)
        if tree is None or example.options.get(doctest.SKIP):
            continue
        raised = _EXCEPTION.match(example.exc_msg or "")
        yield _Example(
            source=source,
            body=tree.body,
            want="" if raised else _wanted(example.want),
            raises=raised["name"] if raised else "",
            ellipsis=bool(example.options.get(doctest.ELLIPSIS)) and "..." in example.want,
            words_only=bool(example.options.get(doctest.NORMALIZE_WHITESPACE)),
        )


def _wanted(want: str) -> str:
    return "\n".join("" if line == "<BLANKLINE>" else line for line in want.rstrip("\n").split("\n"))


def _convert(example: _Example) -> str | None:
    if example.raises:
        return _raising(example)
    if not example.want:
        return example.source
    *first, last = example.body
    if any(isinstance(node, ast.Expr) for node in first):
        return None  # its text would be mixed with the last one's
    if not isinstance(last, ast.Expr):
        return _printing(example) if not _shows_values(example.body) else None
    before = "".join(f"{ast.unparse(node)}\n" for node in first)
    value = last.value
    printer = called_name(value)
    if printer not in _PRINTERS:
        asserted = _literal_assertion(value, example) or _text_assertion(f"repr({_written(value, example)})", example)
        return before + asserted
    if (printed := _only_argument(value)) is not None:
        if printer != "print" and (asserted := _literal_assertion(printed, example)):
            return before + asserted
        if printer == "print":
            return before + _text_assertion(f"str({_written(printed, example)})", example)
    return _printing(example)


def _only_argument(node: ast.expr) -> ast.expr | None:
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        return None if isinstance(node.args[0], ast.Starred) else node.args[0]
    return None


def _written(node: ast.expr, example: _Example) -> str:
    """The expression as the example has it, without a comment behind it."""
    text = ast.get_source_segment(example.source, node)
    # The parentheses that let an expression span lines are not part of it.
    return ast.unparse(node) if text is None or parse_python(text) is None else text


def _literal_assertion(node: ast.expr, example: _Example) -> str | None:
    if example.ellipsis or not _is_literal(example.want):
        return None
    want = example.want.strip()
    expression = _written(node, example)
    if want == "True" and isinstance(node, ast.Compare):
        return f"assert {expression}"
    negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    left = f"({expression})" if negated or isinstance(node, _LOOSE) else expression
    operator = "is" if want in {"True", "False", "None"} else "=="
    right = want if "\n" not in want or want[0] in "([{" else f"({want})"
    return f"assert {left} {operator} {right}"


def _text_assertion(text: str, example: _Example) -> str:
    want = example.want
    if example.words_only:
        text, want = f'" ".join({text}.split())', " ".join(want.split())
    if example.ellipsis:
        pattern = ".*".join(re.escape(part) for part in want.split("..."))
        return f"assert re.fullmatch({_raw(pattern)}, {text}, re.DOTALL)"
    return f"assert {text} == {want!r}"


def _printing(example: _Example) -> str:
    capture = "with contextlib.redirect_stdout(io.StringIO()) as printed:\n" + _indented(example)
    text = "printed.getvalue()" if example.words_only else 'printed.getvalue().rstrip("\\n")'
    return f"{capture}\n{_text_assertion(text, example)}"


def _raising(example: _Example) -> str:
    return (
        f"try:\n{_indented(example)}\n"
        f"except Exception as error:\n    assert type(error).__name__ == {example.raises!r}\n"
        f"else:\n    raise AssertionError({f'{example.raises} was not raised'!r})"
    )


def _shows_values(body: Sequence[ast.stmt]) -> bool:
    """Whether a compound statement shows the value of an expression, as only an interactive session does."""
    return any(
        isinstance(node, ast.Expr) and not isinstance(node.value, ast.Call | ast.Constant | ast.Await)
        for statement in body
        for node in ast.walk(statement)
    )


def _is_literal(text: str) -> bool:
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return False
    return value is not ...


def _indented(example: _Example) -> str:
    """The source one level deeper; text in it that spans lines keeps its own indentation."""
    spans = any(
        isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno != node.lineno
        for statement in example.body
        for node in ast.walk(statement)
    )
    source = "\n".join(ast.unparse(node) for node in example.body) if spans else example.source
    return textwrap.indent(source, "    ")


def _raw(pattern: str) -> str:
    """A regular expression as a raw string literal where one can hold it."""
    if "\n" in pattern or "'" in pattern or pattern.endswith("\\"):
        return repr(pattern)
    return f"r'{pattern}'"
