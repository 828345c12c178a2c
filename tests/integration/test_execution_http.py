"""The HTTP interface, by a real client: programs told by their exit status, completions told by a verdict."""

import base64
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from seedmill.execution.http.app import HttpServer
from seedmill.execution.http.settings import HttpSettings
from seedmill.execution.level import Level
from seedmill.execution.pool import Pool
from seedmill.serving.errors import Misconfigured
from support.levels import level_named

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Client:
    """Posts JSON to one server."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url

    async def post(self, path: str, body: Any, expected: int = 200) -> dict[str, Any]:
        async with self.session.post(self.url + path, json=body) as answer:
            assert answer.status == expected, await answer.text()
            return await answer.json()

    async def run(self, code: str, **more: Any) -> dict[str, Any]:
        return await self.post("/run_code", {"code": code, "language": "python", **more})


@pytest_asyncio.fixture(params=["gvisor", "process"], scope="module", loop_scope="module")
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    pool = Pool(level_named(request.param), slots=1)
    await pool.start()
    server = HttpServer(HttpSettings("127.0.0.1:0"), pool)
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield Client(session, f"http://127.0.0.1:{server.port}")
    await server.close()
    await pool.close()


async def test_a_program_is_told_by_its_exit_status_and_output(client: Client):
    found = await client.run(
        "import sys\nprint(sys.stdin.read().upper())\nprint('late', file=sys.stderr)", stdin="hello\n"
    )
    assert set(found) == {"status", "message", "compile_result", "run_result", "executor_pod_name", "files"}
    assert (found["status"], found["message"], found["compile_result"]) == ("Success", "", None)
    result = found["run_result"]
    assert (result["status"], result["return_code"]) == ("Finished", 0)
    assert (result["stdout"], result["stderr"]) == ("HELLO\n\n", "late\n")
    assert 0 < result["execution_time"] < 10


@pytest.mark.parametrize(
    ("code", "status", "return_code", "said"),
    [
        ("import sys\nsys.exit(3)", "Failed", 3, ""),
        ("import sys\nsys.exit('no')", "Failed", 1, "no\n"),
        ("exit()", "Success", 0, ""),
        ("import os\nos._exit(4)", "Failed", 4, ""),
        ("import sys\nsys.exit(97)", "Failed", 97, ""),
        ("import os\nos.kill(os.getpid(), 9)", "Failed", -9, ""),
        ("1 / 0", "Failed", 1, "line 1, in <module>\n    1 / 0"),
        ("def f(:", "Failed", 1, "SyntaxError"),
        ("import atexit\natexit.register(print, 'bye')", "Success", 0, ""),
        ("import threading\nthreading.Thread(target=print, args=('x',)).start()", "Success", 0, ""),
        ("if __name__ == '__main__':\n    raise SystemExit(5)", "Failed", 5, ""),
        (
            "from multiprocessing import Pool\ndef f(x): return x + 1\n"
            "if __name__ == '__main__':\n    print(Pool(2).map(f, [1, 2]))",
            "Success",
            0,
            "",
        ),
    ],
)
async def test_how_a_program_ends_is_told_as_it_is(client: Client, code: str, status: str, return_code: int, said: str):
    found = await client.run(code)
    assert (found["status"], found["run_result"]["return_code"]) == (status, return_code), found
    assert said in found["run_result"]["stderr"]
    assert "seedmill" not in found["run_result"]["stderr"]


async def test_limits_are_told(client: Client):
    late = await client.run("import time\ntime.sleep(20)", run_timeout=1)
    assert (late["status"], late["run_result"]["status"]) == ("Failed", "TimeLimitExceeded")
    assert late["run_result"]["return_code"] is None
    busy = await client.run("while True: pass", run_timeout=1)
    assert busy["run_result"]["status"] == "TimeLimitExceeded"
    large = await client.run("x = b'x' * (300 << 20)\nimport time\ntime.sleep(1)", memory_limit_MB=64)
    assert large["status"] == "Failed"
    assert large["message"] == "more than 64 MiB"
    loud = await client.run("print('x' * (1 << 20))")
    assert loud["status"] == "Failed"
    assert loud["message"] == "printed more than 1 MiB"
    half = await client.run("print('x' * (1 << 19))")
    assert half["status"] == "Success"
    assert "the first 64 KiB each are kept" in half["message"]
    assert len(half["run_result"]["stdout"]) == 64 << 10


async def test_files_go_in_and_come_out_and_the_next_program_finds_none(client: Client):
    files = {"data/in.txt": base64.b64encode(b"\x00one").decode(), "empty": "", "none": None}
    code = (
        "import os\nos.makedirs('out')\nopen('out/copy', 'wb').write(open('data/in.txt', 'rb').read() + b'!')\n"
        "print(sorted(os.listdir()))"
    )
    found = await client.run(code, files=files, fetch_files=["out/copy", "empty", "nothing"])
    assert found["status"] == "Success", found
    assert {path: base64.b64decode(text) for path, text in found["files"].items()} == {
        "out/copy": b"\0one!",
        "empty": b"",
    }
    assert found["message"] == "nothing: not fetched: No such file or directory"
    assert found["run_result"]["stdout"] == "['data', 'empty', 'main.py', 'out']\n"
    again = await client.run("import os\nprint(os.listdir())")
    assert again["run_result"]["stdout"] == "['main.py']\n"


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../up", "", "x\0y", "/"])
async def test_paths_that_lead_out_are_refused(client: Client, path: str):
    for more in ({"files": {path: ""}}, {"fetch_files": [path]}):
        found = await client.post("/run_code", {"code": "", "language": "python", **more}, 400)
        assert found["detail"].startswith("BadPath: ")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a": "", "a/b": ""}, "a: File exists"),
        ({"main.py/x": ""}, "main.py: Is a directory"),
        ({"folder/": ""}, "folder/: Is a directory"),
        ({"\u00fc" * 150: ""}, ": File name too long"),
        ({"x": "A"}, "'x' is no base64"),
        ({f"part-{n}": base64.b64encode(bytes(11 << 20)).decode() for n in range(2)}, ""),
        ({f"part-{n}": "" for n in range(300)}, "files"),
    ],
    ids=range(7),
)
async def test_files_that_cannot_be_had_are_the_callers_mistake_and_cost_no_sandbox(
    client: Client, files: dict[str, str], said: str
):
    body = {"code": "print(1)", "language": "python", "files": files}
    for _ in range(4):  # five sandboxes that are lost in a row take the service away
        found = await client.post("/run_code", body, 400 if said else 200)
        assert said in found.get("detail", "")
    assert (await client.run("print(1)"))["status"] == "Success"


async def test_an_exit_status_that_looks_like_the_wardens_own_costs_no_sandbox(client: Client):
    for _ in range(4):
        assert (await client.run("import os\nos._exit(97)"))["run_result"]["return_code"] == 97
    assert (await client.run("print(1)"))["status"] == "Success"


async def test_links_that_a_program_leaves_are_not_followed(client: Client):
    code = (
        "import os\nos.symlink('/etc/passwd', 'link')\nos.symlink('/etc', 'folder')\nos.mkfifo('pipe')\nos.mkdir('real')\n"
        "home = os.getcwd()\n"
        "try:\n    os.rename(home, home + '-moved')\n    os.symlink('/etc', home)\nexcept OSError:\n    pass\n"
    )
    wanted = ["link", "folder/passwd", "pipe", "real", "passwd"]
    found = await client.run(code, fetch_files=wanted)
    assert found["status"] == "Success", found
    assert found["files"] == {}
    assert all(path in found["message"] for path in wanted)


async def test_what_cannot_be_run_is_refused_in_one_sentence(client: Client):
    found = await client.post("/run_code", {"code": "", "language": "cpp"})
    assert (found["status"], found["run_result"]) == ("SandboxError", None)
    assert found["message"] == "LanguageUnknown: 'cpp' is not run by /run_code; there is python"
    assert "code" in (await client.post("/run_code", {"language": "python"}, 400))["detail"]
    assert (
        "run_timeout"
        in (await client.post("/run_code", {"code": "", "language": "python", "run_timeout": -1}, 400))["detail"]
    )
    assert "/run_code and POST /submit" in (await client.post("/run_jupyter", {}, 404))["detail"]
    async with client.session.post(
        client.url + "/run_code", data=json.dumps({"code": "", "language": "python"})
    ) as answer:
        assert answer.status == 400
        assert "application/json" in (await answer.json())["detail"]


HUMANEVAL = {
    "prompt": 'from typing import List\n\ndef largest(xs: List[int]) -> int:\n    """The largest."""\n',
    "test": "def check(candidate):\n    assert candidate([1, 3, 2]) == 3\n    assert candidate([-1]) == -1\n",
    "entry_point": "largest",
}
MBPP = {"test_list": ["assert double(2) == 4", "assert double(0) == 0"], "labels": {"test_setup_code": "import math"}}


def submission(completion: str, data: Any, **config: Any) -> dict[str, Any]:
    return {"dataset": "any", "id": 7, "completion": completion, "config": {"provided_data": data, **config}}


@pytest.mark.parametrize(
    ("data", "completion", "accepted", "how"),
    [
        (HUMANEVAL, "    return max(xs)\n", True, "heuristic"),
        (HUMANEVAL, "return max(xs)\n", True, "heuristic"),
        (
            HUMANEVAL,
            "Here:\n```python\ndef largest(xs: List[int]) -> int:\n    return max(xs)\n```\nDone.",
            True,
            "fenced",
        ),
        (HUMANEVAL, "```python\ndef largest(xs):\n    return max(xs)\n", True, "incomplete_fenced"),
        (HUMANEVAL, "    return min(xs)\n", False, "heuristic"),
        (HUMANEVAL, "    import sys\n    sys.exit(0)\n", False, "heuristic"),
        (MBPP, "```\ndef double(x):\n    return 2 * x\n```", True, "fenced"),
        (MBPP, "def double(x):\n    return x\n", False, "heuristic"),
        (MBPP, "def double(x):\n    return 2 * x\n[DONE]\nand so on", True, "heuristic"),
        (MBPP, "def double(x):\n    return 2 * x\n\nassert double(1) == 3\n", True, "heuristic"),
        (MBPP, "def double(x):\n    return 2 * x\n\nif __name__ == '__main__':\n    input()\n", True, "heuristic"),
        ({**MBPP, "test_list": json.dumps(MBPP["test_list"])}, "def double(x):\n    return 2 * x\n", True, "heuristic"),
        (HUMANEVAL, "    return max(xs)\n\n\ndef another(xs):\n    return (", True, "heuristic"),
        (HUMANEVAL, "\n    return max(xs)\n# and\n", True, "heuristic"),
        (MBPP, "def double(x):\n    return 2 * x\nimport os\nos._exit(0)\n", False, "heuristic"),
    ],
)
async def test_completions_are_accepted_by_verdict(
    client: Client, data: dict[str, Any], completion: str, accepted: bool, how: str
):
    found = await client.post("/submit", submission(completion, data))
    assert (found["id"], found["accepted"], found["extracted_type"]) == (7, accepted, how), found
    [test] = found["tests"]
    assert test["passed"] is accepted
    assert test["exec_info"]["status"] == ("Success" if accepted else "Failed")
    assert found["extra"]["verdict"] in (("pass",) if accepted else ("fail", "error", "incomplete"))
    assert found["extracted_code"].strip()


async def test_a_row_is_found_by_its_id_and_what_is_missing_is_said(client: Client):
    rows = [{"id": 6, **HUMANEVAL}, {"id": 7, **MBPP}]
    found = await client.post("/submit", submission("def double(x):\n    return 2 * x\n", rows))
    assert found["accepted"]
    body = {"dataset": "humaneval_python", "id": 0, "completion": "x", "config": {}}
    assert "hosts no data sets" in (await client.post("/submit", body, 400))["detail"]
    assert "test" in (await client.post("/submit", submission("x", {"entry_point": "f"}), 400))["detail"]
    assert "0 rows" in (await client.post("/submit", submission("x", [{"id": 1}, {"id": 2}]), 400))["detail"]
    logic = submission("x", MBPP, custom_extract_logic="print()")
    assert "custom_extract_logic" in (await client.post("/submit", logic, 400))["detail"]


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "example.org:80"])
async def test_it_listens_for_others_only_when_told_so(address: str):
    with pytest.raises(Misconfigured, match="--http-for-all"):
        HttpServer(HttpSettings(address), Pool(Level.PROCESS, slots=1))
    HttpServer(HttpSettings(address, for_all=True), Pool(Level.PROCESS, slots=1))


async def test_an_address_in_use_is_said(client: Client):
    taken = client.url.removeprefix("http://")
    with pytest.raises(Misconfigured, match=taken):
        await HttpServer(HttpSettings(taken), Pool(Level.PROCESS, slots=1)).start()


async def test_nothing_of_it_is_left_on_the_machine(client: Client):
    def left() -> set[Path]:
        return set(Path(tempfile.gettempdir()).glob("seedmill-program-*"))

    before = left()
    await client.run("open('x', 'w').write('x' * 1000)")
    assert left() == before
