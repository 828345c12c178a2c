"""One sandbox: a warden in gVisor (or, where the user asked for that in words, natively), and frames to and from it.

It judges one program at a time. A sandbox that does not answer in time, or answers nonsense, is lost: it is killed, and
who uses it takes another one. It dies with this process, however that ends: runsc is killed by the kernel (and takes
its own processes along in the same way), a native warden sees its standard input end and kills what it started.
"""

import asyncio
import contextlib
import json
import os
import secrets
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from seedmill.execution import metrics
from seedmill.execution.environments import Environment
from seedmill.execution.sandboxes.bundle import GUEST, GuestPackages, GuestPython, guest_command, write_bundle
from seedmill.execution.sandboxes.folder import SandboxFolder
from seedmill.execution.sandboxes.usage import Usage, gvisor_processes, usage_of
from seedmill.serving.errors import Unavailable

START_SECONDS = 60.0
"""With packages that are imported beforehand, on a busy machine."""

SLACK_SECONDS = 2.0
LARGEST_REPLY_BYTES = 4 << 20
ERRORS = "stderr"
NATIVE_FIRST_UID = 20_000
NATIVE_UIDS = 5_000

# Run by an interpreter of its own before it becomes runsc: this process must not fork, for gRPC is loaded here. The
# kernel's promise holds for parents that are alive when it is asked for, so the parent is looked at afterwards.
DIE_WITH_PARENT = """
import ctypes, os, sys
parent, command = int(sys.argv[1]), sys.argv[2:]
if ctypes.CDLL(None).prctl(1, 9, 0, 0, 0) == 0 and os.getppid() == parent:  # PR_SET_PDEATHSIG, SIGKILL
    os.execv(command[0], command)
"""


class SandboxLost(Exception):
    """The sandbox died, hung or broke the protocol. It must not be used again."""


@dataclass(frozen=True, slots=True)
class SandboxKind:
    """What sandboxes are started as: `runsc` is None for native processes.

    `name` is for verdicts: runsc with version and platform, `gVisor pod`, or `process`. `platform` is gVisor's way to
    take system calls. `binds` are folders that a sandbox sees beside the system's, such as those of compilers.
    """

    python: GuestPython
    environment: Environment
    runsc: Path | None
    name: str
    platform: str = "systrap"
    binds: tuple[str, ...] = ()

    @property
    def packages(self) -> GuestPackages | None:
        """The environment's, as the guest is told of them."""
        if self.environment.packages is None:
            return None
        return GuestPackages(self.environment.packages, self.environment.preload)


class Sandbox:
    """A started sandbox; make one with `Sandbox.start`. `idle_bytes` is the memory it held before its first program."""

    def __init__(
        self, kind: SandboxKind, process: asyncio.subprocess.Process, folder: SandboxFolder, name: str
    ) -> None:
        self.kind = kind
        self.idle_bytes = 0
        self._process = process
        self._folder = folder
        self._name = name
        self._processes: tuple[int, ...] = ()
        self._counted = Usage()

    @staticmethod
    async def start(kind: SandboxKind, number: int, image: Path | None = None) -> "Sandbox":
        """Start one, or restore it from `image`, and wait until it is ready. `number` is its own among those alive.

        Raises Unavailable with the sandbox's last words.
        """
        folder: SandboxFolder | None = None
        name = f"seedmill-{secrets.token_hex(8)}"
        try:
            folder = SandboxFolder()
            command = _start_command(kind, folder.path, number, name, image)
            with (folder.path / ERRORS).open("wb") as stderr:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=stderr,
                    start_new_session=True,
                    umask=0o022,  # what it makes on the way to mounts is for other users, too
                    limit=LARGEST_REPLY_BYTES,
                )
        except OSError as error:
            if folder is not None:
                folder.remove()
            raise Unavailable("SandboxUnavailable", f"no sandbox can be started: {error}") from error
        sandbox = Sandbox(kind, process, folder, name)
        try:
            if image is not None:
                sandbox._send({"ready": True})
            ready = await asyncio.wait_for(sandbox._receive(), START_SECONDS)
            sandbox.idle_bytes = int(str(ready["held_bytes"]))
            if kind.runsc is not None:
                sandbox._processes = await asyncio.to_thread(gvisor_processes, process.pid)
        except (SandboxLost, TimeoutError, KeyError, ValueError, OSError) as error:
            words = sandbox.last_words()
            await sandbox.close()
            raise Unavailable("SandboxUnavailable", f"no sandbox can be started: {words or error}") from error
        except BaseException:
            await asyncio.shield(sandbox.close())
            raise
        return sandbox

    async def judge(self, request: dict[str, Any], longest_seconds: float) -> dict[str, Any]:
        """The warden's verdict on one request. Raises SandboxLost."""
        asked = secrets.token_hex(8)  # not the program's own id, which another one may have had: answers can be late
        try:
            self._send({**request, "id": asked})
            reply = await asyncio.wait_for(self._receive(), longest_seconds + SLACK_SECONDS)
        except TimeoutError:
            raise SandboxLost(f"no answer within {longest_seconds + SLACK_SECONDS:g} s") from None
        except OSError as error:
            raise SandboxLost(str(error)) from error
        self._count()
        if reply.get("id") != asked:
            raise SandboxLost("an answer to another question")
        return {**reply, "id": request["id"]}

    async def checkpoint(self, image: Path) -> None:
        """Write what it is now into the folder `image`; it goes on. Raises Unavailable, and OSError."""
        command = _runsc(self.kind, self._folder.path)
        process = await asyncio.create_subprocess_exec(
            *command,
            *("checkpoint", "--image-path", str(image), "--leave-running", self._name),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, words = await asyncio.wait_for(process.communicate(), START_SECONDS)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            if isinstance(error, TimeoutError):
                raise Unavailable("CheckpointFailed", f"no checkpoint within {START_SECONDS:g} s") from error
            raise
        if process.returncode:
            raise Unavailable("CheckpointFailed", words.decode("utf-8", "replace").strip()[-300:])

    async def close(self) -> None:
        """End it and everything in it."""
        self._count()
        metrics.sandbox_bytes.dec(self._counted.resident_bytes)
        self._processes, self._counted = (), Usage()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        await asyncio.to_thread(self._folder.remove)

    def _count(self) -> None:
        """Tell the metrics what gVisor has used since they were told last."""
        if not self._processes:
            return
        now = usage_of(self._processes)
        metrics.cpu_seconds.labels("gvisor").inc(max(0.0, now.cpu_seconds - self._counted.cpu_seconds))
        metrics.sandbox_bytes.inc(now.resident_bytes - self._counted.resident_bytes)
        self._counted = now

    def last_words(self) -> str:
        """The last line that it, or runsc, wrote to its log; empty when there is none."""
        with contextlib.suppress(OSError):
            lines = (self._folder.path / ERRORS).read_text(errors="replace").strip().splitlines()
            return lines[-1][:300] if lines else ""
        return ""

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was started with a pipe
        data = json.dumps(request).encode()
        self._process.stdin.write(struct.pack("<I", len(data)) + data)

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        try:
            size = struct.unpack("<I", await self._process.stdout.readexactly(4))[0]
            if size > LARGEST_REPLY_BYTES:
                raise SandboxLost("an answer that is too long")
            reply = json.loads(await self._process.stdout.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise SandboxLost("it ended") from None
        except (ValueError, RecursionError) as error:
            raise SandboxLost(f"an answer that is no JSON: {error}") from error
        if not isinstance(reply, dict):
            raise SandboxLost("an answer that is no object")
        return cast("dict[str, Any]", reply)


def _start_command(kind: SandboxKind, folder: Path, number: int, name: str, image: Path | None) -> list[str]:
    if kind.runsc is None:
        first_uid = NATIVE_FIRST_UID + 2 * ((os.getpid() * 64 + number) % NATIVE_UIDS)
        return guest_command(
            kind.python.path, str(GUEST.parent), native=True, first_uid=first_uid, packages=kind.packages
        )
    write_bundle(folder, kind.python, kind.binds, kind.packages)
    how = ["run"] if image is None else ["restore", "--image-path", str(image)]
    return [*_runsc(kind, folder), *how, "--bundle", str(folder), name]


def _runsc(kind: SandboxKind, folder: Path) -> list[str]:
    """runsc with what all its commands on the sandbox in `folder` share."""
    return [
        *(sys.executable, "-I", "-S", "-c", DIE_WITH_PARENT, str(os.getpid())),
        str(kind.runsc),
        *("--root", str(folder / "state")),
        *("--platform", kind.platform),
        *("--network", "none"),
        "--ignore-cgroups",
    ]
