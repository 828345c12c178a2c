"""Whether the tests themselves leave the judgement to operators of the solution's objects.

Strict refuses `Money(5) == 5`: the answer would be the solution's own, and T never lets the solution judge. Under
`Auto` such a program goes on by token. But a program must not be able to choose that: a wrong `f` that returns an
object whose `__eq__` is always true brings about the very same refusal in `f(21) == 42`, and by token it would pass.
Nothing that happens at run time tells the two apart, for all of it is the solution's doing. So the tests' text decides:

* the tests make the object themselves, by calling a name that is not theirs (what its methods give does not count:
  these answer the tests), and
* they say that this name is a class: by calling it in CapWords (PEP 8), by naming it as one (`isinstance`, `except`),
  or by using an attribute that no plain data has, and
* they use an operator, `in` or a copy on that object together with data of their own.

Tests of which all three hold trust the solution's class with the answer in any protocol. Where they do not hold, what
strict cannot host stays an error.
"""

import ast
import builtins

from . import arrays, packages

_PLAIN = (int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset, range, slice, BaseException)
# Of functions, collections, datetime, decimal, fractions and uuid; importing them would make every fork dearer.
_OF_THE_LIBRARY = """
    cache_clear cache_info cache_parameters appendleft default_factory elements extendleft maxlen most_common
    move_to_end popleft rotate subtract total astimezone combine ctime date day days dst fold fromisocalendar
    fromisoformat fromordinal fromtimestamp hour isocalendar isoformat isoweekday max microsecond microseconds
    min minute month now resolution second seconds strftime strptime time timestamp timetuple timetz today
    toordinal total_seconds tzinfo tzname utcfromtimestamp utcnow utcoffset utctimetuple weekday year adjusted
    as_tuple canonical compare compare_signal compare_total compare_total_mag copy_abs copy_negate copy_sign exp
    fma from_float from_decimal is_canonical is_finite is_infinite is_nan is_normal is_qnan is_signed is_snan
    is_subnormal is_zero limit_denominator ln log10 logb logical_and logical_invert logical_or logical_xor
    max_mag min_mag next_minus next_plus next_toward normalize number_class quantize radix remainder_near
    same_quantum scaleb shift sqrt to_eng_string to_integral to_integral_exact to_integral_value bytes bytes_le
    clock_seq clock_seq_hi_variant clock_seq_low fields int is_safe node time_hi_version time_low time_mid urn
    variant version
"""
PLAIN_ATTRIBUTES = frozenset((*_OF_THE_LIBRARY.split(), *(name for each in (*_PLAIN, lambda: 0) for name in dir(each))))
COPIES = frozenset(["copy", "deepcopy"])
CLASS_ARGUMENT = {
    "isinstance": 1,
    "issubclass": 1,
    "assertIsInstance": 1,
    "assertNotIsInstance": 1,
    "assertRaises": 0,
    "raises": 0,
}
NOTHING = frozenset()


def defers(tests):
    """True if the tests (a module's AST) ask objects of the solution's for their opinion."""
    return _Reader(list(ast.walk(tests))).defers()


class _Reader:
    """`classes`: names that the tests treat as classes. `judges`: makers of objects that they apply operators to."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.bound = {name for node in nodes for name in _bound(node)}
        stored = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
        self.own = set(vars(builtins)) | self.bound | stored
        self.places = {}
        for _ in range(2):  # twice, for what is assigned from another variable
            self.places = self._places()
        self.classes, self.judges = set(), set()

    def defers(self):
        for node in self.nodes:
            self._read(node)
        return any(makers <= self.classes for makers in self.judges)

    def makers(self, node):
        """Names that made the object which the expression stands for; empty when it is something else."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in self.own:
            return frozenset([node.func.id])
        if isinstance(node, ast.BinOp):
            return self.makers(node.left) | self.makers(node.right)
        if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
            return self.makers(node.operand)
        return self.places.get(_place(node), NOTHING)

    def _places(self):
        """Variables and attributes of `self` that only ever hold what one name made, and that name."""
        assigned = {}
        for node in self.nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    assigned[target] = self.makers(node.value)
            elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
                assigned[node.target] = self.makers(node.value)
        held = {}
        for node in self.nodes:  # loop variables, unpacked values and the like hold anything
            if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)) and _place(node) not in ("", *self.bound):
                held.setdefault(_place(node), set()).add(assigned.get(node, NOTHING))
        return {place: makers.pop() for place, makers in held.items() if len(makers) == 1}

    def _read(self, node):
        if isinstance(node, ast.Attribute):
            self._read_attribute(node)
        elif isinstance(node, ast.BinOp):
            self._operator(node.left, node.right)
        elif isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
                if not isinstance(operator, (ast.Is, ast.IsNot)):
                    self._operator(left, right)
        elif isinstance(node, ast.ExceptHandler) and node.type is not None:
            self._class(node.type)
        elif isinstance(node, ast.Call):
            self._read_call(node)

    def _read_attribute(self, node):
        if node.attr in PLAIN_ATTRIBUTES or (node.attr in arrays.ATTRIBUTES and packages.provides("numpy")):
            return
        self.classes |= self.makers(node.value)
        if isinstance(node.value, ast.Name) and node.value.id not in self.own:
            self.classes.add(node.value.id)

    def _read_call(self, node):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in CLASS_ARGUMENT:
            for argument in node.args[CLASS_ARGUMENT[name] :][:1]:
                self._class(argument)
        elif name in COPIES and len(node.args) == 1:
            self._judge(self.makers(node.args[0]))
        elif name.startswith("assert") and len(node.args) >= 2:
            self._operator(node.args[0], node.args[1])

    def _operator(self, left, right):
        one, other = self.makers(left), self.makers(right)
        if not (one and other):
            self._judge(one | other)

    def _judge(self, makers):
        if makers:
            self.judges.add(makers)
            # `Find_Max` and `ABC` may be anything.
            self.classes.update(n for n in makers if n[0].isupper() and n != n.upper() and "_" not in n)

    def _class(self, node):
        self.classes.update(each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def _bound(node):
    """Names that the tests bind by other means than assignment; what they import from the solution stays its own."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs)):
        return [node.name] if node.name else []
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.Import) or (
        isinstance(node, ast.ImportFrom) and node.module not in ("solution", "main", "__main__")
    ):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    return []


def _place(node):
    """A variable, or an attribute of `self`, as text; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return f"self.{node.attr}"
    return ""
