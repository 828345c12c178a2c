"""One table of cases for every form of the service: they are contained, the next program passes, nothing is left.

Each form runs the whole table in a process of its own (`containment.conformance`) and reports JSON.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from integration.containment.case import Case, Form
from integration.containment.conformance import CASES
from integration.test_execution_in_pod import in_gvisor
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
        found = here(Form.UNPRIVILEGED, environment, user=ORDINARY_USER, group=ORDINARY_USER, extra_groups=[])
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


def here(form: Form, environment: dict[str, str] | None = None, **options: Any) -> list[dict[str, Any]]:
    """The table run in a process on this machine; its own view of mounts, files and processes is reported, too."""
    command = [sys.executable, "-m", "integration.containment.conformance", form]
    variables = {**os.environ, "PYTHONPATH": PATHS, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, env=variables, cwd="/", **options
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


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
    pool = Pool(Level.POD, slots=1)
    try:
        await pool.start()
        verdict = await pool.run(Program("x", "python", "f = lambda: 1", "assert f() == 1", 2.0, 128 << 20))
        print(json.dumps([verdict.status, verdict.reason]))
        await pool.close()
    except Exception as error:
        print(json.dumps(["refused", f"{type(error).__name__}: {error}"]))

asyncio.run(main())
"""


@needs_root
@pytest.mark.parametrize(
    ("dropped", "status"),
    [((), "pass"), (("CAP_SYS_ADMIN",), "infra")],
)
def test_what_a_pod_without_a_capability_gets(dropped: tuple[str, ...], status: str) -> None:
    held = [name for name in CAPABILITIES if name not in dropped]
    done = in_gvisor(LOST, capabilities=held)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1])[0] == status
