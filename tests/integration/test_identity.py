"""TLS between services: who is let in, who is not, and that renewed certificates are taken."""

import asyncio
import contextlib
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2_grpc

from cluster.certificates import Authority
from seedmill.operator.progress import RunClient
from seedmill.serving.addresses import parse_address
from seedmill.serving.certificates import Certificates
from seedmill.serving.channel import Channels, open_channel
from seedmill.serving.errors import Misconfigured, ServiceError, Unavailable
from seedmill.serving.guard import Guard
from seedmill.serving.identity import Context, is_secure, peer_names
from seedmill.serving.server import Service, running_server
from seedmill.serving.status import from_rpc_error
from seedmill.v1alpha1 import execution_pb2, execution_pb2_grpc
from support.cli import Watched, seedmill, watched
from support.corpora import write_functions
from support.teacher import MODEL, TeacherServer
from support.tls_folders import tls_folder


@dataclass(frozen=True)
class Parties:
    """One authority and the folders of everybody; `stranger` is a run of another authority."""

    root: Path
    authority: Authority

    def __getitem__(self, name: str) -> Path:
        return self.root / name


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    root = tmp_path_factory.mktemp("tls")
    made = Parties(root, Authority(root / "authority"))
    for name in ("seeding", "inference", "execution", "aggregation", "run", "operator"):
        tls_folder(made.authority, made[name], name)
    tls_folder(Authority(root / "another"), made["stranger"], "run")
    tls_folder(made.authority, made["nobody"], "somebody", "DNS:execution.svc", "email:run.seedmill.internal")
    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def capabilities(channel: grpc.aio.Channel) -> Any:
    """What the execution service can do. Raises what a client of ours would."""
    stub: Any = execution_pb2_grpc.ExecutionServiceStub(channel)
    try:
        return await stub.GetCapabilities(execution_pb2.GetCapabilitiesRequest(), timeout=10)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from None


def as_caller(address: str, folder: Path | None) -> grpc.aio.Channel:
    return open_channel(parse_address(address), "execution", None if folder is None else Certificates(folder))


@pytest.fixture(scope="module")
def execution(parties: Parties) -> Generator[tuple[str, Watched]]:
    options = ["--address", "127.0.0.1:0", "--isolation", "process", "--workers", "1"]
    with watched("serve", "execution", *options, SEEDMILL_TLS=str(parties["execution"])) as server:
        yield json.loads(server.until('"ready"'))["address"], server


async def test_a_caller_on_the_list_is_served(parties: Parties, execution: tuple[str, Watched]) -> None:
    channels = Channels([execution[0]], "execution", Certificates(parties["run"]))
    assert channels.secure
    try:
        await channels.ready(30)
        assert await capabilities(channels.pick())
    finally:
        await channels.close()


@pytest.mark.parametrize(
    ("caller", "said"), [("operator", "operator"), ("nobody", "a certificate without a name of ours")]
)
async def test_a_good_certificate_is_not_enough(
    parties: Parties, execution: tuple[str, Watched], caller: str, said: str
) -> None:
    address, server = execution
    async with as_caller(address, parties[caller]) as channel:
        with pytest.raises(Misconfigured) as refused:
            await capabilities(channel)
        assert refused.value.reason == "CallerNotAllowed"
        assert str(refused.value) == f"{said} may not call here, only run, test"
        health: Any = health_pb2_grpc.HealthStub(channel)
        told = await health.Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert told.status == health_pb2.HealthCheckResponse.SERVING
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        # Nothing is sent: grpc.aio puts INTERNAL in place of a refusal that a message meets (grpc/grpc#36066).
        assert await reflection.ServerReflectionInfo(timeout=10).code() is grpc.StatusCode.PERMISSION_DENIED
    line = json.loads(server.until(f'"caller": "{said}"'))
    assert (line["event"], line["level"]) == ("caller not allowed", "warning")


@pytest.mark.parametrize("caller", ["plain", "without", "stranger"])
async def test_without_a_certificate_of_the_authority_nobody_gets_through(
    parties: Parties, execution: tuple[str, Watched], caller: str
) -> None:
    if caller == "without":
        authority = (parties["run"] / "ca.crt").read_bytes()
        options = [("grpc.ssl_target_name_override", "execution.seedmill.internal")]
        channel = grpc.aio.secure_channel(execution[0], grpc.ssl_channel_credentials(authority), options=options)
    else:
        channel = as_caller(execution[0], None if caller == "plain" else parties[caller])
    async with channel:
        with pytest.raises(Unavailable):
            await capabilities(channel)
        health: Any = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await health.Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_server_must_have_the_name_of_who_is_meant(parties: Parties, execution: tuple[str, Watched]) -> None:
    async with open_channel(parse_address(execution[0]), "inference", Certificates(parties["run"])) as channel:
        with pytest.raises(Unavailable, match="Hostname Verification Check failed"):
            await capabilities(channel)


class Whoami(execution_pb2_grpc.ExecutionServiceServicer):
    """Says whom it sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[list[str], bool]] = []

    async def GetCapabilities(self, request: Any, context: Context) -> execution_pb2.GetCapabilitiesResponse:
        self.seen.append((sorted(peer_names(context)), is_secure(context)))
        return execution_pb2.GetCapabilitiesResponse()


@asynccontextmanager
async def served(address: str, guard: Guard) -> AsyncGenerator[tuple[str, Whoami]]:
    servicer = Whoami()
    service = Service(
        "execution", lambda server: execution_pb2_grpc.add_ExecutionServiceServicer_to_server(servicer, server)
    )
    async with running_server([service], address, guard) as bound:
        yield bound, servicer


async def test_a_server_knows_who_calls_and_whether_others_could_read_it(parties: Parties, tmp_path: Path) -> None:
    guard = Guard(parties["execution"])
    for address, given, expected in (
        ("127.0.0.1:0", guard, (["run"], True)),
        (f"unix:{tmp_path}/s", guard, ([], True)),
        ("127.0.0.1:0", Guard(), ([], False)),
    ):
        async with served(address, given) as (bound, servicer):
            tls = parties["run"] if given.tls else None
            channels = Channels([bound], "execution", tls and Certificates(tls))
            await capabilities(channels.pick())
            await channels.close()
            assert servicer.seen == [expected]
            assert channels.secure is expected[1]


async def test_another_list_lets_others_in(parties: Parties) -> None:
    async with served("127.0.0.1:0", Guard(parties["execution"], ["operator"])) as (bound, _):
        async with as_caller(bound, parties["operator"]) as channel:
            await capabilities(channel)
        async with as_caller(bound, parties["run"]) as channel:
            with pytest.raises(ServiceError, match="run may not call here, only operator"):
                await capabilities(channel)


async def test_exchanged_files_hold_from_the_next_connection_on(parties: Parties, tmp_path: Path) -> None:
    folder = tls_folder(parties.authority, tmp_path / "execution", "execution")
    new = Authority(tmp_path / "new")
    renewed = tls_folder(new, tmp_path / "renewed", "run")
    async with (
        served("127.0.0.1:0", Guard(folder)) as (bound, _),
        as_caller(bound, parties["run"]) as before,
    ):
        await capabilities(before)
        (folder / "tls.key").unlink()  # half-way, or a mistake
        async with as_caller(bound, parties["run"]) as channel:
            await capabilities(channel)
        tls_folder(new, folder, "execution")
        async with as_caller(bound, renewed) as channel:
            await capabilities(channel)
        async with as_caller(bound, parties["run"]) as channel:
            with pytest.raises(Unavailable):
                await capabilities(channel)
        await capabilities(before)


async def served_in_the_end(channels: Channels) -> bool:
    for _ in range(50):
        with contextlib.suppress(Unavailable):
            await capabilities(channels.pick())
            return True
        await asyncio.sleep(0.2)
    return False


async def test_a_client_that_stays_takes_renewed_certificates_when_calls_fail(parties: Parties, tmp_path: Path) -> None:
    new = Authority(tmp_path / "new")
    server = tls_folder(parties.authority, tmp_path / "server", "execution")
    client = tls_folder(parties.authority, tmp_path / "client", "run")
    port = free_port()
    channels = Channels([f"127.0.0.1:{port}"], "execution", Certificates(client))
    try:
        async with served(f"127.0.0.1:{port}", Guard(server)):
            await capabilities(channels.pick())
        tls_folder(new, server, "execution")
        async with served(f"127.0.0.1:{port}", Guard(server)):
            with pytest.raises(Unavailable):
                await capabilities(channels.pick())
            tls_folder(new, client, "run")
            assert await served_in_the_end(channels)
    finally:
        await channels.close()


def test_a_folder_that_cannot_work_is_one_line_and_2(parties: Parties, tmp_path: Path) -> None:
    run = ["--seeding", "s:1", "--aggregation", "a:1", "--store", tmp_path / "store", "--execution", "e:1"]
    resource = tmp_path / "run.yaml"
    resource.write_text(RESOURCE.format(corpus=tmp_path, model=MODEL))
    for command in (
        ["serve", "execution", "--address", "127.0.0.1:0", "--isolation", "process", "--tls", tmp_path],
        ["dispatch", *run, "--inference", "i:1", "--resource", resource, "--tls", tmp_path],
    ):
        done = seedmill(*command, timeout=60)
        assert done.returncode == 2
        [line] = done.stderr.splitlines()
        assert line.startswith(f"seedmill: TLS folder {tmp_path}: tls.crt: No such file or directory; it needs")


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_a_draining_service_lives_and_is_not_ready(parties: Parties) -> None:
    port = free_port()
    options = ["--address", "127.0.0.1:0", "--metrics-address", f"127.0.0.1:{port}", "--drain-seconds", "60"]
    with watched("serve", "aggregation", *options, "--tls", parties["aggregation"]) as server:
        server.until('"ready"')
        assert (status(port, "/healthz"), status(port, "/readyz")) == (200, 200)
        server.process.terminate()
        server.until('"draining"')
        deadline = time.monotonic() + 10
        while status(port, "/readyz") == 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert (status(port, "/healthz"), status(port, "/readyz")) == (200, 503)
        server.process.terminate()  # the second signal: at once
        assert server.end(30).returncode == 0


RESOURCE = """
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {{name: guarded, namespace: team-a}}
spec:
  recipe: {{ossInstruct: {{}}}}
  seeds: {{corpus: {{uri: {corpus}, licenses: {{allow: [MIT]}}}}}}
  teacher: {{model: {model}}}
  target: {{acceptedSamples: 3}}
  maxInFlight: 1
"""


def test_a_dispatched_run_works_over_tls_and_answers_the_operator_alone(
    parties: Parties, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = tmp_path / "functions.jsonl"
    write_functions(corpus, 40)
    progress, metrics = free_port(), free_port()
    options: list[str | Path] = ["--store", tmp_path / "store", "--termination-log", tmp_path / "last"]
    options += ["--progress-address", f"127.0.0.1:{progress}", "--metrics-address", f"127.0.0.1:{metrics}"]
    with ExitStack() as stack:
        teacher = stack.enter_context(TeacherServer())
        monkeypatch.setattr(teacher, "delay", lambda request: 1.0)
        more = {"inference": ("--endpoint", f"openai:{teacher.url}")}
        for name in ("seeding", "inference", "aggregation"):
            server = watched("serve", name, "--address", "127.0.0.1:0", "--tls", parties[name], *more.get(name, ()))
            address = json.loads(stack.enter_context(server).until('"ready"'))["address"]
            options += [f"--{name}", address]
        resource = RESOURCE.format(corpus=corpus, model=MODEL)
        with watched("dispatch", *options, SEEDMILL_RESOURCE=resource, SEEDMILL_TLS=str(parties["run"])) as run:
            run.until('"phase": "generating"')
            assert (status(metrics, "/healthz"), status(metrics, "/readyz")) == (200, 200)
            for caller, answers in (("operator", True), ("inference", False), ("stranger", False)):
                client = RunClient(progress, Certificates(parties[caller]))
                assert (asyncio.run(client.progress("127.0.0.1")) is not None) is answers
            assert asyncio.run(RunClient(progress).progress("127.0.0.1")) is None
            done = run.end(120)
        assert done.returncode == 0, done.stderr
        # A run with a certificate of another authority is waited for, not given up: certificates may be renewed.
        with watched(
            "dispatch", *options, SEEDMILL_RESOURCE=resource, SEEDMILL_TLS=str(parties["stranger"])
        ) as stranger:
            waiting = json.loads(stranger.until('"waiting": ["'))["waiting"][0]
            assert "certificate" in waiting.lower()
    assert json.loads((tmp_path / "last").read_bytes())["reason"] == "TargetReached"
