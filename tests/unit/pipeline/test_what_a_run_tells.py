"""What a run tells of itself to programs: RunService and metrics, from one moment of it."""

from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from seedmill.pipeline.metrics import RunMetrics
from seedmill.pipeline.patience import Awaited, Dependency
from seedmill.pipeline.progress import Phase, Progress, Published
from seedmill.pipeline.server import service
from seedmill.records.collection import CollectionProgress
from seedmill.records.ledger import Ledger
from seedmill.records.tokens import Tokens
from seedmill.serving.channel import Channels
from seedmill.serving.server import running_server
from seedmill.v1alpha1 import run_pb2 as pb
from seedmill.v1alpha1 import run_pb2_grpc as pb_grpc

RUN = "runs/team/words-00000000"


def in_the_middle() -> Progress:
    """A run with something of everything, ten seconds after it began to generate with two rows."""
    now = [0.0]
    progress = Progress(target=100, candidates=1000, in_flight=3, window=8, attempt="000002-ab", clock=lambda: now[0])
    progress.ledger = lambda: Ledger(2)
    progress.begin_generating()
    now[0] = 10.0
    progress.paid(Tokens(300, 200))
    progress.ledger = lambda: Ledger(22, {"no_code": 7}, {"infra": 1}, 4)
    progress.counted = lambda: Tokens(30, 20)
    progress.waiting = lambda: [
        Awaited(Dependency.TEACHER, "connection refused"), Awaited(Dependency.STORE, "503")
    ]  # fmt: skip
    progress.collection = CollectionProgress(5, 6, 1000)
    progress.published = Published("s3://b/x", "d" * 64, 2)
    return progress


async def answer(progress: Progress, folder: Path) -> pb.GetProgressResponse:
    async with running_server([service(RUN, progress.snapshot)], f"unix:{folder}/s") as address:
        channels = Channels([address], "run")
        stub: Any = pb_grpc.RunServiceStub(channels.pick())
        try:
            return await stub.GetProgress(pb.GetProgressRequest(), timeout=5)
        finally:
            await channels.close()


async def test_progress_has_everything_that_a_run_knows_of_itself(tmp_path: Path) -> None:
    assert await answer(in_the_middle(), tmp_path) == pb.GetProgressResponse(
        run=RUN,
        attempt="000002-ab",
        phase="generating",
        ledger=pb.Ledger(requested=34, accepted=22, rejected={"no_code": 7}, failed={"infra": 1}, pending=4),
        target=100,
        candidates=1000,
        in_flight=3,
        window=8,
        paid=pb.TokenCount(prompt=300, completion=200),
        counted=pb.TokenCount(prompt=30, completion=20),
        rows_per_second=2.0,
        tokens_per_second=50.0,
        eta_seconds=39.0,
        waiting=[
            pb.Awaited(dependency="inference", reason="connection refused"),
            pb.Awaited(dependency="store", reason="503"),
        ],
        collection=pb.CollectedSoFar(files_read=5, files_total=6, seeds=1000),
        dataset=pb.PublishedDataset(uri="s3://b/x", digest="d" * 64, rows=2),
    )


async def test_what_nobody_knows_yet_is_not_set(tmp_path: Path) -> None:
    said = await answer(Progress(target=100), tmp_path)
    assert (said.phase, said.attempt, said.candidates) == ("starting", "", 0)
    assert not any(said.HasField(field) for field in ("eta_seconds", "collection", "dataset"))


def test_the_proto_names_every_phase_and_every_dependency() -> None:
    words = (Path(__file__).parents[3] / "protos/seedmill/v1alpha1/run.proto").read_text()
    assert all(phase.value in words for phase in Phase)
    assert all(dependency.service in words for dependency in Dependency)


def test_metrics_are_the_last_moment_and_go_with_the_run() -> None:
    registry, metrics = CollectorRegistry(), RunMetrics()
    with metrics.registered(registry):
        assert generate_latest(registry) == b""
        metrics.note(in_the_middle().snapshot())
        page = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    assert page == [
        'seedmill_dispatch_candidates{outcome="accepted",reason=""} 22.0',
        'seedmill_dispatch_candidates{outcome="pending",reason=""} 4.0',
        'seedmill_dispatch_candidates{outcome="rejected",reason="no_code"} 7.0',
        'seedmill_dispatch_candidates{outcome="failed",reason="infra"} 1.0',
        "seedmill_dispatch_target_rows 100.0",
        "seedmill_dispatch_in_flight 3.0",
        "seedmill_dispatch_window 8.0",
        'seedmill_dispatch_paid_tokens_total{kind="prompt"} 300.0',
        'seedmill_dispatch_paid_tokens_total{kind="completion"} 200.0',
        'seedmill_dispatch_waiting{dependency="inference"} 1.0',
        'seedmill_dispatch_waiting{dependency="execution"} 0.0',
        'seedmill_dispatch_waiting{dependency="seeding"} 0.0',
        'seedmill_dispatch_waiting{dependency="aggregation"} 0.0',
        'seedmill_dispatch_waiting{dependency="store"} 1.0',
    ]
    assert generate_latest(registry) == b""
