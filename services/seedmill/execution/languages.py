"""Which languages programs may be in, beside Python: each a folder with a manifest, none of them known to the code.

    languages -> toolchain (on this machine: where, prepared)  -> manifests (what the folder says)

What runs them in the sandbox is `inside/toolchains`.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from seedmill.execution.manifests import MANIFEST
from seedmill.execution.sandboxes.bundle import GUEST
from seedmill.execution.toolchain import Toolchain, prepared_folder
from seedmill.serving.errors import Misconfigured, ServiceError

PYTHON = "python"
OWN = GUEST / "languages"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How programs in a language are run: what the sandbox is told, and the digest for their verdicts.

    Compiling takes `compile_seconds` of wall time at most, 0 where nothing is compiled.
    """

    described: dict[str, object]
    command: tuple[str, ...]
    compile_seconds: float
    digest: str

    def told(self, memory_bytes: int) -> dict[str, object]:
        """What is sent with a program that may hold so much memory."""
        mebibytes = str(memory_bytes >> 20)
        return {**self.described, "command": [word.replace("{memory_mib}", mebibytes) for word in self.command]}


class Languages:
    """Those of some folders. Programs name a language by its folder's name or an alias."""

    def __init__(self, folders: Sequence[Path] = (OWN,)) -> None:
        """Raises Misconfigured for a manifest that is wrong."""
        found = [Toolchain(path.parent) for folder in folders for path in sorted(folder.glob(f"*/{MANIFEST}"))]
        self._toolchains = {toolchain.name: toolchain for toolchain in found}
        self._names = {alias: each.name for each in found for alias in (*each.manifest.aliases, each.name)}
        self._recipes: dict[str, asyncio.Task[Recipe]] = {}

    @property
    def toolchains(self) -> Sequence[Toolchain]:
        """All, by name, whether this machine has them or not."""
        return [self._toolchains[name] for name in sorted(self._toolchains)]

    @property
    def available(self) -> list[str]:
        """The names of those that this machine can run, Python first."""
        return [PYTHON, *(toolchain.name for toolchain in self.toolchains if not toolchain.missing)]

    def binds(self) -> tuple[str, ...]:
        """Folders that sandboxes must see, at their own places, read-only. Asks toolchains where they are."""
        found: list[str] = []
        with contextlib.suppress(OSError):  # then nothing can be prepared, and languages that need it say so
            prepared_folder().mkdir(parents=True, exist_ok=True)
            found.append(str(prepared_folder()))
        for toolchain in self.toolchains:
            if not toolchain.missing:
                found += toolchain.visible
                found += [] if toolchain.folder.parent == OWN.resolve() else [str(toolchain.folder)]
        return tuple(dict.fromkeys(found))

    def problem_of(self, language: str) -> str:
        """Why a program in it cannot be run here, as a verdict's reason; empty when it can."""
        if language == PYTHON:
            return ""
        name = self._names.get(language)
        if name is None:
            return f"LanguageUnknown: {language!r} cannot be run; there is {', '.join(self.available)}"
        missing = self._toolchains[name].missing
        return f"LanguageMissing: {missing}" if missing else ""

    async def recipe(self, language: str) -> Recipe | None:
        """How a program in it is run; None for Python. The first time it is prepared. Raises Misconfigured."""
        name = self._names.get(language)
        if language == PYTHON or name is None:
            return None
        if name not in self._recipes or _has_failed(self._recipes[name]):
            self._recipes[name] = asyncio.create_task(asyncio.to_thread(_recipe, self._toolchains[name]))
        return await asyncio.shield(self._recipes[name])


def _has_failed(task: asyncio.Task[Recipe]) -> bool:
    return task.done() and (task.cancelled() or isinstance(task.exception(), ServiceError))


def _recipe(toolchain: Toolchain) -> Recipe:
    try:
        toolchain.prepare()
    except OSError as error:
        raise Misconfigured("LanguageBroken", f"{toolchain.name} cannot be prepared: {error}") from error
    compiled = toolchain.manifest.compile
    seconds = 0.0 if compiled is None else 3 * compiled.cpu_seconds + 1
    return Recipe(toolchain.described(OWN), tuple(toolchain.command), seconds, toolchain.digest)


def environment_digest(guest: str, language: str) -> str:
    """32 hexadecimal digits for the guest program's digest and a language's."""
    return sha256(f"{guest} {language}".encode()).hexdigest()[:32]
