"""How programs are run, and who may say that they passed."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from seedmill.spec.rules import SpecModel
from seedmill.spec.shapes import SIZE, Label


class Isolation(StrEnum):
    POOLED = "Pooled"
    FRESH = "Fresh"
    PROCESS = "Process"


class VerdictKind(StrEnum):
    STRICT = "Strict"
    TOKEN = "Token"
    AUTO = "Auto"


class Execution(SpecModel):
    """How programs and tests are run."""

    isolation: Isolation = Isolation.POOLED
    """Pooled: a warm gVisor sandbox, one test at a time. Fresh: a gVisor sandbox for each test. Process: no sandbox."""
    verdict: VerdictKind = VerdictKind.AUTO
    """Strict: tests judge from a process of their own. Token: one process, and a secret that arrives after the solution
    is loaded. Auto: Strict where it fits, else Token; which one it was is recorded."""
    environment: Label = "python-std"
    """The named set of packages that programs may use."""
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0
    """CPU seconds of one test."""
    memory: Annotated[str, Field(pattern=SIZE, max_length=12)] = "512Mi"
    """Memory of one test, all its processes together."""

    @property
    def memory_bytes(self) -> int:
        """`memory` in bytes."""
        return int(self.memory[:-2]) << {"Ki": 10, "Mi": 20, "Gi": 30}[self.memory[-2:]]
