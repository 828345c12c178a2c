"""Which way gVisor takes system calls on this machine: `systrap`, or `ptrace` where that is clearly faster.

Which one wins turns with the kernel, the number of CPUs and the version of runsc, so a few programs are run on each,
once; the choice is kept in the cache folder under these three. `kvm` is never tried: where it does not work it can
stand still with the machine. It is used by who names it.
"""

import asyncio
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import structlog

from seedmill.execution.place import Place
from seedmill.execution.sandboxes.sandbox import Sandbox, SandboxKind, SandboxLost
from seedmill.serving.errors import Misconfigured, Unavailable
from seedmill.storage.cache import cache_folder

AUTO, SYSTRAP, PTRACE, KVM = "auto", "systrap", "ptrace", "kvm"
VARIABLE = "SEEDMILL_PLATFORM"
PROBES, FEWEST_PROBES = 8, 3
CLEARLY = 0.9
LONGEST_SECONDS = 3.0

log = structlog.get_logger("seedmill.execution")

Probe = Callable[[Place], Awaitable[None]]


def platform_named(name: str | None) -> str:
    """The platform that was asked for: this name, else the variable's, else `auto`. Raises Misconfigured."""
    asked = name or os.environ.get(VARIABLE) or AUTO
    if asked not in (AUTO, SYSTRAP, PTRACE, KVM):
        raise Misconfigured("PlatformUnknown", f"platform {asked!r} is none of {AUTO}, {SYSTRAP}, {PTRACE}, {KVM}")
    return asked


async def choose_platform(asked: str, version: str, kind_on: Callable[[str], SandboxKind], probe: Probe) -> str:
    """`asked`, or for `auto` the one that was chosen before or is chosen now, within three seconds.

    `probe` runs a program in a sandbox and raises SandboxLost. Raises nothing: where one does not start, it is
    `systrap`, whose start will say why if that is the one. So it is where the machine is too busy to tell within three
    seconds; that is recorded too, or each start on such a machine would try again.
    """
    if asked != AUTO:
        return asked
    key = f"{version} {os.uname().release} {os.cpu_count()}"
    file = cache_folder() / "execution" / "platform.json"
    known = _read(file)
    if known.get(key) in (SYSTRAP, PTRACE):
        return known[key]
    taken: dict[str, list[float]] = {SYSTRAP: [], PTRACE: []}
    try:
        await asyncio.wait_for(_measure(kind_on, probe, taken), LONGEST_SECONDS)
    except TimeoutError:
        pass  # what was measured by then may be enough
    except (SandboxLost, Unavailable) as error:
        log.info("platform not measured", platform=SYSTRAP, reason=str(error))
        return SYSTRAP
    enough = all(len(each) >= FEWEST_PROBES for each in taken.values())
    seconds = {name: statistics.median(taken[name]) for name in taken} if enough else {}
    chosen = PTRACE if enough and seconds[PTRACE] < CLEARLY * seconds[SYSTRAP] else SYSTRAP
    log.info("platform measured", platform=chosen, **{f"{name}_ms": round(1000 * seconds[name]) for name in seconds})
    with suppress(OSError):  # then it is measured again the next time
        _write(file, {**known, key: chosen})
    return chosen


async def _measure(kind_on: Callable[[str], SandboxKind], probe: Probe, taken: dict[str, list[float]]) -> None:
    """Adds the seconds of each probe. The platforms take turns, so that a busy moment disturbs both."""
    places: dict[str, Place] = {}
    try:
        for name in taken:
            places[name] = Place(await Sandbox.start(kind_on(name), len(places)), len(places))
        for number in range(PROBES + 1):
            for name, place in places.items():
                began = time.monotonic()
                await probe(place)
                if number:  # the first one of each finds its pages missing
                    taken[name].append(time.monotonic() - began)
    finally:
        await asyncio.gather(*(place.sandbox.close() for place in places.values()))


def _read(file: Path) -> dict[str, str]:
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {str(key): str(value) for key, value in known.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - of any JSON


def _write(file: Path, known: dict[str, str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    new.write_text(json.dumps(known, indent=1, sort_keys=True))
    new.replace(file)
