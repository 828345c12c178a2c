"""One sandbox in the pool's hands: what it has served, and whether it may serve on."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from seedmill.execution.sandboxes.sandbox import Sandbox

HYGIENE_TESTS = 1000
MOST_GROWTH_BYTES = 128 << 20
MOST_LEFTOVERS = 32
LONGEST_SWEEP_SECONDS = 1.0


class Ending(StrEnum):
    """Why a sandbox ends: a label of `seedmill_execution_recycles_total`."""

    AGE = "age"
    FRESH = "fresh"
    LOST = "lost"
    INFRA = "infra"
    VIOLATION = "violation"
    MEMORY = "memory"
    SWEEP = "sweep"
    LEFTOVERS = "leftovers"
    CANCELLED = "cancelled"
    EVICTED = "evicted"


@dataclass(slots=True, eq=False)
class Place:
    """A sandbox and its number among those alive, which natively says which users its programs run as."""

    sandbox: Sandbox
    number: int
    served: int = 0
    ending: Ending | None = field(default=None)

    @property
    def environment(self) -> str:
        """The digest of what it was started with."""
        return self.sandbox.kind.environment.digest

    @property
    def old(self) -> bool:
        """It may serve on, and should be replaced when another one is ready."""
        return self.served >= HYGIENE_TESTS


def ending_after(reply: dict[str, Any], idle_bytes: int) -> Ending | None:
    """Why a sandbox must not serve on after this answer; None when it may. Raises KeyError, ValueError."""
    if str(reply["reason"]).startswith("ProtocolViolation"):
        return Ending.VIOLATION
    if int(reply["held_bytes"]) > idle_bytes + MOST_GROWTH_BYTES:
        return Ending.MEMORY
    if float(reply["sweep_seconds"]) > LONGEST_SWEEP_SECONDS:
        return Ending.SWEEP
    if int(reply["left"]) > MOST_LEFTOVERS:
        return Ending.LEFTOVERS
    return None
