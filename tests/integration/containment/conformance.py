"""Runs the cases in one form, in one go, and prints what became of each as JSON.

    python -m integration.containment.conformance gvisor|unprivileged|pod|native [NUMBER …]

After each case an honest program must pass quickly in the same pool, and a census under the same walls must find nothing
of the case: no process, file, mount, shared memory. What stands on the outside (mounts, scratch folders, memory of the
sandboxes, processes when the pool has closed) is looked at here. Programs mark what they write with `seedmill-escape`.
"""

import asyncio
import ctypes
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from integration.containment import legitimate, reach, resources
from integration.containment.case import Case, Form
from seedmill.execution.level import Level
from seedmill.execution.pool import Pool
from seedmill.records.verdict import Program, Verdict, VerdictKind

CASES: tuple[Case, ...] = (*resources.CASES, *reach.CASES, *legitimate.CASES)
LEVELS = {
    Form.GVISOR: Level.GVISOR,
    Form.UNPRIVILEGED: Level.GVISOR,
    Form.POD: Level.POD,
    Form.NATIVE: Level.PROCESS,
}
PR_SET_NO_NEW_PRIVS = 38
MARK = "seedmill-escape"
LOOKED_AT = ("/", "/tmp", "/dev/shm", "/dev", "/var/tmp", "/run", "/run/lock", "/usr")

CENSUS = """
import os, ctypes
def mine():
    found = []
    for name in os.listdir('/proc'):
        try:
            if name.isdigit() and os.stat('/proc/' + name).st_uid == os.getuid() and int(name) != os.getpid():
                if open(f'/proc/{name}/stat').read().rpartition(')')[2].split()[0] not in 'ZX':
                    found.append('process ' + open(f'/proc/{name}/cmdline').read())
        except OSError:
            pass
    for folder in ('/tmp', '/dev/shm'):
        found += [folder + '/' + name for name in os.listdir(folder)]
    libc = ctypes.CDLL(None)
    found += [f'shared memory {key}' for key in range(1, 9) if libc.shmget(key, 0, 0) >= 0]
    if len(open('/proc/self/mounts').readlines()) > 200:
        found.append('mounts')
    return found
"""


async def run(form: Form, numbers: set[int]) -> list[dict[str, Any]]:
    """The outcome of each case, in order, and one for the end."""
    before = _outside()
    pool = Pool(LEVELS[form], slots=1, cache_bytes=0)
    await pool.start()
    found: list[dict[str, Any]] = []
    try:
        await _honest(pool)
        warm = _outside()
        idle = _resident_bytes()
        chosen = [case for case in CASES if form in case.forms and (not numbers or case.number in numbers)]
        found += [await _one(pool, case, warm, idle) for case in chosen]
    finally:
        await pool.close()
    found.append({"number": 0, "changed": await _settled(before), "left": await _nobody_left()})
    return found


async def _one(pool: Pool, case: Case, warm: dict[str, list[str]], idle: int) -> dict[str, Any]:
    started = time.monotonic()
    verdict = await _judge(pool, case.solution, case.tests, case.kind, case.seconds, case.megabytes)
    took = time.monotonic() - started
    started = time.monotonic()
    honest = await _honest(pool)
    next_took = time.monotonic() - started
    census = await _judge(pool, CENSUS, "found = mine()\nassert found == [], found", VerdictKind.TOKEN, 5.0, 256)
    return {
        "number": case.number,
        "title": case.title,
        "status": verdict.status,
        "reason": verdict.reason,
        "stderr": verdict.stderr[-300:],
        "seconds": round(took, 2),
        "next": honest.status,
        "next_reason": honest.reason,
        "next_seconds": round(next_took, 2),
        "census": census.status,
        "census_reason": census.reason,
        "changed": await _settled(warm),
        "grown_mib": (_resident_bytes() - idle) >> 20,
    }


async def _honest(pool: Pool) -> Verdict:
    return await _judge(pool, "def f(x):\n    return 2 * x\n", "assert f(21) == 42", VerdictKind.AUTO, 10.0, 256)


async def _judge(pool: Pool, solution: str, tests: str, kind: VerdictKind, seconds: float, megabytes: int) -> Verdict:
    isolation = pool.isolations[0]
    return await pool.run(
        Program("x", "python", solution, tests, seconds, megabytes << 20, verdict=kind, isolation=isolation)
    )


def _outside() -> dict[str, list[str]]:
    """What must be the same before and after: mounts, marked files, and folders of sandboxes."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    own = [line for line in mounts if tempfile.gettempdir() in line or MARK in line]
    marked = [
        f"{folder}/{name}"
        for folder in LOOKED_AT
        if os.path.isdir(folder)
        for name in os.listdir(folder)
        if MARK in name
    ]
    own = [line.replace(next(iter(p for p in line.split() if "seedmill-sandbox-" in p), "\0"), "…") for line in own]
    return {"mounts": own, "files": marked, "folders": ["…"] * len(os.listdir(tempfile.gettempdir()))}


async def _settled(expected: dict[str, list[str]], seconds: float = 5.0) -> dict[str, list[str]]:
    """What is not as expected after a while: a killed sandbox is replaced only with the next program."""
    deadline = time.monotonic() + seconds
    while (now := _outside()) != expected and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return {name: found for name, found in now.items() if found != expected[name]}


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, parent = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state not in "ZX":
            children.setdefault(int(parent), []).append(int(name))
    found, new = [], children.get(os.getpid(), [])
    while new:
        found += new
        new = [each for pid in new for each in children.get(pid, [])]
    return found


def _resident_bytes() -> int:
    """Of all sandboxes: anonymous and shared memory of every process of theirs, shared pages counted once for each."""
    total = 0
    for pid in _descendants():
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        except (OSError, IndexError):
            continue
    return total


async def _nobody_left(seconds: float = 5.0) -> list[str]:
    deadline = time.monotonic() + seconds
    while (left := _descendants()) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return [_command(pid) for pid in left]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")[:200]
    except OSError:
        return ""


def main() -> None:
    form, *numbers = sys.argv[1:]
    if form == Form.UNPRIVILEGED:  # as in a pod with `allowPrivilegeEscalation: false`
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="seedmill-conformance-") as folder:
        tempfile.tempdir = folder
        found = asyncio.run(run(Form(form), set(map(int, numbers))))
        tempfile.tempdir = None
    print(json.dumps(found))


if __name__ == "__main__":
    main()
