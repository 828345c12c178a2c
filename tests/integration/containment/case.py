"""One case, and the forms in which the service can stand."""

from dataclasses import dataclass
from enum import StrEnum

from seedmill.records.verdict import Status, VerdictKind


class Form(StrEnum):
    """`GVISOR`: the service drives gVisor as root. `UNPRIVILEGED`: as an ordinary user. `POD`: it runs inside gVisor.

    `NATIVE`: as root, without a sandbox.
    """

    GVISOR = "gvisor"
    UNPRIVILEGED = "unprivileged"
    POD = "pod"
    NATIVE = "native"


EVERYWHERE = frozenset(Form)
IN_GVISOR = EVERYWHERE - {Form.NATIVE}
OWN_SANDBOX = frozenset({Form.GVISOR, Form.UNPRIVILEGED})


@dataclass(frozen=True, slots=True)
class Case:
    """A program and how it must end.

    `tests` of an attempt compare what it managed with nothing, so that it passes only where all of it was refused.
    """

    number: int
    title: str
    solution: str
    statuses: frozenset[Status]
    tests: str = "assert f() == 42"
    kind: VerdictKind = VerdictKind.STRICT
    seconds: float = 0.3
    megabytes: int = 128
    forms: frozenset[Form] = EVERYWHERE


def ends(number: int, title: str, solution: str, *statuses: Status, **options) -> Case:
    """An attack that must end in one of these ways."""
    return Case(number, title, solution, frozenset(statuses), **options)


def refused(number: int, title: str, solution: str, **options) -> Case:
    """`f()` tries things and gives the list of what it could do: it must be empty."""
    tests = "found = f()\nassert found == [], found"
    options = {"seconds": 5.0, "tests": tests, "statuses": frozenset({Status.PASS}), **options}
    return Case(number, title, solution, **options)


def works(number: int, title: str, solution: str, tests: str, **options) -> Case:
    """A legitimate program: it must pass."""
    options = {"seconds": 5.0, "megabytes": 256, **options}
    return Case(number, title, solution, frozenset({Status.PASS}), tests, **options)
