"""What a language's folder says of it: `manifest.toml`, read and checked.

In commands, environments and paths `{g++}` stands for a program's path, `{cc:real}` for what links lead to from there,
`{node:prefix}` for the folder that its `bin` then lies in, `{sysroot}` for one of `toolchain.values`, `{cache}` for
what was prepared, `{packages}` for what npm installed, and `{memory_mib}` for the program's memory limit. There is no
shell anywhere. Sandboxes have no `/etc` of the machine: what is a link there (`/usr/bin/cc` in Debian) needs its real
path.
"""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seedmill.serving.errors import Misconfigured

MANIFEST = "manifest.toml"
Command = Annotated[list[str], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ToolchainTable(_Table):
    """What must be on the machine. `get` says how it comes there, to a person."""

    programs: Annotated[list[str], Field(min_length=1)]
    get: str
    version: Command
    """Its first line goes into the digest of verdicts."""
    values: dict[str, Command | str] = {}
    """What a command prints, or the first path that a pattern fits, by name."""
    packages: dict[str, str] = {}
    """Programs that npm installs by the folder's `package-lock.json`: their path, `*` for one folder, by name."""
    visible: list[str] = []
    """Folders that programs must see; what is not there, and what lies in /usr, is left out."""


class PrepareTable(_Table):
    """What is done once, outside of the sandbox, in a folder of the cache: `{cache}`."""

    copied: list[str] = []
    steps: Annotated[list[Command], Field(min_length=1)]
    environment: dict[str, str] = {}


class ProgramTable(_Table):
    """The files of a program: those `copied` from the folder, and solution and tests, as `assembler` makes them."""

    solution: str = "solution"
    tests: str = "tests"
    copied: list[str] = []
    assembler: str = ""


class _Process(_Table):
    environment: dict[str, str] = {}
    address_gib: Annotated[int, Field(ge=1, le=1024)] = 4
    """Address space of a process; the memory limit is another one."""
    processes: Annotated[int, Field(ge=1, le=256)] = 64
    """Processes and threads."""
    errors: list[str] = []
    """Patterns of what is printed on an error, the first that fits is taken: groups `text`, and `file` with `line`."""


class CompileTable(_Process):
    """Steps that must all end with 0 before the program is run, and limits of their own."""

    steps: Annotated[list[Command], Field(min_length=1)]
    cpu_seconds: Annotated[float, Field(gt=0, le=300)] = 30
    memory_mib: Annotated[int, Field(ge=64, le=8192)] = 1024


class RunTable(_Process):
    """How the program is started."""

    command: Command
    children: bool = False
    """Whether its work is done by processes that it starts, so that one of these may reach the limit of CPU time."""
    memory_errors: list[str] = []
    """Patterns of what a runtime prints when it gets no more memory."""


class Manifest(_Table):
    """A language."""

    title: str
    aliases: list[str] = []
    toolchain: ToolchainTable
    prepare: PrepareTable | None = None
    program: ProgramTable = ProgramTable()
    compile: CompileTable | None = None
    run: RunTable


def read_manifest(folder: Path) -> Manifest:
    """Raises Misconfigured with the field that is wrong."""
    path = folder / MANIFEST
    try:
        return Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise Misconfigured("BadLanguage", f"{path}: {field}: {first['msg']}") from error
    except (OSError, ValueError) as error:
        raise Misconfigured("BadLanguage", f"{path}: {error}") from error
