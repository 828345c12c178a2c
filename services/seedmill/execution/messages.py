"""Programs and verdicts as protobuf messages, and back. Only `server.py` and `client.py` use this."""

from collections.abc import Mapping
from dataclasses import dataclass

from seedmill.records.verdict import Isolation, Program, Status, Verdict, VerdictKind
from seedmill.serving.errors import InvalidRequest, Misconfigured
from seedmill.v1alpha1 import execution_pb2 as pb


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a service can run: `environments` are digests by name, `slots` programs that run at the same time."""

    isolations: tuple[str, ...]
    languages: tuple[str, ...]
    environments: Mapping[str, str]
    sandbox: str
    slots: int

    def check_environment(self, name: str) -> str:
        """The digest of a package set. Raises Misconfigured when there is none of that name."""
        if name not in self.environments:
            raise Misconfigured(
                "EnvironmentUnknown",
                f"{name!r} is not there; there is {', '.join(sorted(self.environments))}: where the execution service "
                f"runs, run seedmill setup environment {name}, then start the service again",
            )
        return self.environments[name]


DEFAULTS = Program("", "", "", "")


def capabilities_of(found: pb.GetCapabilitiesResponse) -> Capabilities:
    """From its message."""
    return Capabilities(
        tuple(found.isolations), tuple(found.languages), dict(found.environments), found.sandbox, found.slots
    )


def program_message(item_id: str, program: Program) -> pb.ProgramItem:
    return pb.ProgramItem(
        id=item_id,
        language=program.language,
        solution=program.solution,
        tests=program.tests,
        timeout_seconds=program.timeout_seconds,
        memory_bytes=program.memory_bytes,
        environment=program.environment,
        verdict=program.verdict,
        isolation=program.isolation,
        key=program.id,
    )


def program_of(item: pb.ProgramItem) -> Program:
    """Empty fields get their defaults. Raises InvalidRequest for a verdict or an isolation that there is not."""
    try:
        return Program(
            id=item.id,
            language=item.language,
            solution=item.solution,
            tests=item.tests,
            timeout_seconds=item.timeout_seconds or DEFAULTS.timeout_seconds,
            memory_bytes=item.memory_bytes or DEFAULTS.memory_bytes,
            environment=item.environment or DEFAULTS.environment,
            verdict=VerdictKind(item.verdict or DEFAULTS.verdict),
            isolation=Isolation(item.isolation or DEFAULTS.isolation),
        )
    except ValueError as error:
        raise InvalidRequest("BadProgram", f"program {item.id}: {error}") from error


def verdict_message(verdict: Verdict) -> pb.VerdictItem:
    return pb.VerdictItem(
        id=verdict.id,
        status=verdict.status,
        reason=verdict.reason,
        kind=verdict.kind,
        downgrade=verdict.downgrade,
        asserts_run=verdict.asserts_run,
        environment=verdict.environment,
        sandbox=verdict.sandbox,
        seconds=verdict.seconds,
        compile_seconds=verdict.compile_seconds,
        stdout=verdict.stdout,
        stderr=verdict.stderr,
        cpu_seconds=verdict.cpu_seconds,
        peak_bytes=verdict.peak_bytes,
        cached=verdict.cached,
    )


def verdict_of(item: pb.VerdictItem, program_id: str) -> Verdict:
    """The verdict under the caller's own id. Raises ValueError for a status or kind that there is not."""
    return Verdict(
        id=program_id,
        status=Status(item.status),
        reason=item.reason,
        kind=VerdictKind(item.kind),
        downgrade=item.downgrade,
        asserts_run=item.asserts_run,
        environment=item.environment,
        sandbox=item.sandbox,
        seconds=item.seconds,
        compile_seconds=item.compile_seconds,
        stdout=item.stdout,
        stderr=item.stderr,
        cpu_seconds=item.cpu_seconds,
        peak_bytes=item.peak_bytes,
        cached=item.cached,
    )
