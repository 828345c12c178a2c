"""The warden: root in the guest, one long-lived process, one test at a time. It never runs a program's code itself.

For each test it forks T (and, once T says that the strict protocol fits, S), watches output, memory and time (`run`),
and judges by what the kernel says of the processes and by one message that needs a nonce (`judgement`). Then it kills
whatever is left and proves that nothing is (`processes`).

Frames on stdin and stdout are a length (4 bytes, little-endian) and JSON. Started as `main(native, first_uid)`, with a
folder of packages where there is one; `native` means without a sandbox around it, where other processes live on the
machine too.
"""

import gc
import json
import os
import struct
import sys

from . import confinement
from .child import ENVIRONMENT
from .processes import Processes
from .python import packages as environment
from .python.test_process import UNHOSTED
from .run import Run
from .script import run_script
from .toolchains.phases import run_program

PRELOADED = ("bisect", "collections", "functools", "heapq", "itertools", "math", "operator", "string", "typing")
"""What programs import most and what adds little to each copy of the warden: 6 ms less for one that imports `typing`.

Not `random`, which seeds itself anew in each copy.
"""


def main(native, first_uid, packages="", preload=()):
    """Serve requests until stdin ends. Modules named by `preload` are imported now, from the folder `packages`."""
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    requests, replies = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    confinement.libc.prctl(confinement.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for name in PRELOADED:
        __import__(name)
    if packages:
        environment.provide(packages, preload)
    gc.collect()
    gc.freeze()
    processes = Processes(native, first_uid)
    if packages:
        processes.measure_copies()
    processes.mounts = not native or confinement.own_mounts()
    processes.sweep()  # natively, what a warden that was killed left behind
    _send(replies, _ready(processes))
    while (request := _receive(requests)) is not None:
        # A copy that was restored from a checkpoint of this process has sent its first frame long ago: it is asked.
        asked = request.get("ready")
        _send(replies, _ready(processes) if asked else judge(request, processes, requests))


def _ready(processes):
    return {
        "ready": True,
        "python": sys.version.split()[0],
        "root": os.geteuid() == 0,
        "held_bytes": processes.used_bytes(),
    }


def judge(request, processes, host):
    """The verdict of one program, as JSON. `host` is the descriptor at whose other end the host is."""
    if "script" in request:
        return {**run_script(request, processes, host), "id": request["id"]}
    if "toolchain" in request:
        return {**run_program(request, processes, host), "id": request["id"]}
    run, result = _run(request, processes, host)
    if result["status"] == UNHOSTED:
        downgrade = result["reason"]
        request = {**request, "verdict": "Token"}
        run, result = _run(request, processes, host)
        result["downgrade"] = downgrade
    if result["status"] == "pass" and run.wants_control:
        _, control = _run(request, processes, host, control=True)
        if control["status"] == "pass":
            result["status"], result["reason"] = "vacuous", "the tests also pass when the solution does nothing"
    result["id"] = request["id"]
    return result


def _run(request, processes, host, control=False):
    """One run and its result; the second one where the first was killed and nothing of the program's says why.

    A program may kill itself, and then does so again. But the machine kills, too, where it runs out of memory, and in
    gVisor it takes single processes of programs: that must not be a verdict.
    """
    run = Run(request, processes, host, control)
    result = run.result()
    if run.was_killed:
        run = Run(request, processes, host, control)
        result = run.result()
    return run, result


def _receive(fd):
    header = _read(fd, 4)
    return None if header is None else json.loads(_read(fd, struct.unpack("<I", header)[0]))


def _read(fd, size):
    data = bytearray()
    while len(data) < size:
        chunk = os.read(fd, size - len(data))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


def _send(fd, content):
    data = json.dumps(content).encode()
    view = memoryview(struct.pack("<I", len(data)) + data)
    while view:
        view = view[os.write(fd, view) :]
