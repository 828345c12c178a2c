"""One program in one sandbox: what its warden is asked, and what its answer says of the program and of the sandbox."""

from typing import Any

from seedmill.execution import metrics
from seedmill.execution.known_verdicts import was_killed
from seedmill.execution.languages import Recipe, environment_digest
from seedmill.execution.place import Ending, Place, ending_after
from seedmill.execution.sandboxes.sandbox import SandboxKind, SandboxLost
from seedmill.execution.scripts import ScriptOutcome, ScriptStatus, outcome_of
from seedmill.records.verdict import Program, Status, Verdict, VerdictKind

RUNS = 6
"""Of one program, at most: strictly, by token where that finds what it cannot host, and on an empty solution; each of
them twice where it was killed and nothing says why."""

SCRIPT_SLACK_SECONDS = 5.0
PROBE = Program("probe", "python", "def double(x):\n    return 2 * x\n", "assert double(21) == 42\n")


async def judge_in(place: Place, program: Program, recipe: Recipe | None = None) -> Verdict:
    """The verdict of a sandbox. Raises SandboxLost; `place.ending` says afterwards why it must not serve on."""
    longest = RUNS * (3 * program.timeout_seconds + 1) + 5
    request: dict[str, object] = {
        "id": program.id,
        "solution": program.solution,
        "tests": program.tests,
        "verdict": program.verdict.value,
        "cpu_seconds": program.timeout_seconds,
        "memory_bytes": program.memory_bytes,
    }
    if recipe is not None:
        request["toolchain"] = recipe.told(program.memory_bytes)
        longest += recipe.compile_seconds
    place.served += 1
    reply = await place.sandbox.judge(request, longest)
    verdict = _verdict(reply, place.sandbox.kind, recipe)
    if verdict.status is Status.INFRA:
        place.ending = Ending.INFRA
        raise SandboxLost(verdict.reason)
    _look_back(place, reply)
    if place.ending is None and may_be_gvisors(verdict, place.sandbox.kind):
        place.ending = Ending.INFRA
    if place.ending is Ending.VIOLATION:
        metrics.violations.inc()
    if verdict.downgrade:
        metrics.downgrades.inc()
    return verdict


def may_be_gvisors(verdict: Verdict, kind: SandboxKind) -> bool:
    """Whether a process was killed twice, and nobody can tell whether by the program or by a broken sandbox."""
    return kind.runsc is not None and verdict.status is Status.FAIL and was_killed(verdict)


async def run_script_in(place: Place, request: dict[str, Any], seconds: float) -> ScriptOutcome:
    """What a script that may run so long did. Raises SandboxLost."""
    place.served += 1
    reply = await place.sandbox.judge(request, seconds + SCRIPT_SLACK_SECONDS)
    outcome = outcome_of(reply)
    if outcome.status is ScriptStatus.INFRA:
        place.ending = Ending.INFRA
        raise SandboxLost(outcome.reason)
    _look_back(place, reply)
    return outcome


def _look_back(place: Place, reply: dict[str, Any]) -> None:
    """What an answer says of its sandbox: whether it may serve on, and for metrics. Raises SandboxLost."""
    try:
        place.ending = ending_after(reply, place.sandbox.idle_bytes)
        metrics.leftovers.inc(max(0, int(str(reply["left"]))))
        metrics.seconds.labels("sweep").observe(float(str(reply["sweep_seconds"])))
        metrics.cpu_seconds.labels("program").inc(max(0.0, float(str(reply["cpu_seconds"]))))
    except (KeyError, ValueError) as error:
        raise SandboxLost(f"an answer that is no verdict: {error}") from error


def digest_of(kind: SandboxKind, recipe: Recipe | None) -> str:
    """The digest of what a verdict depends on beside the program."""
    digest = kind.environment.digest
    return digest if recipe is None else environment_digest(digest, recipe.digest)


def _verdict(reply: dict[str, object], kind: SandboxKind, recipe: Recipe | None) -> Verdict:
    try:
        return Verdict(
            id=str(reply["id"]),
            status=Status(str(reply["status"])),
            reason=str(reply["reason"]),
            kind=VerdictKind(str(reply["kind"])),
            downgrade=str(reply["downgrade"]),
            asserts_run=int(str(reply["asserts"])),
            environment=digest_of(kind, recipe),
            sandbox=kind.name,
            seconds=float(str(reply["seconds"])),
            compile_seconds=float(str(reply.get("compile_seconds", 0.0))),
            stdout=str(reply["stdout"]),
            stderr=str(reply["stderr"]),
            cpu_seconds=float(str(reply["cpu_seconds"])),
            peak_bytes=int(str(reply["peak_bytes"])),
        )
    except (KeyError, ValueError) as error:
        raise SandboxLost(f"an answer that is no verdict: {error}") from error
