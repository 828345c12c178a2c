"""Container images for the whole node, without a container engine and without a registry.

The product's own come from images/*/Dockerfile through buildah, on a stand-in for Python's official image that is made
of Debian's packages and a Python of this machine. They are kept in the cache under a name that is the hash of what goes
into them, so an image is never older than the checkout.
"""

import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seedmill.storage.cache import cache_folder
from support.requirements import ROOT

REPOSITORY = "localhost/seedmill"
TAG = "test"
_BASE = "localhost/seedmill-python-base"
_PACKAGES = (
    "ca-certificates",
    "libbz2-1.0",
    "libexpat1",
    "libffi8",
    "liblzma5",
    "libreadline8",
    "libsqlite3-0",
    "libssl3",
    "libuuid1",
    "zlib1g",
)
"""What a Python that was built on this Debian is linked with."""

_INPUTS = ("images", "services", "operator", "constraints", "pyproject.toml", "README.md", "LICENSE")
_TIMESTAMP = "1700000000"
"""Of every file in an image: the same files give the same image."""


def product_image(name: str) -> Path:
    """images/<name>/Dockerfile as a Docker archive of `REPOSITORY-<name>:TAG`, built when it is not in the cache."""
    digest = _digest(_INPUTS)
    archive = _images() / f"{name}-{digest}.tar"
    with (_images() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            for old in _images().glob(f"{name}-*.tar"):
                old.unlink()
            build_image(name, archive)
    return archive


def reference(name: str) -> str:
    """Under which the node knows a product's image."""
    return f"{REPOSITORY}-{name}:{TAG}"


def build_image(name: str, archive: Path, *, anew: bool = False) -> None:
    """Build it into `archive`; `anew` uses no layer of before. Raises CalledProcessError."""
    base = _base_image()
    more = ["--no-cache"] if anew else []
    # What pip of this machine is told, pip in the build is told, too: where it may not, these folders are missing.
    mounts = [f"--volume={folder}:{folder}:ro" for folder in _pip_folders()]
    settings = [f"--env={key}={value}" for key, value in os.environ.items() if key.startswith("PIP_")]
    command = [
        "buildah",
        "build",
        "--isolation=chroot",
        "--pull-never",
        f"--timestamp={_TIMESTAMP}",
        "--layers",
        *more,
        *mounts,
    ]
    file = f"--file=images/{name}/Dockerfile"
    _run([*command, f"--build-arg=BASE={base}", file, f"--tag={reference(name)}", *settings, "."], cwd=ROOT)
    partial = archive.with_suffix(".part")
    partial.unlink(missing_ok=True)
    _run(["buildah", "push", "--quiet", reference(name), f"docker-archive:{partial}:{reference(name)}"])
    partial.rename(archive)


def write_image(archive: Path, name: str, files: Mapping[str, Path], entrypoint: Sequence[str]) -> None:
    """An image of a few programs that need nothing else: an OCI archive, one layer."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for target, source in files.items():
            tar.add(source, target.lstrip("/"), filter=_plain)
    _write_archive(archive, name, [layer.getvalue()], {"Entrypoint": list(entrypoint)})


def _base_image() -> str:
    """The stand-in's name, with this Python and this Debian; made once."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    suite = release["VERSION_CODENAME"]
    version = ".".join(map(str, sys.version_info[:3]))
    name = f"{_BASE}:{version}-{suite}"
    if subprocess.run(["buildah", "images", "--quiet", name], capture_output=True, check=False).returncode == 0:
        return name
    archive = _images() / f"base-{version}-{suite}.tar"
    if not archive.exists():
        with tempfile.TemporaryDirectory(dir=_images()) as folder:
            root = Path(folder) / "root"
            _run(["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", suite, str(root)])
            _put_python(root)
            for waste in ("debootstrap", "var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc"):
                shutil.rmtree(root / waste, ignore_errors=True)
            layer = io.BytesIO()
            with tarfile.open(fileobj=layer, mode="w") as tar:
                tar.add(root, ".", filter=_without_clock)
            partial = archive.with_suffix(".part")
            _write_archive(partial, name, [layer.getvalue()], {"Cmd": ["python3"]})
            partial.rename(archive)
    _run(["buildah", "pull", "--quiet", f"oci-archive:{archive}"])
    return name


def _put_python(root: Path) -> None:
    """This Python's files at /usr/local, as the official image has them."""
    prefix = Path(sys.base_prefix)
    target = root / "usr" / "local"
    unwanted = shutil.ignore_patterns("__pycache__", "test", "config-*", "*.a", "include", "share")
    shutil.copytree(prefix, target, symlinks=True, ignore=unwanted, dirs_exist_ok=True)
    shebang = f"#!{prefix}/bin/".encode()
    for program in (target / "bin").iterdir():
        if program.is_file() and not program.is_symlink():
            data = program.read_bytes()
            if data.startswith(shebang):
                program.write_bytes(data.replace(shebang, b"#!/usr/local/bin/", 1))
    _run(["chroot", str(root), "ldconfig"])


def _write_archive(archive: Path, name: str, layers: Sequence[bytes], config: Mapping[str, Any]) -> None:
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    kind = "application/vnd.oci.image"

    def blob(data: bytes, media: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        files[f"blobs/sha256/{digest}"] = data
        return {"mediaType": f"{kind}.{media}", "digest": f"sha256:{digest}", "size": len(data)}

    made = [blob(layer, "layer.v1.tar") for layer in layers]
    description = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], **config},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in made]},
        # buildah builds on images alone that account for each of their layers.
        "history": [{"created_by": "tests"}] * len(made),
    }
    configured = blob(json.dumps(description).encode(), "config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json", "config": configured, "layers": made}
    entry = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    tag = name.rpartition(":")[2]
    entry["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    with tarfile.open(archive, "w") as tar:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    return _without_clock(member)


def _without_clock(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = 0
    member.uname = member.gname = ""
    return member


def _pip_folders() -> list[str]:
    found = [Path("/etc/ssl/certs"), *(Path(each) for each in os.environ.get("PIP_FIND_LINKS", "").split())]
    return [str(folder) for folder in found if folder.is_dir()]


def _digest(inputs: Sequence[str]) -> str:
    """Of every file that git would carry: paths and contents."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *inputs],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    digest = hashlib.sha256(sys.version.encode())
    for name in sorted(filter(None, listed.stdout.split("\0"))):
        if (ROOT / name).is_file():
            digest.update(f"{name}\0".encode() + hashlib.sha256((ROOT / name).read_bytes()).digest())
    return digest.hexdigest()[:16]


def _images() -> Path:
    folder = cache_folder() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(command: Sequence[str], cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])} …: {(done.stderr or done.stdout)[-3000:]}")
