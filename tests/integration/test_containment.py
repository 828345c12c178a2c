"""One table of cases for every form of the service: they are contained, the next program passes, nothing is left.

Each form runs the whole table in a process of its own (`containment.conformance`) and reports JSON.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

import pytest

from integration.containment.case import Case, Form
from integration.containment.conformance import CASES
from integration.test_execution_in_pod import in_gvisor
from seedmill.execution.level import POD_CAPABILITIES
from seedmill.execution.sandboxes.bundle import CAPABILITIES
from support.requirements import ROOT, require

ORDINARY_USER = 4242
NEXT_SECONDS = 5.0
MAX_GROWTH_MIB = 256
"""Of a sandbox's resident memory, shared pages counted for each of its processes."""

PATHS = os.pathsep.join(str(ROOT / name) for name in ("tests", "services", "operator"))
IN_A_POD = f"""
import json, sys
sys.path[:0] = {PATHS.split(os.pathsep)!r}
sys.argv = ["conformance", "pod"]
from integration.containment.conformance import main
main()
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="users of their own need root")


@needs_root
def test_the_service_that_drives_gvisor_contains_every_case() -> None:
    require("runsc")
    assert faults(Form.GVISOR, here(Form.GVISOR)) == []


@needs_root
def test_an_ordinary_user_that_drives_gvisor_contains_every_case() -> None:
    runsc = require("runsc")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(runsc, folder / "runsc")
        (folder / "tmp").mkdir()
        os.chown(folder / "tmp", ORDINARY_USER, ORDINARY_USER)
        environment = {"SEEDMILL_RUNSC": str(folder / "runsc"), "TMPDIR": str(folder / "tmp"), "HOME": str(folder)}
        python = ordinary_users_python()
        found = here(Form.UNPRIVILEGED, environment, python, user=ORDINARY_USER, group=ORDINARY_USER, extra_groups=[])
        assert list((folder / "tmp").iterdir()) == []
    assert faults(Form.UNPRIVILEGED, found) == []


@needs_root
def test_a_service_in_a_gvisor_pod_contains_every_case() -> None:
    done = in_gvisor(IN_A_POD)
    assert done.returncode == 0, done.stderr[-2000:]
    assert faults(Form.POD, json.loads(done.stdout.splitlines()[-1])) == []


@needs_root
def test_natively_a_service_that_is_root_contains_every_case() -> None:
    assert faults(Form.NATIVE, here(Form.NATIVE)) == []


def here(
    form: Form, environment: dict[str, str] | None = None, python: str = sys.executable, **options: Any
) -> list[dict[str, Any]]:
    """The table run in a process on this machine; its own view of mounts, files and processes is reported, too."""
    command = [python, "-m", "integration.containment.conformance", form]
    packages = sysconfig.get_paths()["purelib"]
    variables = {**os.environ, "PYTHONPATH": f"{PATHS}{os.pathsep}{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
    variables |= environment or {}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, env=variables, cwd="/", **options
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def ordinary_users_python() -> str:
    """A Python of this version that an ordinary user may start: this one may lie in root's home."""
    version = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", version], user=ORDINARY_USER, cwd="/", check=False).returncode == 0:
                return python
    pytest.skip("there is no Python of this version that an ordinary user may start")


def faults(form: Form, found: list[dict[str, Any]]) -> list[str]:
    """What is not as it must be, one line each."""
    *rows, end = found
    wrong = [f"at the end: {end}"] if end["changed"] or end["left"] else []
    expected = {case.number: case for case in CASES if form in case.forms}
    assert [row["number"] for row in rows] == list(expected)
    for row in rows:
        wrong += [f"{row['number']} {row['title']}: {fault}" for fault in _faults(expected[row["number"]], row)]
    return wrong


def _faults(case: Case, row: dict[str, Any]) -> list[str]:
    found: list[str] = []
    if row["status"] not in case.statuses:
        found.append(f"{row['status']} {row['reason']} {row['stderr']}")
    if row["next"] != "pass" or row["next_seconds"] > NEXT_SECONDS:
        found.append(f"the next program: {row['next']} {row['next_reason']} after {row['next_seconds']} s")
    if row["census"] != "pass":
        found.append(f"left inside: {row['census_reason']}")
    if row["changed"]:
        found.append(f"left outside: {row['changed']}")
    if row["grown_mib"] > MAX_GROWTH_MIB:
        found.append(f"the sandbox has grown by {row['grown_mib']} MiB")
    return found


def test_the_cases_are_numbered_and_many() -> None:
    numbers = [case.number for case in CASES]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 60


LOST = """
import asyncio, json, sys
from seedmill.execution.level import Level
from seedmill.execution.pool import Pool
from seedmill.records.verdict import Program

async def main():
    pool = Pool(Level.POD, slots=1, cache_bytes=0)
    try:
        await pool.start()
        verdict = await pool.run(Program("x", "python", "f = lambda: 1", "assert f() == 1", 2.0, 128 << 20))
        print(json.dumps([verdict.status, verdict.reason]))
        await pool.close()
    except Exception as error:
        print(json.dumps(["refused", f"{type(error).__name__}: {error}"]))

asyncio.run(main())
"""


ALL_NEEDED = [f"CAP_{name}" for name in POD_CAPABILITIES]


@needs_root
@pytest.mark.parametrize("dropped", [[], *([name] for name in ALL_NEEDED), ALL_NEEDED], ids="-".join)
def test_a_pod_that_lacks_a_capability_is_refused_in_words(dropped: list[str]) -> None:
    done = in_gvisor(LOST, capabilities=[name for name in CAPABILITIES if name not in dropped])
    assert done.returncode == 0, done.stderr[-2000:]
    status, reason = json.loads(done.stdout.splitlines()[-1])
    assert status == ("refused" if dropped else "pass")
    assert all(name.removeprefix("CAP_") in reason for name in dropped), reason
