"""The packages of `python-data` in sandboxes: verdicts on programs that use them, and what programs cannot do to them.

Against `Sandbox` itself, with one started for all cases of a form; programs are judged one after the other.
"""

import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from seedmill.execution.environments import Environment, environments, standard_environment
from seedmill.execution.package_sets.building import Wanted, build_set
from seedmill.execution.sandboxes.bundle import guest_python
from seedmill.execution.sandboxes.runsc_build import find_runsc
from seedmill.execution.sandboxes.sandbox import Sandbox, SandboxKind
from support.levels import level_named
from support.requirements import require
from support.wheels import write_wheel

pytestmark = pytest.mark.asyncio(loop_scope="module")

USES = {
    "numpy": (
        "import numpy as np\ndef scale(x):\n    return np.asarray(x) * {two}\n",
        "assert np.allclose(scale([1, 2]), [2, 4])\n",
        "Strict",
    ),
    "numpy in place": (
        "def shift(a):\n    a -= a.mean() * {one}\n",
        "import numpy as np\na = np.array([1.0, 3.0])\nshift(a)\nassert a.tolist() == [-1, 1]\n",
        "Strict",
    ),
    "numpy.testing": (
        "import numpy as np\ndef ones(n):\n    return np.ones((n, {two}))\n",
        "from numpy.testing import assert_array_equal\nassert_array_equal(ones(1), [[1, 1]])\n",
        "Strict",
    ),
    "pandas": (
        "import pandas as pd\ndef total(frame):\n    return frame.sum() * {one}\n",
        "import pandas as pd\nassert total(pd.DataFrame({{'a': [1, 2]}}))['a'] == 3\n",
        "Token",
    ),
    "pandas behind data": (
        "import pandas as pd\ndef double(x):\n    return pd.Series(x) * {two}\n",
        "import numpy as np\nassert np.allclose(double([1, 2]), [2, 4])\n",
        "Strict",
    ),
    "scipy": (
        "from scipy import optimize\ndef root(f):\n    return optimize.brentq(f, 0, 10) * {one}\n",
        "assert abs(root(lambda x: x * x - 4) - 2) < 1e-6\n",
        "Strict",
    ),
    "sympy": (
        "import sympy\ndef grown(x):\n    return sympy.expand((x + 1) ** {two})\n",
        "import sympy\nx = sympy.Symbol('x')\nassert grown(x) == x ** 2 + 2 * x + 1\n",
        "Token",
    ),
    "scikit-learn": (
        "from sklearn.linear_model import LinearRegression\n"
        "def slope(x, y):\n    return LinearRegression().fit(x, y).coef_ * {one}\n",
        "import numpy as np\nassert np.allclose(slope([[1], [2]], [2, 4]), [2])\n",
        "Strict",
    ),
    "networkx": (
        "import networkx as nx\ndef far(g):\n    return nx.shortest_path_length(g, 0, {two})\n",
        "assert far(nx.path_graph(9)) == 2\n",
        "Token",
    ),
}
"""Solution, tests, and who judges under Auto; right with one = 1 and two = 2, wrong with others."""

FORGERIES = {
    "ufuncs of its own": "class Yes:\n    __array_priority__ = 1e9\n    def __array_ufunc__(self, *a, **k): return True\n"
    "    def __array_function__(self, *a, **k): return True\n    def __eq__(self, other): return True\n"
    "def scale(x): return Yes()\n",
    "a replaced judge": "import numpy as np\nnp.allclose = lambda *a, **k: True\ndef scale(x): return 0\n",
    "a module of its own": "class np:\n    @staticmethod\n    def allclose(*a): return True\ndef scale(x): return 0\n",
    "memory that it names": "class Memory:\n    @property\n    def __array_interface__(self):\n"
    "        return {'data': (id(self), False), 'shape': (2,), 'typestr': '<f8', 'version': 3}\n"
    "def scale(x): return Memory()\n",
    "elements that are no data": "import numpy as np\nclass Yes:\n    def __eq__(self, o): return True\n"
    "    __sub__ = __le__ = __eq__\ndef scale(x): return np.array([Yes(), Yes()])\n",
    "an array of a class of its own": "import numpy as np\nclass Yes(np.ndarray):\n"
    "    def __array_ufunc__(self, *a, **k): return True\ndef scale(x): return np.zeros(2).view(Yes)\n",
    "a false environment": "import sys\nsys.modules['numpy'] = None\ndef scale(x): return 0\n",
}


class Bench:
    """A sandbox with an environment, and how long it took to start."""

    def __init__(self, sandbox: Sandbox, started_seconds: float) -> None:
        self.sandbox = sandbox
        self.started_seconds = started_seconds

    async def judge(self, solution: str, tests: str, verdict: str = "Auto", megabytes: int = 512) -> dict[str, Any]:
        request = {
            "id": "x",
            "solution": solution,
            "tests": tests,
            "verdict": verdict,
            "cpu_seconds": 20,
            "memory_bytes": megabytes << 20,
        }
        return await self.sandbox.judge(request, 200)


def kind_of(form: str, environment: Environment) -> SandboxKind:
    return SandboxKind(guest_python(), environment, find_runsc() if form == "gvisor" else None, form)


@pytest_asyncio.fixture(params=["gvisor", "process"], scope="module", loop_scope="module")
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    require("python-data")
    level_named(request.param)
    kind = kind_of(request.param, environments(guest_python())["python-data"])
    began = time.monotonic()
    sandbox = await Sandbox.start(kind, 0)
    yield Bench(sandbox, time.monotonic() - began)
    await sandbox.close()


async def test_preloaded_packages_cost_the_start_and_not_the_first_test(bench: Bench):
    began = time.monotonic()
    first = await bench.judge("def one(): return 1\n", "assert one() == 1\n")
    seconds = time.monotonic() - began
    sys.stderr.write(f"\nstarted in {bench.started_seconds:.2f} s, first test in {1000 * seconds:.0f} ms\n")
    assert first["status"] == "pass"
    imports = await bench.judge(
        "import time\nbegan = time.process_time()\nimport numpy, pandas, scipy.stats, sympy, networkx\n"
        "used = time.process_time() - began\n",
        "assert used < 0.5, used\n",
    )
    assert imports["status"] == "pass", imports["reason"]


@pytest.mark.parametrize("name", USES)
async def test_programs_that_use_packages_get_the_verdict_they_deserve(bench: Bench, name: str):
    solution, tests, kind = USES[name]
    tests = tests.format()
    right = await bench.judge(solution.format(one=1, two=2), tests)
    assert (right["status"], right["kind"]) == ("pass", kind), right
    assert (right["downgrade"] != "") == (kind == "Token")
    wrong = await bench.judge(solution.format(one=7, two=3), tests)
    assert (wrong["status"], wrong["kind"]) == ("fail", kind), wrong


@pytest.mark.parametrize("verdict", ["Strict", "Auto"])
@pytest.mark.parametrize("name", FORGERIES)
async def test_wrong_solutions_do_not_pass_by_way_of_arrays(bench: Bench, name: str, verdict: str):
    for imports in ("import numpy as np\n", ""):
        found = await bench.judge(FORGERIES[name], imports + "assert np.allclose(scale([1, 2]), [2, 4])\n", verdict)
        assert found["status"] in ("fail", "error"), found
        assert found["kind"] == "Strict"


async def test_arrays_and_scalars_cross_as_what_they_are(bench: Bench):
    found = await bench.judge(
        "import numpy as np\nkept = []\ndef same(x):\n    kept.append(type(x).__name__)\n    return x\n"
        "def made(kind): return np.array([[1, 0]], kind)\ndef names(): return kept\n",
        "import numpy as np\n"
        "for kind in ('bool', 'int8', 'uint64', 'float16', 'float32', 'complex128', '>i4'):\n"
        "    a = made(kind)\n    assert type(a) is np.ndarray and a.dtype == np.dtype(kind) and a.shape == (1, 2)\n"
        "    assert a.tolist() == [[1, 0]]\n"
        "s = np.float32(1.5)\nassert type(same(s)) is np.float32 and same(s) == s\n"
        "assert type(same(np.bool_(True))) is np.bool_\n"
        "assert names() == ['float32', 'float32', 'bool']\n"
        "a = np.zeros((0, 3))\nassert same(a) is a\nt = np.arange(6).reshape(2, 3).T\nassert np.array_equal(same(t), t)\n"
        "assert same({'a': [a, a]})['a'][0] is a\n",
        "Strict",
    )
    assert found["status"] == "pass", found


async def test_what_no_array_is_is_refused_and_never_judged_by_token(bench: Bench):
    tests = "import numpy as np\nx = words()\nassert count(np.array(x)) == 2\n"
    for returned in ("['a', 'b']", "[object(), object()]"):
        found = await bench.judge(f"def words(): return {returned}\ndef count(a): return 2\n", tests)
        assert found["status"] == "error"
        assert found["reason"].startswith("StrictUnsupported")


async def test_packages_cannot_be_written_and_one_program_leaves_nothing_to_the_next(bench: Bench):
    writes = (
        "import os, numpy\nfolder = os.path.dirname(numpy.__file__)\n"
        "def write(name):\n"
        "    try:\n        open(os.path.join(folder, name), 'w').close()\n"
        "    except OSError:\n        return False\n    return True\n"
    )
    found = await bench.judge(writes, "assert not write('__init__.py')\nassert not write('new.py')\n")
    assert found["status"] == "pass", found
    spoiled = await bench.judge(
        "import numpy, pandas\nnumpy.add = numpy.allclose = pandas.DataFrame = None\nnumpy.random.seed(1)\n"
        "def f(): return numpy.random.rand()\n",
        "assert f() != 2\n",
    )
    assert spoiled["status"] == "pass", spoiled
    after = await bench.judge(
        "import numpy, pandas\ndef f(): return numpy.add(1, 1), len(pandas.DataFrame({'a': [1]}))\n"
        "def draw(): return numpy.random.rand()\n",
        "assert f() == (2, 1)\nassert draw() != 0.417022004702574\n",
        "Token",
    )
    assert after["status"] == "pass", after


async def test_each_program_draws_numbers_of_its_own(bench: Bench):
    drawn = set[str]()
    for _ in range(3):
        found = await bench.judge("import numpy\nprint(numpy.random.rand())\n", "assert True\n", "Token")
        drawn.add(found["stdout"])
    assert len(drawn) == 3


async def test_what_is_preloaded_counts_in_nobodys_memory(bench: Bench):
    uses = "import numpy as np\ndef f(megabytes): return int(np.ones(megabytes << 17).sum())\n"
    small = await bench.judge(uses, "assert f(32) == 32 << 17\n", megabytes=128)
    assert small["status"] == "pass", small
    large = await bench.judge(uses, "assert f(900) == 900 << 17\n", megabytes=128)
    assert large["status"] == "memory", large


async def test_libraries_get_one_thread(bench: Bench):
    found = await bench.judge(
        "import os, numpy as np, scipy.linalg\n"
        "def threads():\n    a = np.random.rand(300, 300)\n    scipy.linalg.svd(a @ a)\n"
        "    return len(os.listdir('/proc/self/task'))\n",
        "assert threads() == 1\n",
    )
    assert found["status"] == "pass", found


@pytest.mark.parametrize("form", ["gvisor", "process"])
async def test_an_environment_does_not_show_the_packages_of_another_wherever_it_lies(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Here the sets lie in /tmp, which each program has anew, in a folder that is closed to other users."""
    require("python-data")
    level_named(form)
    data = environments(guest_python())["python-data"]
    write_wheel(tmp_path, "greeting", "1.0", {"greeting.py": "def hello():\n    return 'hello'\n"})
    (tmp_path / "requirements.txt").write_text("greeting\n")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("SEEDMILL_ENVIRONMENTS", str(tmp_path / "closed" / "sets"))
    (tmp_path / "closed").mkdir(mode=0o700)
    build_set(Wanted("mine", tmp_path / "requirements.txt"), guest_python(), lambda _: None)
    own = environments(guest_python())["mine"]
    sees = "def sees(name):\n    try:\n        __import__(name)\n    except ImportError:\n        return False\n    return True\n"
    expected = {
        own: ["greeting"],
        replace(data, preload=()): ["numpy"],
        standard_environment(guest_python()): [],
    }
    for environment, names in expected.items():
        before = os.umask(0o077)
        try:
            sandbox = await Sandbox.start(kind_of(form, environment), 0)
        finally:
            os.umask(before)
        try:
            tests = f"assert [name for name in ('greeting', 'numpy') if sees(name)] == {names}\n"
            found = await Bench(sandbox, 0).judge(sees, tests)
            assert found["status"] == "pass", (environment.name, found)
        finally:
            await sandbox.close()
