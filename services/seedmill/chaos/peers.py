"""Where peers are installed: a Python of its own for each, in the cache; `python -m seedmill.chaos.peers` makes them.

They exclude each other's and our dependencies, so none is ever imported here. What a release forgets to ask for stands
behind it.
"""

import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

from seedmill.storage.cache import cache_folder

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "curator": ("bespokelabs-curator==0.1.31",),
    "datatrove": ("datatrove==0.10.1", "aiofiles", "aiosqlite", "httpx", "openai", "orjson", "xxhash"),
    "datadesigner": ("data-designer==0.9.7",),
    "distilabel": ("distilabel[openai]==1.5.3", "requests"),
}


def peer_python(name: str) -> Path | None:
    """The Python that has this peer, or None where it was not installed."""
    python = _folder(name) / "bin" / "python"
    return python if (_folder(name) / "installed").exists() else None


def install(name: str) -> Path:
    """The Python that has this peer, made now if need be. Raises CalledProcessError when it cannot be installed."""
    if (ready := peer_python(name)) is not None:
        return ready
    folder = _folder(name)
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES[name]]
    subprocess.run(command, check=True)
    (folder / "installed").touch()
    return python


def _folder(name: str) -> Path:
    return cache_folder() / "peers" / name


def main() -> int:
    """Install those that are named, or all; one that cannot be had is told and does not stop the others."""
    missing = 0
    for name in sys.argv[1:] or PACKAGES:
        if name not in PACKAGES:
            sys.stderr.write(f"{name}: no such peer; there are {', '.join(PACKAGES)}\n")
            return 2
        try:
            sys.stdout.write(f"{name}: {install(name)}\n")
        except subprocess.CalledProcessError as error:
            missing += 1
            sys.stderr.write(f"{name}: not installed: pip ended with {error.returncode}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
