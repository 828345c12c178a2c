"""The same requests to the real SandboxFusion and to our HTTP interface: the same shapes and statuses.

What differs on purpose stands here, too, with what each of them answers.
"""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from seedmill.execution.http.app import HttpServer
from seedmill.execution.http.settings import HttpSettings
from seedmill.execution.level import Level
from seedmill.execution.pool import Pool
from support.requirements import require
from support.sandbox_fusion import running_sandbox_fusion

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUNS: dict[str, dict[str, Any]] = {
    "output": {"code": "print('hello')"},
    "error output": {"code": "import sys\nprint('no', file=sys.stderr)"},
    "input": {"code": "print(input()[::-1])", "stdin": "abc"},
    "input of lines": {"code": "import sys\nprint(sum(map(int, sys.stdin)))", "stdin": "1\n2\n3\n"},
    "no input": {"code": "print(repr(input()))"},
    "exit status": {"code": "raise SystemExit(3)"},
    "exit status of a pass": {"code": "import sys\nsys.exit(0)\nassert False"},
    "exit with words": {"code": "raise SystemExit('no')"},
    "exception": {"code": "def f():\n    return 1 / 0\nf()"},
    "assertion": {"code": "assert 1 == 2, 'one is not two'"},
    "syntax": {"code": "def f(:"},
    "signal": {"code": "import os\nos.kill(os.getpid(), 15)"},
    "time": {"code": "import time\nprint('begun', flush=True)\ntime.sleep(30)", "run_timeout": 1},
    "files": {
        "code": "print(open('data/in.txt').read())\nopen('out.txt', 'w').write('42')",
        "files": {"data/in.txt": base64.b64encode("h\u00e9".encode()).decode(), "none.txt": None},
        "fetch_files": ["out.txt", "missing.txt", "none.txt"],
    },
    "main": {"code": "if __name__ == '__main__':\n    print(__file__.endswith('.py'))"},
    "memory": {"code": "x = bytearray(900 << 20)", "memory_limit_MB": 256},
    "unicode": {"code": "print('\u2603', '\U0001f600')"},
}

HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'from typing import List\n\n\ndef largest(xs: List[int]) -> int:\n    """The largest."""\n',
    "test": "def check(candidate):\n    assert candidate([1, 3, 2]) == 3\n    assert candidate([-1]) == -1\n",
    "entry_point": "largest",
}
MBPP = {
    "id": 7,
    "content": "Write a function to double.",
    "labels": {"test_setup_code": ""},
    "test_list": ["assert double(2) == 4", "assert double(0) == 0"],
}
RIGHT = "def double(x):\n    return 2 * x\n"
SUBMITS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "continued": ("humaneval_python", HUMANEVAL, "    return max(xs)\n", {}),
    "continued too far": ("humaneval_python", HUMANEVAL, "    return max(xs)\n\ndef more(:\n", {}),
    "continued wrongly": ("humaneval_python", HUMANEVAL, "    return min(xs)\n", {}),
    "written out": (
        "humaneval_python",
        HUMANEVAL,
        "So:\n```python\nfrom typing import List\n\ndef largest(xs: List[int]) -> int:\n    return max(xs)\n```\n",
        {"extra": {"is_freeform": True}},
    ),
    "MBPP": ("mbpp", MBPP, f"```python\n{RIGHT}```", {}),
    "MBPP with a main part": ("mbpp", MBPP, f"```python\n{RIGHT}\nif __name__ == '__main__':\n    input()\n```", {}),
    "MBPP with assertions": ("mbpp", MBPP, f"```python\n{RIGHT}\nassert double(1) == 3\n```", {}),
    "MBPP, wrong": ("mbpp", MBPP, "```python\ndef double(x):\n    return x\n```", {}),
    "MBPP, endless": ("mbpp", MBPP, "```python\ndef double(x):\n    while True: pass\n```", {"run_timeout": 1}),
}


@dataclass(frozen=True, slots=True)
class Both:
    """Both servers."""

    session: aiohttp.ClientSession
    ours: str
    theirs: str

    async def post(self, path: str, body: dict[str, Any]) -> tuple[tuple[int, Any], tuple[int, Any]]:
        """(status, JSON) of ours, and of theirs."""
        return await self._post(self.ours + path, body), await self._post(self.theirs + path, body)

    async def _post(self, url: str, body: dict[str, Any]) -> tuple[int, Any]:
        async with self.session.post(url, json=body) as answer:
            text = await answer.text()
            return answer.status, await answer.json() if answer.content_type == "application/json" else text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    require("runsc")
    async with running_sandbox_fusion(tmp_path_factory.mktemp("theirs")) as theirs:
        pool = Pool(Level.GVISOR, slots=1)
        await pool.start()
        server = HttpServer(HttpSettings("127.0.0.1:0"), pool)
        await server.start()
        async with aiohttp.ClientSession() as session:
            yield Both(session, f"http://127.0.0.1:{server.port}", theirs)
        await server.close()
        await pool.close()


def shape(value: Any) -> Any:
    """Names and kinds of values; numbers are one kind."""
    match value:
        case dict():
            return {name: shape(each) for name, each in value.items()}
        case list():
            return [shape(each) for each in value]
        case bool() | None:
            return str(type(value))
        case int() | float():
            return "number"
        case _:
            return str(type(value))


@pytest.mark.parametrize("name", RUNS)
async def test_programs_end_alike(both: Both, name: str):
    (status, ours), (their_status, theirs) = await both.post("/run_code", {"language": "python", **RUNS[name]})
    assert (status, their_status) == (200, 200)
    assert shape({**ours, "executor_pod_name": None}) == shape({**theirs, "executor_pod_name": None})
    assert ours["status"] == theirs["status"]
    assert ours["files"] == theirs["files"]
    ours, theirs = ours["run_result"], theirs["run_result"]
    if name == "memory":  # a limit of each process's addresses there: the program hears of it
        assert (ours["status"], theirs["status"], theirs["return_code"]) == ("Finished", "Finished", 1)
        return
    if name == "signal":  # bash's way of telling it there, the kernel's here
        assert theirs["return_code"] in (-15, 143)
        assert ours["return_code"] == -15
    else:
        assert ours["return_code"] == theirs["return_code"]
    assert (ours["status"], ours["stdout"]) == (theirs["status"], theirs["stdout"])
    assert ours["stderr"].splitlines()[-1:] == theirs["stderr"].splitlines()[-1:]


@pytest.mark.parametrize("name", SUBMITS)
async def test_completions_are_accepted_alike(both: Both, name: str):
    dataset, row, completion, config = SUBMITS[name]
    body = {"dataset": dataset, "id": 7, "completion": completion, "config": {"provided_data": row, **config}}
    (status, ours), (their_status, theirs) = await both.post("/submit", body)
    if their_status == 404:
        pytest.skip("this SandboxFusion lacks what its /submit needs")
    assert (status, their_status) == (200, 200), theirs
    assert set(ours) == set(theirs)
    assert (ours["id"], ours["accepted"]) == (theirs["id"], theirs["accepted"])
    assert ours["extracted_code"].strip() == theirs["extracted_code"].strip()
    [mine], [other] = ours["tests"], theirs["tests"]
    assert set(mine) == set(other)
    assert shape({**mine["exec_info"], "executor_pod_name": None}) == shape(
        {**other["exec_info"], "executor_pod_name": None}
    )
    assert mine["passed"] == other["passed"]
    assert mine["exec_info"]["status"] == other["exec_info"]["status"]
    assert mine["exec_info"]["run_result"]["status"] == other["exec_info"]["run_result"]["status"]


DIFFERENT = {
    "a loud program": ({"code": "print('x' * 300_000)"}, "Success", "Failed"),
    "a daemon": (
        {
            "code": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(20)\nprint('parent')",
            "run_timeout": 3,
        },
        "Success",
        "Failed",
    ),
    "a limit raised again": (
        {
            "code": "import resource as r\nr.setrlimit(r.RLIMIT_AS, (r.getrlimit(r.RLIMIT_AS)[1],) * 2)\n"
            "r.setrlimit(r.RLIMIT_DATA, (r.getrlimit(r.RLIMIT_DATA)[1],) * 2)\nx = b'x' * (600 << 20)",
            "memory_limit_MB": 256,
        },
        "Failed",
        "Success",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
async def test_what_it_does_worse_is_not_followed(both: Both, name: str):
    body, here, there = DIFFERENT[name]
    (_, ours), (_, theirs) = await both.post("/run_code", {"language": "python", "run_timeout": 3, **body})
    assert (ours["status"], theirs["status"]) == (here, there)


async def test_a_file_of_the_machine_is_not_given_away(both: Both):
    body = {"code": "", "language": "python", "fetch_files": ["/etc/hostname"]}
    (status, ours), (_, theirs) = await both.post("/run_code", body)
    assert (status, "BadPath" in ours["detail"]) == (400, True)
    assert theirs["files"]


async def test_an_early_exit_is_accepted_there_and_not_here(both: Both):
    completion = "```python\nimport os\ndef double(x):\n    os._exit(0)\n```"
    body = {"dataset": "mbpp", "id": 7, "completion": completion, "config": {"provided_data": MBPP}}
    (_, ours), (their_status, theirs) = await both.post("/submit", body)
    if their_status == 404:
        pytest.skip("this SandboxFusion lacks what its /submit needs")
    assert (ours["accepted"], theirs["accepted"]) == (False, True)
