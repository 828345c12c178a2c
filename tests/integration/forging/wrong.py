"""Wrong solutions that try for a pass. Each is judged under Strict and Auto, and must not have one.

Those of `RAW` take over their own process and speak the protocol's frames by themselves, as the guest program's text,
which every program can read, allows them to.
"""

TESTS = "assert f(21) == 42\nassert all(f(n) == 2 * n for n in (1, 2))\n"

# The right answers, from wherever tests and expected values might be seen; each wrong solution tries one place.
SIMPLE: dict[str, str] = {
    "returns nothing": "def f(x):\n    return None\n",
    "returns the argument": "def f(x):\n    return x\n",
    "sys.exit in the function": "import sys\ndef f(x):\n    sys.exit(0)\n",
    "sys.exit at import": "import sys\nsys.exit(0)\ndef f(x):\n    return None\n",
    "exit builtin": "def f(x):\n    exit()\n",
    "raise SystemExit": "def f(x):\n    raise SystemExit(0)\n",
    "raise KeyboardInterrupt": "def f(x):\n    raise KeyboardInterrupt\n",
    "raise GeneratorExit": "def f(x):\n    raise GeneratorExit\n",
    "raise a BaseException of its own": "class Out(BaseException):\n    pass\ndef f(x):\n    raise Out\n",
    "raise StopIteration": "def f(x):\n    raise StopIteration\n",
    "raise unittest's skip": "import unittest\ndef f(x):\n    raise unittest.SkipTest('later')\n",
    "os._exit at import": "import os\nos._exit(0)\n",
    "os._exit in the function": "import os\ndef f(x):\n    os._exit(0)\n",
    "_exit through ctypes": "import ctypes\ndef f(x):\n    ctypes.CDLL(None)._exit(0)\n",
    "exec of true": "import os\ndef f(x):\n    os.execv('/usr/bin/true', ['true'])\n",
    "fork, parent leaves": "import os\ndef f(x):\n    if os.fork():\n        os._exit(0)\n    return None\n",
    "fork, both answer": "import os\ndef f(x):\n    os.fork()\n    return None\n",
    "atexit": "import atexit, os\natexit.register(os._exit, 0)\ndef f(x):\n    return None\n",
    "excepthook": "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\ndef f(x):\n    return None\n",
    "unraisablehook": "import sys, os\nsys.unraisablehook = lambda *a: os._exit(0)\nclass D:\n    def __del__(self):\n        1 / 0\ndef f(x):\n    D()\n",
    "exit in __del__": "import sys\nclass D:\n    def __del__(self):\n        sys.exit(0)\ndef f(x):\n    D()\n    return None\n",
    "_exit in __del__": "import os\nclass D:\n    def __del__(self):\n        os._exit(0)\ndef f(x):\n    return D()\n",
    "thread leaves": "import threading, os\nthreading.Timer(0.01, os._exit, (0,)).start()\ndef f(x):\n    import time\n    time.sleep(0.3)\n",
    "thread outlives": "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()\ndef f(x):\n    return None\n",
    "signal handler": "import signal, os\nsignal.signal(15, lambda *a: os._exit(0))\ndef f(x):\n    os.kill(os.getpid(), 15)\n",
    "faulthandler": "import faulthandler\nfaulthandler.dump_traceback_later(0.01, exit=True)\ndef f(x):\n    import time\n    time.sleep(0.3)\n",
    "audit hook": "import sys, os\nsys.addaudithook(lambda name, args: os._exit(0) if name == 'object.__getattr__' else None)\ndef f(x):\n    return (lambda: 0).__code__\n",
    "trace function": "import sys\ndef tracer(frame, event, arg):\n    frame.f_globals['f'] = lambda x: 2 * x\n    return tracer\nsys.settrace(tracer)\ndef f(x):\n    return None\n"
    .replace("lambda x: 2 * x", "lambda x: x"),
    "always equal": "class A:\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return A()\n",
    "always equal int": "class A(int):\n    def __eq__(self, other):\n        return True\n    __hash__ = None\ndef f(x):\n    return A(1)\n",
    "never unequal": "class A:\n    def __ne__(self, other):\n        return False\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return A()\n",
    "reflected equality": "class A(int):\n    def __eq__(self, other):\n        return NotImplemented if other is None else True\n    def __hash__(self):\n        return 42\ndef f(x):\n    return A(7)\n",
    "metaclass that equals": "class M(type):\n    def __eq__(cls, other):\n        return True\n    __hash__ = type.__hash__\nclass A(metaclass=M):\n    pass\ndef f(x):\n    return A\n",
    "another __class__": "class A:\n    __class__ = property(lambda self: int)\n    def __eq__(self, other):\n        return True\n    def __index__(self):\n        return 42\ndef f(x):\n    return A()\n",
    "truth of its own": "class Yes:\n    def __bool__(self):\n        return True\nclass A:\n    def __eq__(self, other):\n        return Yes()\ndef f(x):\n    return A()\n",
    "str that equals": "class A(str):\n    def __eq__(self, other):\n        return True\n    __hash__ = str.__hash__\ndef f(x):\n    return A('a')\n",
    "float that equals": "class A(float):\n    def __eq__(self, other):\n        return True\n    __hash__ = float.__hash__\ndef f(x):\n    return A('nan')\n",
    "not a number": "def f(x):\n    return float('nan')\n",
    "Decimal of its own": "from decimal import Decimal\nclass A(Decimal):\n    def __eq__(self, other):\n        return True\n    __hash__ = Decimal.__hash__\ndef f(x):\n    return A(1)\n",
    "Fraction of its own": "from fractions import Fraction\nclass A(Fraction):\n    def __eq__(self, other):\n        return True\n    __hash__ = Fraction.__hash__\ndef f(x):\n    return A(1)\n",
    "enum that equals": "import enum\nclass A(enum.IntEnum):\n    X = 1\n    def __eq__(self, other):\n        return True\n    __hash__ = int.__hash__\ndef f(x):\n    return A.X\n",
    "mock that equals": "from unittest import mock\ndef f(x):\n    return mock.ANY\n",
    "reads the caller's frame": (
        "import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n        for c in frame.f_code.co_consts:\n"
        "            if type(c) is int and c > 40 and c < 64:\n                return c\n        frame = frame.f_back\n"
    ),
    "reads the heap": (
        "import gc\ndef f(x):\n    for each in gc.get_objects():\n        if isinstance(each, dict) and '__seedmill_count__' in each:\n            return 2 * x\n    return None\n"
    ),
    "reads its memory for the tests": (
        "def f(x):\n    with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as mem:\n        for line in maps:\n            if 'rw' in line and '[vv' not in line:\n"
        "                a, b = (int(v, 16) for v in line.split()[0].split('-'))\n                try:\n                    mem.seek(a)\n"
        "                    if b - a < 1 << 24 and b'assert f(' + b'21) ==' in mem.read(b - a):\n                        return 2 * x\n                except (OSError, ValueError, OverflowError):\n                    pass\n"
    ),
    "writes every descriptor": (
        "import os\ndef f(x):\n    for fd in range(1, 200):\n        try:\n            os.write(fd, b'd' + bytes([20, 0, 0, 0]) + bytes(20))\n"
        "        except OSError:\n            pass\n"
    ),
    "opens the others' files": (
        "import os\ndef f(x):\n    for pid in os.listdir('/proc'):\n        if pid.isdigit() and int(pid) != os.getpid():\n"
        "            for fd in range(64):\n                try:\n                    g = os.open(f'/proc/{pid}/fd/{fd}', os.O_WRONLY)\n"
        "                    os.write(g, b'd' + bytes([20, 0, 0, 0]) + bytes(20))\n                except OSError:\n                    pass\n"
    ),
    "looks for the tests in /proc": (
        "import os, re\ndef f(x):\n    for pid in os.listdir('/proc'):\n        for name in ('cmdline', 'environ', 'mem', 'stack', 'syscall', 'auxv'):\n            try:\n"
        "                if b'assert f(' + b'21)' in open(f'/proc/{pid}/{name}', 'rb').read(1 << 20):\n                    return 2 * x\n            except (OSError, ValueError):\n                pass\n"
    ),
    "looks for the tests in files": (
        "import os\ndef f(x):\n    for top in ('/tmp', '/dev/shm', '/seedmill', '/proc/1/cwd', '/proc/1/root/tmp'):\n        for root, _, names in os.walk(top):\n            for name in names:\n"
        "                try:\n                    if b'assert f(' + b'21)' in open(os.path.join(root, name), 'rb').read(1 << 20):\n                        return 2 * x\n"
        "                except OSError:\n                    pass\n"
    ),
    "passes descriptors over the socket": (
        "import array, os, socket\ndef f(x):\n    s = socket.socket(fileno=os.dup(3))\n    for fd in (0, 1, 2, 3):\n        s.sendmsg([b'=' + bytes([1, 0, 0, 0]) + b'N' + bytes(4)],\n"
        "            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))])\n    return None\n"
    ),
    "shuts the socket down": "import os, socket\ndef f(x):\n    socket.socket(fileno=os.dup(3)).shutdown(socket.SHUT_RDWR)\n",
    "kills the tests' process": (
        "import os\ndef f(x):\n    for pid in os.listdir('/proc'):\n        if pid.isdigit() and int(pid) not in (os.getpid(),):\n            try:\n                os.kill(int(pid), 9)\n"
        "            except OSError:\n                pass\n    return None\n"
    ),
    "leaves the tests no memory": "def f(x):\n    held = []\n    while True:\n        held.append(bytearray(1 << 24))\n",
    "leaves the tests no processes": "import os, time\ndef f(x):\n    while True:\n        if os.fork() == 0:\n            time.sleep(9)\n",
    "locks the guest's files": (
        "import fcntl, os\ndef f(x):\n    for n in os.listdir('/seedmill/inside') if os.path.exists('/seedmill/inside') else []:\n        try:\n            fcntl.flock(open('/seedmill/inside/' + n), fcntl.LOCK_EX)\n"
        "        except OSError:\n            pass\n    return None\n"
    ),
    "makes the outputs not block": "import os\ndef f(x):\n    os.set_blocking(1, False)\n    os.set_blocking(2, False)\n    return None\n",
    "shadows all": "def all(items):\n    return True\ndef f(x):\n    return None\n",
    "shadows all beside a function that is right once": "def all(items):\n    return True\ndef f(x):\n    return 42\n",
    "shadows assert helpers": "class AssertionError(Exception):\n    pass\ndef f(x):\n    return None\n",
    "shadows everything": "import builtins\nfor _n in dir(builtins):\n    if not _n.startswith('_'):\n        globals()[_n] = lambda *a, **k: True\ndef f(x):\n    return True\n",
    "patches builtins": "import builtins\nbuiltins.all = lambda *a: True\nbuiltins.AssertionError = KeyError\nbuiltins.isinstance = lambda *a: True\ndef f(x):\n    return None\n",
    "patches unittest": "import unittest\nunittest.TestCase.assertEqual = lambda *a, **k: None\ndef f(x):\n    return None\n",
    "patches what the tests import": "import math, sys, types\nmath.isclose = lambda *a, **k: True\nfake = types.ModuleType('math')\nfake.isclose = math.isclose\nsys.modules['math'] = fake\ndef f(x):\n    return None\n",
    "patches its own side's protocol": (
        "import sys\nfor name, module in list(sys.modules.items()):\n    if name.endswith('wire'):\n        module.MAX_DEPTH = 10 ** 9\n    if name.endswith('lending'):\n"
        "        module.SolutionPolicy.perform = lambda *a: True\ndef f(x):\n    return None\n"
    ),
    "swallows the tests that follow": "def f(x):\n    return None\n'''\n",
    "ends in an open string": "def f(x):\n    return None\ns = '''",
    "ends in a backslash": "def f(x):\n    return None\ns = 1 + \\\n",
    "ends in an open bracket": "def f(x):\n    return None\nhidden = [\n",
    "ends in `if False:`": "def f(x):\n    return None\nif False:\n    pass",
    "ends in a comment without a newline": "def f(x):\n    return None\n#",
    "a coding cookie": "# -*- coding: rot13 -*-\nqrs s(k):\n    erghea 2 * k\n",
    "a coding cookie that hides code": "# -*- coding: unicode_escape -*-\ndef f(x):\n    return None\n#\\u000adef f(x):\\u000a    return 2 * x\n",
    "a null byte": "def f(x):\n    return None\n\0def f(x):\n    return 2 * x\n",
    "a form feed and a carriage return": "def f(x):\n    return None\r\f#\rf = lambda x: x\n",
    "a name that is normalised": "def all(items):\n    return True\nall = all\nglobals()['\\uff46'] = lambda x: 2 * x\ndef f(x):\n    return None\n",
    "a name that looks the same": "def \u0444(x):\n    return 2 * x\ndef f(x):\n    return None\n",
    "tells a control run": "import sys\ndef f(x):\n    return None if '__seedmill_count__' not in str(sys.modules['__main__'].__dict__) else 2 * x\n",
    "an exception with a hostile text": "class E(Exception):\n    def __str__(self):\n        import os\n        os._exit(0)\n    __repr__ = __str__\ndef f(x):\n    raise E\n",
    "an exception whose text never ends": "class E(Exception):\n    def __str__(self):\n        while True:\n            pass\ndef f(x):\n    raise E\n",
    "an exception with a false class": "class E(Exception):\n    __class__ = property(lambda self: SystemExit)\ndef f(x):\n    raise E\n",
    "an exception of many bases": "class E(StopIteration, KeyError):\n    pass\ndef f(x):\n    raise E\n",
    "an object that never ends": "class A:\n    def __iter__(self):\n        while True:\n            yield 42\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return iter(A())\n",
    "colliding keys": "def f(x):\n    return {(1 << 61) - 1 + k * ((1 << 61) - 1): 42 for k in range(20000)}\n",
    "a chain of mirrors": "class A:\n    def __getattr__(self, name):\n        return A()\n    def __call__(self, *a):\n        return self\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return A()\n",
    "deep data": "def f(x):\n    r = []\n    for _ in range(100000):\n        r = [r]\n    return r\n",
    "data that holds itself": "def f(x):\n    r = []\n    r.append(r)\n    return r\n",
    "much data": "def f(x):\n    return bytes(40 << 20)\n",
    "recursion without an end": "def f(x):\n    return f(x)\n",
    "warnings as a way out": "import warnings\nwarnings.showwarning = lambda *a: exit(0)\ndef f(x):\n    warnings.warn('x')\n",
    "locale and codecs": "import codecs\ncodecs.register(lambda name: codecs.lookup('rot13') if name == 'utf_8' else None)\ncodecs.register_error('surrogatepass', lambda e: ('42', e.end))\ndef f(x):\n    return None\n",
    "an import hook": "import sys\nclass H:\n    def find_spec(self, *a):\n        raise SystemExit(0)\nsys.meta_path.insert(0, H())\nsys.modules.clear()\ndef f(x):\n    return None\n",
    "deletes the main module": "import sys\ndel sys.modules['__main__']\ndef f(x):\n    return None\n",
}  # fmt: skip

ITERATES = (
    "assert callable(f)\nseen = []\nfor n, found in zip((1, 2, 3), map(f, (1, 2, 3))):\n    assert found == 2 * n\n"
)
STAR = "from math import isclose\nfrom solution import *\nassert isclose(f(2), 4)\n"
# Solutions with the tests that they are for.
WITH_TESTS: dict[str, tuple[str, str]] = {
    "StopIteration of its own ends a loop": ("class End(StopIteration):\n    pass\ndef f(x):\n    raise End\n", ITERATES),
    "StopIteration of its own within all": ("class End(StopIteration):\n    pass\ndef even(x):\n    raise End\n", "assert all(map(even, [2, 4]))"),
    "StopAsyncIteration of its own": ("class End(StopAsyncIteration, StopIteration):\n    pass\ndef f(x):\n    raise End\n", ITERATES),
    "a star import that replaces a helper": ("def isclose(a, b):\n    return True\ndef f(x):\n    return None\n", STAR),
    "a module of the same name": ("class math:\n    @staticmethod\n    def isclose(a, b):\n        return True\ndef f(x):\n    return None\n", "assert math.isclose(f(2), 4)"),
    "an import that is redefined": ("from math import factorial\ndef factorial(n):\n    return 0\n", "assert factorial(3) == 6"),
    "an import that is assigned over": ("from math import gcd\ngcd = lambda a, b: 1\n", "assert gcd(4, 6) == 2"),
    "an import that is replaced later": ("from math import gcd\nglobals()['gcd'] = lambda a, b: 1\n", "assert gcd(4, 6) == 2"),
    "an import that a function replaces": ("from math import gcd\ndef g():\n    global gcd\n    gcd = lambda a, b: 1\ng()\n", "assert gcd(4, 6) == 2"),
    "a star import that is redefined": ("from math import *\ndef gcd(a, b):\n    return 1\n", "assert gcd(4, 6) == 2"),
    "a wrong built-in name beside others": ("def sum(xs):\n    return 0\n", "assert sum([1, 2]) == 3\nassert len([]) == 0"),
    "a wrong built-in name beside a right function": ("def sum(xs):\n    return 0\ndef f(x):\n    return 2 * x\n", "assert f(2) == 4\nassert sum([1, 2]) == 3"),
    "raises skip in a test case": (
        "import unittest\ndef f(x):\n    if x > 1:\n        raise unittest.SkipTest('later')\n    return 2\n",
        "import unittest\nclass T(unittest.TestCase):\n    def test_one(self):\n        self.assertEqual(f(1), 2)\n    def test_two(self):\n        self.assertEqual(f(2), 4)\n",
    ),
    "a class made in the tests by a callback": (
        "def apply(g):\n    return g(type, 'A', (int,), {'__eq__': lambda *a: True, '__hash__': None})(1)\n",
        "def call(h, *a):\n    return h(*a)\nassert apply(call) == 42\n",
    ),
    "an expected value from a formatted function": (
        "def apply(g, h):\n    for part in h('{0.__globals__}', g).replace(':', ' ').replace(',', ' ').split():\n        if part.isdigit() and int(part) > 40:\n            return int(part)\n",
        "EXPECTED = 42\ndef g(x):\n    return x\nassert apply(g, str.format) == EXPECTED\n",
    ),
    "views of a dictionary for the weaker verdict": (
        "import sys\ndef guess():\n    frame = sys._getframe()\n    while frame:\n        for c in frame.f_code.co_consts:\n            if c == 42 and frame.f_code.co_filename == '<tests>':\n"
        "                return c\n        frame = frame.f_back\ndef make():\n    return {1: 2}\ndef total(items):\n    return guess()\n",
        "assert total(make().items()) == 42",
    ),
    "swallows by a context manager": (
        "class quiet:\n    def __enter__(self):\n        return self\n    def __exit__(self, *error):\n        return True\ndef f(x):\n    return None\n",
        "with quiet():\n    assert f(2) == 4\n",
    ),
    "always contains": ("class A:\n    def __contains__(self, x):\n        return True\n    def __iter__(self):\n        return iter([self])\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return A()\n", "assert 42 in f(2)"),
    "equal within a list": ("class A:\n    def __eq__(self, other):\n        return True\n    __hash__ = None\ndef f(x):\n    return [A(), A()]\n", "assert f(2) == [1, 2]"),
    "equal within a dictionary": ("class A:\n    def __eq__(self, other):\n        return True\n    def __hash__(self):\n        return hash('k')\ndef f(x):\n    return {A(): A()}\n", "assert f(2) == {'k': 1}\n"),
    "equal within a tuple and a set": ("class A:\n    def __eq__(self, other):\n        return True\n    def __hash__(self):\n        return hash(1)\ndef f(x):\n    return ({A()}, A())\n", "assert f(2) == ({1}, 2)"),
    "less and greater than all": ("class A:\n    def __lt__(self, other):\n        return True\n    __gt__ = __le__ = __ge__ = __lt__\ndef f(x):\n    return A()\n", "assert 3 < f(2) < 5\nassert f(2) >= 4"),
    "differences that are small": ("class A(float):\n    def __sub__(self, other):\n        return 0.0\n    __rsub__ = __sub__\n    def __abs__(self):\n        return 0.0\ndef f(x):\n    return A(1)\n", "assert abs(f(2) - 4.0) < 1e-6"),
    "differences of no float": ("class A:\n    def __sub__(self, other):\n        return 0.0\n    __rsub__ = __sub__\n    def __float__(self):\n        return 4.0\ndef f(x):\n    return A()\n", "assert abs(f(2) - 4.0) < 1e-6"),
    "length that pleases": ("class A(list):\n    def __len__(self):\n        return 3\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return A()\n", "r = f(2)\nassert len(r) == 3\nassert r == [1, 2, 3]"),
    "a default that remembers": ("def f(x, seen=[]):\n    seen.append(x)\n    return seen\n", "assert f(1) == [1]\nassert f(2) == [2]"),
    "sorted by itself": ("class A:\n    def __lt__(self, other):\n        return True\ndef f(xs):\n    return [A() for _ in xs]\n", "assert sorted(f([3, 1])) == [1, 3]"),
    "an exception that any class matches": ("class M(type):\n    def __instancecheck__(cls, x):\n        return True\n    def __subclasscheck__(cls, x):\n        return True\nclass E(Exception, metaclass=M):\n    pass\ndef f(x):\n    raise E\n", "try:\n    f(1)\n    assert False\nexcept ValueError as e:\n    assert str(e) == 'odd'\n"),
    "assertRaises by a false class": ("class E(Exception):\n    __class__ = property(lambda s: ValueError)\ndef f(x):\n    raise E\n", "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        with self.assertRaises(ValueError):\n            f(1)\n"),
    "isinstance by a false class": ("class A:\n    __class__ = property(lambda s: int)\ndef f(x):\n    return A()\n", "assert isinstance(f(1), int)\nassert f(1) + 1 == 3"),
    "mutates what is expected": ("def f(xs):\n    xs.clear()\n    return xs\n", "given = [3, 1]\nexpected = sorted(given)\nassert f(given) == expected\n"),
    "writes to the arguments of another call": ("kept = []\ndef f(xs):\n    kept.append(xs)\n    for each in kept:\n        each[:] = [0]\n    return xs\n", "a, b = [1], [2]\nf(a)\na = [1]\nassert f(b) == [2]\nassert a == [1]\n"),
    "unittest: an object that equals": ("class A:\n    def __eq__(self, other):\n        return True\n    def __ne__(self, other):\n        return False\n    __hash__ = None\ndef f(x):\n    return A()\n", "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(f(2), 4)\n        self.assertAlmostEqual(f(2), 4.0)\n"),
    "unittest: almost equal": ("class A(float):\n    def __rsub__(self, other):\n        return 0.0\n    __sub__ = __rsub__\n    def __eq__(self, other):\n        return True\n    __hash__ = None\ndef f(x):\n    return A(9)\n", "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertAlmostEqual(f(2), 4.0)\n"),
    "an import that ends the control run": ("import idlelib.idle\ndef f(x):\n    return None\n", "try:\n    assert f(2) == 4\nexcept Exception:\n    pass\nassert True\n"),
    "the name of the counter": ("def __seedmill_count__():\n    pass\ndef f(x):\n    return 1\n", "from solution import *\nassert f(2) == 4"),
}  # fmt: skip

# Runs in the solution's process instead of the guest's own loop: `answer(operation, target, name)` gives the bytes of a value.
_RAW = """
import os, struct, sys
def raw(answer, names):
    def s(text):
        data = text.encode()
        return b's' + struct.pack('<I', len(data)) + data
    def send(kind, data):
        view = kind + struct.pack('<I', len(data)) + data
        while view:
            view = view[os.write(3, view):]
    def read(n):
        data = b''
        while len(data) < n:
            part = os.read(3, n - len(data))
            if not part:
                os._exit(0)
            data += part
        return data
    send(b'L', b'')
    while True:
        size = struct.unpack('<I', read(5)[1:])[0]
        data = read(size)
        if b'names' in data[:16]:
            send(b'=', b'l' + struct.pack('<I', len(names)) + b''.join(map(s, names)) + bytes(4))
        else:
            send(*answer(data, s))
"""
FUNCTION = "b'h' + struct.pack('<I', 7) + b'k' + struct.pack('<IB', 8, 1) + s('function') + b't' + bytes(4) + b't' + struct.pack('<I', 1) + s('__call__') + b'd' + bytes(4)"


def _speaks(names: str, reply: str, setup: str = "") -> str:
    return f"{_RAW}{setup}\ndef answer(data, s):\n    if b'export' in data[:24]:\n        return b'=', {FUNCTION} + bytes(4)\n{reply}\nraw(answer, {names})\n"


def _says(value: str) -> str:
    return f"    return b'=', {value} + bytes(4)"


RAW: dict[str, tuple[str, str]] = {
    "answers what is not asked": (_speaks("['f']", _says("b'T'")), TESTS),
    "is not the main module": (_speaks("['f', '__name__']", _says("s('x')"), ""), "assert callable(f)\nif __name__ == '__main__':\n    assert f(21) == 42\n"),
    "gives the main module's name": (
        _speaks("['__name__', 'f']", _says("b'T'")).replace("    if b'export'", "    if b'__name__' in data:\n        return b'=', s('x') + bytes(4)\n    if b'export'"),
        "assert callable(f)\nif __name__ == '__main__':\n    assert f(21) == 42\n",
    ),
    "gives built-in names": (
        _speaks("['f', '__builtins__', 'all', 'AssertionError', '__seedmill_count__']", _says("b'T'")),
        TESTS,
    ),
    "a star import of modules": (
        _speaks("['f', 'unittest', 'isclose', '__name__', '__seedmill_count__']", _says("b'T'")),
        STAR,
    ),
    "an object of an unknown kind": (_speaks("['f']", _says("b'?'")), TESTS),
    "a number of 4 GiB": (_speaks("['f']", _says("b'I' + struct.pack('<I', 2 ** 32 - 1)")), TESTS),
    "a list of 4 thousand million": (_speaks("['f']", _says("b'l' + struct.pack('<I', 2 ** 32 - 1)")), TESTS),
    "nested 100,000 deep": (_speaks("['f']", _says("(b't' + struct.pack('<I', 1)) * 100000 + b'N'")), TESTS),
    "a frame that is too large": (_speaks("['f']", "    os.write(3, b'=' + struct.pack('<I', 2 ** 32 - 1))\n    return b'=', b''"), TESTS),
    "half a frame": (_speaks("['f']", "    os.write(3, b'=' + struct.pack('<I', 100) + b'i')\n    os._exit(0)"), TESTS),
    "requests without an end": (_speaks("['f']", "    return b'?', b't' + struct.pack('<I', 5) + s('call') + b'i' + struct.pack('<q', 1) + s('') + b't' + bytes(4) + b'd' + bytes(4)"), TESTS),
    "a handle that was never lent": (_speaks("['f']", _says("b'o' + struct.pack('<I', 3)")), TESTS),
    "a class of the library that equals": (_speaks("['f']", _says("b'B' + s('object')")), TESTS),
    "an own image of a T object": (
        _speaks("['f']", _says("b'h' + struct.pack('<I', 9) + b'k' + struct.pack('<IB', 10, 1) + s('A') + b't' + bytes(4) + b't' + struct.pack('<I', 1) + s('__eq__') + b'd' + struct.pack('<I', 1) + s('image') + b'T'")),
        TESTS,
    ),
    "the name of a class that is none": (_speaks("['f']", _says("b'B' + s('os.system')")), TESTS),
    "a value of a module that is not listed": (_speaks("['f']", _says("b'v' + b't' + struct.pack('<I', 3) + s('os') + s('system') + b't' + struct.pack('<I', 1) + s('true')")), TESTS),
    "an identifier whose number is an object": (
        _speaks("['f']", _says("b'v' + b't' + struct.pack('<I', 3) + s('uuid') + s('UUID') + b't' + struct.pack('<I', 5) + b'NNNN' + b'T'")),
        TESTS,
    ),
    "arguments changed that were not sent": (_speaks("['f']", "    return b'=', b'N' + struct.pack('<II', 1, 5) + bytes(4)"), TESTS),
    "an exception of a class that ends loops": (
        _speaks("['f']", "    return b'!', b't' + struct.pack('<I', 3) + s('builtin') + s('StopIteration') + b't' + bytes(4) + bytes(4)"),
        ITERATES,
    ),
    "an exception that is a class of its own and ends loops": (
        _speaks("['f']", "    return b'!', b't' + struct.pack('<I', 3) + s('lent') + b'h' + struct.pack('<I', 9) + b'k' + struct.pack('<IB', 10, 1) + s('E') + b't' + struct.pack('<I', 1) + b'B' + s('StopIteration') + b't' + bytes(4) + b'd' + struct.pack('<I', 1) + s('error') + b'T' + b't' + bytes(4) + bytes(4)"),
        ITERATES,
    ),
    "an exception of the library that ends loops": (
        _speaks("['f']", "    return b'!', b't' + struct.pack('<I', 3) + s('library') + s('queue:Empty') + b't' + bytes(4) + bytes(4)"),
        ITERATES,
    ),
    "refuses what it was asked": (_speaks("['f']", "    return b'!', b't' + struct.pack('<I', 3) + s('refused') + s('too hard') + b't' + bytes(4) + bytes(4)"), TESTS),
    "an error status of its own": ("import os, struct\ndata = b'pass\\nunhosted\\nstrict'\nos.write(3, b'X' + struct.pack('<I', len(data)) + data)\nos._exit(0)\n", TESTS),
    "says unhosted": ("import os, struct\ndata = b'unhosted\\nx'\nos.write(3, b'X' + struct.pack('<I', len(data)) + data)\nimport time\ntime.sleep(9)\n", TESTS),
}  # fmt: skip
