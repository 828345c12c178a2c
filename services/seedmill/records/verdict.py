"""What the sandbox is asked to run, and what it found."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a program and its tests ended. Only PASS is a pass; INFRA is never the program's fault."""

    PASS = "pass"
    FAIL = "fail"  # a test failed: an assertion, or an exception while the tests ran
    ERROR = "error"  # it could not be run: syntax error, exception while loading, StrictUnsupported, bad request
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"  # printed more than is allowed
    INCOMPLETE = "incomplete"  # it ended with exit 0, but the tests did not run to their end
    VACUOUS = "vacuous"  # no assertion ran, or the tests pass on an empty solution
    INFRA = "infra"


class VerdictKind(StrEnum):
    """Who may say "pass"."""

    STRICT = "Strict"  # solution and tests in two processes with two uids
    TOKEN = "Token"  # one process; the nonce arrives after the solution is loaded
    AUTO = "Auto"  # strict where it fits, else token, recorded


class Isolation(StrEnum):
    """How far a program is kept from the machine."""

    POOLED = "Pooled"  # a warm gVisor sandbox, one test at a time
    FRESH = "Fresh"  # a gVisor sandbox for this test alone
    PROCESS = "Process"  # no sandbox: only where the user asked for it in words


@dataclass(frozen=True, slots=True)
class Program:
    """A solution and its tests, in one language.

    `timeout_seconds` is CPU time; wall time may be three times that and one second. `memory_bytes` covers all
    processes of the test together.
    """

    id: str
    language: str
    solution: str
    tests: str
    timeout_seconds: float = 10.0
    memory_bytes: int = 512 << 20
    environment: str = "python-std"
    verdict: VerdictKind = VerdictKind.AUTO
    isolation: Isolation = Isolation.POOLED


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one program.

    `reason` is one line without addresses or paths that change from run to run; it is empty for a pass. `kind` is the
    kind that judged (never AUTO) and `downgrade` says why AUTO did not stay strict. `environment` is the digest of
    interpreter and packages, `sandbox` names runsc's version and platform, or `process`. `seconds` is wall time of the
    test itself, `compile_seconds` that of a compiler before it, `cpu_seconds` and `peak_bytes` are those of all its
    processes, `cached` says that the verdict was there before; these, `stdout` and `stderr` (64 KiB each) never enter a
    digest or a row.
    """

    id: str
    status: Status
    reason: str = ""
    kind: VerdictKind = VerdictKind.STRICT
    downgrade: str = ""
    asserts_run: int = 0
    environment: str = ""
    sandbox: str = ""
    seconds: float = 0.0
    compile_seconds: float = 0.0
    stdout: str = ""
    stderr: str = ""
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    cached: bool = False
