"""`make cluster-up` and `make cluster-down`: the control plane of the tests, to try things on with kubectl.

A process of its own keeps it until `down`. It holds a lock as long as it lives, so it is known whether there is one
without looking at process ids; it ends when the file that wants it is removed, so nobody has to kill it.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from cluster.control_plane import START_SECONDS, running_control_plane
from seedmill.storage.cache import cache_folder
from support.requirements import ROOT

_POLL_SECONDS = 0.1


def main() -> None:
    """The command: `up`, `down`, or (for `up` alone) `keep`."""
    folder = cache_folder() / "cluster"
    match sys.argv[1:]:
        case ["up"]:
            print(f"export KUBECONFIG={up(folder)}")  # noqa: T201
        case ["down"]:
            down(folder)
        case ["keep", programs]:
            keep(folder, Path(programs))
        case _:
            sys.exit("usage: python -m cluster up|down")


def up(folder: Path) -> Path:
    """Start it unless it runs. Its kubeconfig."""
    programs = subprocess.run([ROOT / "tools" / "build", "kubernetes"], stdout=subprocess.PIPE, text=True, check=False)
    if programs.returncode != 0:
        sys.exit("its programs cannot be built: see above")
    deadline = time.monotonic() + START_SECONDS + 30
    while time.monotonic() < deadline:
        if (lock := _try_lock(folder)) is not None:
            _start(folder, lock, programs.stdout.strip())
        elif _ready(folder).exists() and _wanted(folder).exists():
            return _kubeconfig(folder)
        time.sleep(_POLL_SECONDS)
        if _failed(folder).exists():
            sys.exit(f"it did not start: {_failed(folder).read_text()}")
    sys.exit(f"it is not ready: see {folder}")


def down(folder: Path) -> None:
    """End it and remove all that it made; nothing to do is fine."""
    _wanted(folder).unlink(missing_ok=True)
    while (lock := _try_lock(folder)) is None:
        time.sleep(_POLL_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    _lock_file(folder).unlink()
    os.close(lock)


def keep(folder: Path, programs: Path) -> None:
    """Run it as long as it is wanted. The lock came with this process, and ends with it."""
    try:
        with running_control_plane(programs, folder / "plane"):
            _ready(folder).touch()
            while _wanted(folder).exists():
                time.sleep(_POLL_SECONDS)
    except Exception as error:
        _failed(folder).write_text(str(error))
        raise


def _start(folder: Path, lock: int, programs: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # of one that was killed
    folder.mkdir(mode=0o700)
    _wanted(folder).touch()
    with (folder / "keeper.log").open("wb") as log:
        subprocess.Popen(
            [sys.executable, "-m", "cluster", "keep", programs],
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
