"""The service inside gVisor, as in a pod whose RuntimeClass is gVisor: the sandbox stands around service and programs.

runsc runs a container here as containerd's shim would: this machine's files read-only, root of the sandbox only, and
the capabilities that the execution pod asks for.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from seedmill.execution.level import Level, level_named
from seedmill.execution.package_sets.installed import sets_folder
from seedmill.execution.pool import Pool
from seedmill.execution.sandboxes.bundle import CAPABILITIES
from seedmill.execution.sandboxes.folder import SandboxFolder
from seedmill.records.verdict import Isolation
from seedmill.serving.errors import Misconfigured
from support.requirements import ROOT, require

INSIDE = """
import asyncio, json, sys
from seedmill.execution.client import ExecutionClient
from seedmill.execution.level import kernel_log
from seedmill.execution.server import service
from seedmill.records.verdict import Isolation, Program, VerdictKind
from seedmill.serving.channel import Channels
from seedmill.serving.server import running_server

ADD = "def add(a, b):\\n    return a + b\\n"
READS = "import os\\ndef add(a, b):\\n    for pid in os.listdir('/proc'):\\n        if pid.isdigit():\\n            try:\\n"\\
    "                open(f'/proc/{pid}/environ').read()\\n            except PermissionError:\\n                return 0\\n    return a + b\\n"
CASES = {
    "right": (ADD, "assert add(1, 2) == 3"),
    "wrong": (ADD, "assert add(1, 2) == 4"),
    "leaves": ("import sys\\nsys.exit(0)\\n" + ADD, "assert add(1, 2) == 4"),
    "kills all": ("import os\\ndef add(a, b):\\n    os.kill(-1, 9)\\n    return 3\\n", "assert add(1, 2) == 4"),
    "after that": (ADD, "assert add(1, 2) == 3"),
    "endless": ("def add(a, b):\\n    while True:\\n        pass\\n", "assert add(1, 2) == 3"),
    "large": ("def add(a, b):\\n    return len(bytearray(600 << 20))\\n", "assert add(1, 2) == 3"),
    "network": ("import socket\\ndef add(a, b):\\n    socket.create_connection(('127.0.0.1', 9), 1)\\n", "assert add(1, 2) == 3"),
    "reads the keys of others": (READS, "assert add(1, 2) == 3"),
    "at the end": (ADD, "assert add(1, 2) == 3"),
}

async def main():
    found = {"dmesg": kernel_log()}
    async with running_server([service("pod", workers=1, cache_bytes=0)], "unix:/tmp/execution.sock") as address:
        channels = Channels([address], "execution")
        client = ExecutionClient(channels, "pod")
        for name, (solution, tests) in CASES.items():
            program = Program(name, "python", solution, tests, 1.0, 256 << 20, verdict=VerdictKind.STRICT)
            verdict = await client.execute(program)
            found[name] = [verdict.status, verdict.reason, verdict.kind, verdict.sandbox]
        await client.close()
        await channels.close()
    print(json.dumps(found))

asyncio.run(main())
"""

KILLED = """
import asyncio, json, os
from pathlib import Path
from seedmill.execution.level import Level
from seedmill.execution.package_sets.installed import sets_folder
from seedmill.execution.pool import Pool
from seedmill.records.verdict import Program, VerdictKind

STAYS = "import os, time\\ndef add(a, b):\\n    for _ in range(3):\\n        if os.fork() == 0:\\n            os.setsid()\\n"\\
    "            time.sleep(600)\\n    time.sleep(600)\\n"

def others():
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            found[int(name)] = Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()[0].decode()
    return found

async def main():
    pool = Pool(Level.POD, slots=1, cache_bytes=0)
    await pool.start()
    warden = set(others())
    running = asyncio.create_task(
        pool.run(Program("stays", "python", STAYS, "assert add(1, 2) == 3", 1.0, 256 << 20, verdict=VerdictKind.TOKEN)))
    while len(others()) < 5:
        await asyncio.sleep(0.05)
    for pid in warden:
        os.kill(pid, 9)
    killed = (await running).status
    honest = Program("honest", "python", "def add(a, b):\\n    return a + b\\n", "assert add(1, 2) == 3", 5.0, 256 << 20)
    verdict = await pool.run(honest)
    print(json.dumps({"pid": os.getpid(), "killed": killed, "honest": verdict.status, "reason": verdict.reason,
                      "others": list(others().values())}))
    await pool.close()

asyncio.run(main())
"""

LANGUAGES = """
import asyncio, json
from seedmill.execution.level import Level
from seedmill.execution.pool import Pool
from seedmill.records.verdict import Program
from support.language_programs import PROGRAMS

async def main():
    pool = Pool(Level.POD, slots=1, cache_bytes=0)
    await pool.start()
    found = {}
    for language in ("bash", "cpp"):
        for solution in (PROGRAMS[language].add, PROGRAMS[language].wrong, PROGRAMS[language].reads):
            verdict = await pool.run(Program("x", language, solution, PROGRAMS[language].tests, 5.0))
            found.setdefault(language, []).append(f"{verdict.status} {verdict.sandbox}")
    await pool.close()
    print(json.dumps(found))

asyncio.run(main())
"""

PACKAGED = """
import asyncio, json, sys, time
from seedmill.execution.environments import environments
from seedmill.execution.sandboxes.bundle import guest_python
from seedmill.execution.sandboxes.sandbox import Sandbox, SandboxKind

CASES = {
    "right": ("import numpy as np\\ndef f(x):\\n    return np.asarray(x) * 2\\n", "assert np.allclose(f([1]), [2])"),
    "wrong": ("import numpy as np\\ndef f(x):\\n    return np.asarray(x) * 3\\n", "assert np.allclose(f([1]), [2])"),
    "frames": ("def f(d):\\n    return d.sum()['a']\\n", "import pandas as pd\\nassert f(pd.DataFrame({'a': [1, 2]})) == 3"),
}

async def main():
    python = guest_python()
    environment = environments(python)["python-data"]
    sandbox = await Sandbox.start(SandboxKind(python, environment, None, "gVisor pod"), 0)
    found = {}
    for name, (solution, tests) in CASES.items():
        request = {"id": name, "solution": solution, "tests": tests, "verdict": "Auto", "cpu_seconds": 10}
        reply = await sandbox.judge({**request, "memory_bytes": 256 << 20}, 60)
        found[name] = [reply["status"], reply["kind"], reply["reason"]]
    await sandbox.close()
    print(json.dumps(found))

asyncio.run(main())
"""


def bundle(folder: Path, code: str, uid: int = 0, capabilities: Sequence[str] = CAPABILITIES, **variables: str) -> None:
    """An OCI bundle that runs code under this environment's Python."""
    (folder / "rootfs").mkdir()
    skip = {"proc", "sys", "dev", "tmp"}
    mounts = [
        {"destination": f"/{name}", "type": "bind", "source": f"/{name}", "options": ["rbind", "ro"]}
        for name in sorted(os.listdir("/"))
        if name not in skip and not Path("/", name).is_symlink() and Path("/", name).is_dir()
    ]
    for name in sorted(os.listdir("/")):
        if Path("/", name).is_symlink():
            (folder / "rootfs" / name).symlink_to(os.readlink(Path("/", name)))
    mounts += [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"},
    ]
    for place in sorted({str(ROOT), sys.prefix, sys.base_prefix}):  # a clone may lie in /tmp
        if place.startswith("/tmp/"):
            mounts.append({"destination": place, "type": "bind", "source": place, "options": ["rbind", "ro"]})
    more = [f"{name}={value}" for name, value in variables.items()]
    namespaces = [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]
    (folder / "config.json").write_text(
        json.dumps(
            {
                "ociVersion": "1.2.1",
                "process": {
                    "user": {"uid": uid, "gid": uid},
                    "args": [sys.executable, "-c", code],
                    "env": [
                        *("PATH=/usr/bin:/bin", "HOME=/tmp", f"PYTHONPATH={ROOT / 'services'}:{ROOT / 'tests'}"),
                        *more,
                    ],
                    "cwd": "/tmp",
                    "capabilities": {kind: list(capabilities) for kind in ("bounding", "effective", "permitted")},
                },
                "root": {"path": "rootfs", "readonly": True},
                "mounts": mounts,
                "linux": {"namespaces": namespaces},
            }
        )
    )


def in_gvisor(
    code: str, uid: int = 0, capabilities: Sequence[str] = CAPABILITIES, **variables: str
) -> subprocess.CompletedProcess[str]:
    runsc = require("runsc")
    folder = SandboxFolder()
    try:
        bundle(folder.path, code, uid, capabilities, **variables)
        options = ["--root", str(folder.path / "state"), "--platform", "systrap", "--network", "none"]
        command = [str(runsc), *options, "--ignore-cgroups", "run", "--bundle", str(folder.path), f"pod-{uuid4().hex}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    finally:
        folder.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="a container of the whole machine's files needs root")
def test_in_a_gvisor_pod_verdicts_are_strict_and_programs_harm_no_other() -> None:
    done = in_gvisor(INSIDE)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert "gVisor" in found.pop("dmesg")
    assert {name: verdict[0] for name, verdict in found.items()} == {
        "right": "pass",
        "wrong": "fail",
        "leaves": "error",
        "kills all": "fail",
        "after that": "pass",
        "endless": "timeout",
        "large": "memory",
        "network": "fail",
        "reads the keys of others": "fail",
        "at the end": "pass",
    }
    assert {tuple(verdict[2:]) for verdict in found.values()} == {("Strict", "gVisor pod")}


@pytest.mark.skipif(os.geteuid() != 0, reason="a container of the whole machine's files needs root")
def test_in_a_gvisor_pod_languages_of_its_image_are_run() -> None:
    require("the language cpp")
    done = in_gvisor(LANGUAGES)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {
        language: ["pass gVisor pod", "fail gVisor pod", "fail gVisor pod"] for language in ("bash", "cpp")
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="a container of the whole machine's files needs root")
def test_what_a_killed_sandbox_leaves_behind_harms_nobody_where_the_service_is_process_1() -> None:
    done = in_gvisor(KILLED)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {"pid": 1, "killed": "timeout", "honest": "pass", "reason": "", "others": ["S"]}


@pytest.mark.skipif(os.geteuid() != 0, reason="a container of the whole machine's files needs root")
def test_a_pod_that_is_not_root_in_its_sandbox_is_refused() -> None:
    code = "from seedmill.execution.level import check_pod\ncheck_pod()"
    assert "runAsUser: 0" in in_gvisor(code, uid=1000).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="a container of the whole machine's files needs root")
def test_a_pod_has_the_package_sets_of_the_folder_that_it_is_given() -> None:
    require("python-data")
    done = in_gvisor(PACKAGED, SEEDMILL_ENVIRONMENTS=str(sets_folder()))
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    kinds = {name: tuple(verdict[:2]) for name, verdict in found.items()}
    assert kinds == {"right": ("pass", "Strict"), "wrong": ("fail", "Strict"), "frames": ("pass", "Token")}, found


async def test_a_pod_without_gvisor_is_refused() -> None:
    with pytest.raises(Misconfigured, match="its kernel is not gVisor"):
        await Pool(Level.POD, slots=1).start()


def test_a_pod_offers_what_it_can_keep() -> None:
    assert Level.POD.isolations == (Isolation.POOLED,)
    with pytest.raises(Misconfigured, match="none of gvisor, pod, process"):
        level_named("vm")
