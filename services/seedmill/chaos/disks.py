"""A small disk that can be filled, without being root: a tmpfs in a user and mount namespace of our own.

Only processes in the namespace see it, so a tool is started in it (`prefix`), and a holder keeps it alive between two
starts. Linux with user namespaces only; where they are switched off, `running_small_disk` says so.
"""

import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SIZE_MEBIBYTES = 64
_HOLD = 'mount -t tmpfs -o size="$1" tmpfs "$2" && echo mounted && exec cat'
_FILL = 'cat /dev/zero > "$1/filler" 2>/dev/null; true'


class NoSmallDisk(Exception):
    """This machine lets us mount none; the message says why."""


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """`folder` is the disk to processes that are started with `prefix`."""

    folder: Path
    prefix: tuple[str, ...]

    def fill(self) -> None:
        """Leave no room at all."""
        subprocess.run([*self.prefix, "sh", "-c", _FILL, "sh", str(self.folder)], check=True, stderr=subprocess.DEVNULL)

    def free(self) -> None:
        """Make room again."""
        subprocess.run([*self.prefix, "rm", "-f", str(self.folder / "filler")], check=True)


@contextmanager
def running_small_disk(folder: Path) -> Generator[SmallDisk]:
    """Mount it at this folder until the end. Raises NoSmallDisk."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        raise NoSmallDisk("unshare and nsenter (util-linux) are not here")
    folder.mkdir(exist_ok=True)
    command = ["unshare", "--user", "--map-root-user", "--mount"]
    hold = ["sh", "-c", _HOLD, "sh", f"{SIZE_MEBIBYTES}m", str(folder)]
    with subprocess.Popen(
        [*command, *hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as holder:
        if holder.stdout is None or holder.stdout.readline().strip() != "mounted":
            why = (holder.stderr.read() if holder.stderr else "").strip().splitlines()
            raise NoSmallDisk(f"this machine lets no user mount a disk: {why[-1] if why else 'unshare failed'}")
        enter = ["nsenter", f"--target={holder.pid}", "--user", "--preserve-credentials", "--mount", "--"]
        yield SmallDisk(folder, tuple(enter))
