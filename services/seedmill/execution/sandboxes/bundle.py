"""What a gVisor sandbox holds: an OCI bundle with the host's /usr read-only, Python, and the guest program.

There is no network, no host file beside these, and nothing writable that outlives a test.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import SubprocessError, run
from typing import Any

GUEST = Path(__file__).parent.parent / "inside"
GUEST_PARENT = "/seedmill"
GUEST_PACKAGES = f"{GUEST_PARENT}/packages"
"""Where an environment's packages are seen in a sandbox."""

DEBIAN_PYTHON = "/usr/bin/python3"
OLDEST_GUEST_PYTHON = (3, 11)
CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SETPCAP")
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


@dataclass(frozen=True, slots=True)
class GuestPython:
    """The interpreter that programs run under: its path, its version, and folders that must be seen at their place."""

    path: str
    version: str
    folders: tuple[str, ...]


def guest_python() -> GuestPython:
    """The system's Python where it is new enough (it starts fastest and lies in /usr), else the one that runs this."""
    version = _version_of(DEBIAN_PYTHON)
    if version is not None and version[:2] >= OLDEST_GUEST_PYTHON:
        return GuestPython(DEBIAN_PYTHON, ".".join(map(str, version)), ())
    # Bound at its own place: elsewhere it would load another libpython.
    base = str(Path(sys.base_prefix).resolve())
    path = str(Path(base) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")
    return GuestPython(path, sys.version.split()[0], () if base == "/usr" else (base,))


@dataclass(frozen=True, slots=True)
class GuestPackages:
    """Packages that programs may import: where they lie on this machine, and what is imported before programs come."""

    folder: Path
    preload: tuple[str, ...] = ()


def write_bundle(
    folder: Path, python: GuestPython, binds: Sequence[str] = (), packages: GuestPackages | None = None
) -> None:
    """Write rootfs/ and config.json. `binds` are folders that are seen at their places, too. Raises OSError."""
    rootfs = folder / "rootfs"
    for name in ("proc", "tmp", "dev", "etc", "usr", GUEST_PARENT.strip("/")):
        (rootfs / name).mkdir(parents=True, exist_ok=True)
    (rootfs / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh\ntests:x:2001:2001::/tmp:/bin/sh\n")
    (rootfs / "etc" / "group").write_text("root:x:0:\ntests:x:2001:\n")
    (rootfs / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    mounts = [{"destination": "/proc", "type": "proc", "source": "proc"}]
    bound = ["/usr", *python.folders, *binds]
    for name in _MERGED:
        host = Path("/") / name
        if host.is_symlink():
            (rootfs / name).symlink_to(os.readlink(host).lstrip("/"))
        elif host.is_dir():
            bound.append(str(host))
    mounts += [_read_only(path, path) for path in bound]
    if Path("/etc/ld.so.cache").is_file():
        (rootfs / "etc" / "ld.so.cache").write_bytes(Path("/etc/ld.so.cache").read_bytes())
    mounts.append(_read_only(str(GUEST), f"{GUEST_PARENT}/inside"))
    if packages is not None:
        mounts.append(_read_only(str(packages.folder), GUEST_PACKAGES))
        packages = GuestPackages(Path(GUEST_PACKAGES), packages.preload)
    for path in (rootfs, *rootfs.rglob("*")):  # programs are other users there, whatever this service's umask is
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    (folder / "config.json").write_text(json.dumps(_config(python, mounts, packages)))


def guest_command(
    python: str, parent: str, *, native: bool, first_uid: int, packages: GuestPackages | None = None
) -> list[str]:
    """How the guest program is started: isolated from the environment and from site packages.

    The folder of `packages` is as the guest sees it.
    """
    more = "" if packages is None else f", {str(packages.folder)!r}, {packages.preload!r}"
    start = f"from inside.warden import main; main({native}, {first_uid}{more})"
    code = f"import sys; sys.path.insert(0, {parent!r}); {start}"
    return [python, "-I", "-S", "-B", "-X", "utf8", "-c", code]


def _config(python: GuestPython, mounts: list[dict[str, Any]], packages: GuestPackages | None) -> dict[str, Any]:
    held = list(CAPABILITIES)
    namespaces = [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]
    linux: dict[str, Any] = {"namespaces": namespaces}
    if os.geteuid() != 0:
        namespaces.append({"type": "user"})
        linux["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
        linux["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    return {
        "ociVersion": "1.2.1",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": guest_command(python.path, GUEST_PARENT, native=False, first_uid=2001, packages=packages),
            "env": ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "MALLOC_ARENA_MAX=2"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), held),
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}],
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "sandbox",
        "mounts": mounts,
        "linux": linux,
    }


def _read_only(source: str, destination: str) -> dict[str, Any]:
    options = ["rbind", "ro", "nosuid", "nodev"]
    return {"destination": destination, "type": "bind", "source": source, "options": options}


def _version_of(python: str) -> tuple[int, ...] | None:
    code = "import sys; print(*sys.version_info[:3])"
    try:
        done = run([python, "-I", "-S", "-c", code], capture_output=True, text=True, check=True, timeout=20)
        return tuple(map(int, done.stdout.split()))
    except (OSError, ValueError, SubprocessError):
        return None
