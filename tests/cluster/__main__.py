"""`make cluster-up`, `make node-up` and `make cluster-down`: the tests' control plane, or their node, for people.

A control plane is there to try things on with kubectl; on a node pods run, and it has the images of this checkout.

A process of its own keeps it until `down`. It holds a lock as long as it lives, so it is known whether there is one
without looking at process ids; it ends when the file that wants it is removed, so nobody has to kill it.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from cluster.control_plane import START_SECONDS, running_control_plane
from cluster.images import product_image
from cluster.whole_node import WholeNode, built_programs, running_node
from seedmill.storage.cache import cache_folder
from support.requirements import ROOT

NODE_SECONDS = 900.0
"""Until it is there with its images, which may have to be built."""

_POLL_SECONDS = 0.1


def main() -> None:
    """The command: `up`, `up --node`, `down`, or (for `up` alone) `keep`."""
    folder = cache_folder() / "cluster"
    match sys.argv[1:]:
        case ["up", *kind] if kind in ([], ["--node"]):
            print(f"export KUBECONFIG={up(folder, node=bool(kind))}")  # noqa: T201
        case ["down"]:
            down(folder)
        case ["keep", "control plane", programs]:
            keep(folder, lambda: running_control_plane(Path(programs), folder / "plane"))
        case ["keep", "node", _]:
            keep(folder, lambda: loaded_node(folder / "plane"))
        case _:
            sys.exit("usage: python -m cluster up [--node]|down")


def up(folder: Path, *, node: bool = False) -> Path:
    """Start it unless it, or the other kind, runs. Its kubeconfig."""
    kind = "node" if node else "control plane"
    programs = subprocess.run([ROOT / "tools" / "build", "kubernetes"], stdout=subprocess.PIPE, text=True, check=False)
    if programs.returncode != 0:
        sys.exit("its programs cannot be built: see above")
    deadline = time.monotonic() + (NODE_SECONDS if node else START_SECONDS + 30)
    while time.monotonic() < deadline:
        if (lock := _try_lock(folder)) is not None:
            _start(folder, lock, kind, programs.stdout.strip())
        elif _ready(folder).exists() and _wanted(folder).exists():
            if (runs := _ready(folder).read_text()) != kind:
                sys.exit(f"a {runs} is up: take it down first (make cluster-down)")
            return _kubeconfig(folder)
        time.sleep(_POLL_SECONDS)
        if _failed(folder).exists():
            sys.exit(f"it did not start: {_failed(folder).read_text()}")
    sys.exit(f"it is not ready: see {folder}")


@contextmanager
def loaded_node(folder: Path) -> Generator[WholeNode]:
    """A node with the images of this checkout."""
    images = [product_image(name) for name in ("execution", "seedmill")]
    with running_node(built_programs(), folder) as node:
        for archive in images:
            node.load(archive)
        yield node


def down(folder: Path) -> None:
    """End it and remove all that it made; nothing to do is fine."""
    _wanted(folder).unlink(missing_ok=True)
    while (lock := _try_lock(folder)) is None:
        time.sleep(_POLL_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    _lock_file(folder).unlink()
    os.close(lock)


def keep(folder: Path, running: Callable[[], AbstractContextManager[object]]) -> None:
    """Run it as long as it is wanted. The lock came with this process, and ends with it."""
    try:
        with running():
            _ready(folder).write_text(sys.argv[2])
            while _wanted(folder).exists():
                time.sleep(_POLL_SECONDS)
    except Exception as error:
        _failed(folder).write_text(str(error))
        raise


def _start(folder: Path, lock: int, kind: str, programs: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # of one that was killed
    folder.mkdir(mode=0o700)
    _wanted(folder).touch()
    with (folder / "keeper.log").open("wb") as log:
        subprocess.Popen(
            [sys.executable, "-m", "cluster", "keep", kind, programs],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock],
        )
    os.close(lock)


def _try_lock(folder: Path) -> int | None:
    """The lock's descriptor; None while another process has it."""
    path = _lock_file(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_ino == path.stat().st_ino:
            return lock
    except OSError:
        pass
    os.close(lock)  # taken, or removed by `down` since it was opened
    return None


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _wanted(folder: Path) -> Path:
    return folder / "wanted"


def _ready(folder: Path) -> Path:
    return folder / "ready"


def _failed(folder: Path) -> Path:
    return folder / "failed"


def _kubeconfig(folder: Path) -> Path:
    return folder / "plane" / "kubeconfig"


if __name__ == "__main__":
    main()
