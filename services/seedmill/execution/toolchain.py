"""The compiler or interpreter of one language on this machine: where it is, what it must see, what is prepared for it.

Starting a service only looks for programs. Versions are asked for, and what makes compilers fast is prepared, when the
first program of a language comes.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cached_property
from glob import glob
from hashlib import sha256
from pathlib import Path

from seedmill.execution.manifests import Manifest, read_manifest
from seedmill.serving.errors import Misconfigured
from seedmill.storage.cache import cache_folder

USUAL_PLACES = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/go/bin", "~/.cargo/bin", "/opt/bin")
INSTALL = "seedmill setup languages"
PREPARE_SECONDS = 600
_NAME = re.compile(r"\{([^{}\s]+)\}")
_READY = ".ready"
_ALWAYS_THERE = ("/usr/", "/bin/", "/lib/", "/lib64/", "/sbin/")
LATER = ("memory_mib",)


class Toolchain:
    """One language's. Made from its folder, whose name is the language's; nothing is looked for until it is asked."""

    def __init__(self, folder: Path) -> None:
        """Raises Misconfigured for a manifest that is wrong."""
        self.folder = folder.resolve()
        self.name = folder.name
        self.manifest: Manifest = read_manifest(folder)
        self._values: dict[str, str] = {}

    @cached_property
    def missing(self) -> str:
        """Why programs in it cannot run here, and what to do; empty when they can."""
        table = self.manifest.toolchain
        absent = [name for name in table.programs if _find(name) is None]
        if absent:
            return f"{self.name!r} needs {', '.join(absent)}, which is not on this machine: {table.get}"
        absent = [name for name in table.packages if self._package(name) is None]
        if absent:
            return f"{self.name!r} needs {', '.join(absent)}, which is not on this machine: {INSTALL}"
        try:
            _ = self.visible
        except Misconfigured as error:
            return f"{self.name!r} cannot be run on this machine: {error.message}; {table.get}"
        return ""

    @cached_property
    def visible(self) -> tuple[str, ...]:
        """Folders outside of /usr that its programs must see. Raises Misconfigured when it does not answer."""
        found = [self.filled(path) for path in self.manifest.toolchain.visible]
        return tuple(path for path in dict.fromkeys(found) if os.path.isdir(path) and _must_be_shown(path))

    @cached_property
    def version(self) -> str:
        """The first line that it says of itself. Raises Misconfigured when it says nothing."""
        return _said(self._all_filled(self.manifest.toolchain.version)).splitlines()[0].strip()

    @cached_property
    def digest(self) -> str:
        """32 hexadecimal digits for the toolchain's version and the language's folder."""
        digest = sha256(f"{self.name} {self.version}\0".encode())
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            digest.update(path.relative_to(self.folder).as_posix().encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:32]

    @cached_property
    def cache(self) -> Path:
        """Where what is prepared for this version lies; its place is part of the digest, since paths are in it."""
        places = sha256("\0".join(str(_find(name)) for name in self.manifest.toolchain.programs).encode())
        return prepared_folder() / f"{self.name}-{self.digest[:12]}{places.hexdigest()[:4]}"

    def filled(self, text: str) -> str:
        """The text with every name in it replaced. Raises Misconfigured for a name that there is not."""
        return _NAME.sub(lambda found: self._value(found[1]), text)

    def _all_filled(self, words: list[str]) -> list[str]:
        return [self.filled(word) for word in words]

    def install_packages(self) -> None:
        """Have npm install what the folder's lock file pins. Raises Misconfigured."""
        if not self.manifest.toolchain.packages or not self._packages_missing():
            return
        npm = _find("npm")
        if npm is None:
            raise Misconfigured("LanguageMissing", f"{self.name!r} needs npm to get its packages: install it")
        target = self.packages
        with _locked(target):
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(self.folder / name, target / name)
            _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], target, {})
        self.__dict__.pop("missing", None)

    def prepare(self) -> None:
        """Do once what makes it fast. A second caller waits for the first. Raises Misconfigured with the last line."""
        table = self.manifest.prepare
        if table is None or (self.cache / _READY).exists():
            return
        with _locked(self.cache):
            if (self.cache / _READY).exists():
                return
            shutil.rmtree(self.cache, ignore_errors=True)
            self.cache.mkdir(parents=True)
            for name in table.copied:
                (self.cache / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.folder / name, self.cache / name)
            environment = {name: self.filled(value) for name, value in table.environment.items()}
            for step in table.steps:
                _run(self._all_filled(step), self.cache, environment)
            _readable(self.cache)
            (self.cache / _READY).touch()

    def described(self, own: Path) -> dict[str, object]:
        """What the sandbox needs to run its programs. `own` is the folder of the languages that the guest has itself.

        Raises Misconfigured.
        """
        program, compiling, running = self.manifest.program, self.manifest.compile, self.manifest.run
        cached = (str(self.cache),) if self.manifest.prepare is not None else ()
        compiled = None
        if compiling is not None:
            compiled = {
                **self._process(compiling.environment, compiling.address_gib, compiling.processes, compiling.errors),
                "steps": [self._all_filled(step) for step in compiling.steps],
                "cpu_seconds": compiling.cpu_seconds,
                "memory_bytes": compiling.memory_mib << 20,
            }
        return {
            "name": self.name,
            "folder": "" if self.folder.parent == own.resolve() else str(self.folder),
            "solution": program.solution,
            "tests": program.tests,
            "copied": program.copied,
            "assembler": program.assembler,
            "visible": [*self.visible, *cached],
            "compile": compiled,
            "run": {
                **self._process(running.environment, running.address_gib, running.processes, running.errors),
                "children": running.children,
                "memory_errors": running.memory_errors,
            },
        }

    @property
    def command(self) -> list[str]:
        """How a program is started; `{memory_mib}` is still to be filled in. Raises Misconfigured."""
        return self._all_filled(self.manifest.run.command)

    def _process(
        self, environment: Mapping[str, str], address_gib: int, processes: int, errors: list[str]
    ) -> dict[str, object]:
        return {
            "environment": {name: self.filled(value) for name, value in environment.items()},
            "address_bytes": address_gib << 30,
            "processes": processes,
            "errors": errors,
        }

    @property
    def packages(self) -> Path:
        """Where npm puts what the lock file pins."""
        lock = self.folder / "package-lock.json"
        return cache_folder() / "tools" / f"npm-{self.name}-{sha256(lock.read_bytes()).hexdigest()[:12]}"

    def _packages_missing(self) -> bool:
        return any(self._package(name) is None for name in self.manifest.toolchain.packages)

    def _package(self, name: str) -> str | None:
        return next((str(path) for path in sorted(self.packages.glob(self.manifest.toolchain.packages[name]))), None)

    def _value(self, name: str) -> str:
        if name not in self._values:
            self._values[name] = self._look_up(name)
        return self._values[name]

    def _look_up(self, name: str) -> str:
        table = self.manifest.toolchain
        program, _, part = name.partition(":")
        if name in LATER:
            return f"{{{name}}}"
        if name == "cache":
            return str(self.cache)
        if name == "packages":
            return str(self.packages)
        if (value := table.values.get(name)) is not None:
            return _first_path(self.filled(value)) if isinstance(value, str) else _said(self._all_filled(value)).strip()
        if name in table.packages and (path := self._package(name)) is not None:
            return path
        if program in table.programs and (path := _find(program)) is not None:
            real = Path(path).resolve()
            of_program = {"": path, "real": str(real), "prefix": str(real.parent.parent)}
            if part in of_program:
                return of_program[part]
        raise Misconfigured("BadLanguage", f"{self.folder}: {{{name}}} stands for nothing")


def prepared_folder() -> Path:
    """Where what is prepared for languages lies; sandboxes see all of it."""
    return cache_folder() / "languages"


def _find(name: str) -> str | None:
    places = [os.environ.get("PATH", ""), *(os.path.expanduser(place) for place in USUAL_PLACES)]
    return shutil.which(name, path=os.pathsep.join(places))


def _first_path(pattern: str) -> str:
    found = sorted(glob(pattern))
    if not found:
        raise Misconfigured("LanguageBroken", f"there is no {pattern}")
    return found[0]


def _must_be_shown(path: str) -> bool:
    """Not what every sandbox has, and never a home or what lies above one."""
    if f"{path}/".startswith(_ALWAYS_THERE):
        return False
    home = os.path.expanduser("~")
    if f"{home}/".startswith(f"{path.rstrip('/')}/"):
        raise Misconfigured("BadLanguage", f"{path} holds a home and is not shown to programs")
    return True


def _said(command: list[str]) -> str:
    environment = {**os.environ, "GOTOOLCHAIN": "local", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Misconfigured("LanguageBroken", f"{command[0]} does not answer: {error}") from error
    if not (said := done.stdout.strip() or done.stderr.strip()):
        raise Misconfigured("LanguageBroken", f"{' '.join(command)} says nothing")
    return said


def _run(command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PREPARE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Misconfigured("LanguageBroken", f"{command[0]}: {error}") from error
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise Misconfigured("LanguageBroken", f"{' '.join(command[:3])} … ended with {done.returncode}: {lines[-1]}")


class _locked:  # noqa: N801 - used as a function
    """Holds the lock of a folder that is made once."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._path = folder.parent / f"{folder.name}.lock"

    def __enter__(self) -> None:
        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _readable(folder: Path) -> None:
    """For all users: programs have one of their own."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
