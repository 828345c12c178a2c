"""Asking a run how far it is, over a real connection."""

from typing import Any

import grpc

from seedmill.operator.observation import RunProgress
from seedmill.operator.progress import RunClient
from seedmill.records.ledger import Ledger
from seedmill.serving.server import Service, running_server
from seedmill.v1alpha1 import run_pb2 as pb
from seedmill.v1alpha1 import run_pb2_grpc as pb_grpc


class Run(pb_grpc.RunServiceServicer):
    def __init__(self, answer: pb.GetProgressResponse) -> None:
        self.answer = answer

    async def GetProgress(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> pb.GetProgressResponse:
        return self.answer


async def asked(answer: pb.GetProgressResponse) -> RunProgress | None:
    service = Service("run", lambda server: pb_grpc.add_RunServiceServicer_to_server(Run(answer), server))
    async with running_server([service], "127.0.0.1:0") as address:
        return await RunClient(int(address.rpartition(":")[2])).progress("127.0.0.1")


async def test_all_that_a_run_says_arrives() -> None:
    answer = pb.GetProgressResponse(
        phase="generating",
        ledger=pb.Ledger(requested=9, accepted=3, rejected={"format": 4}, failed={"infra": 1}, pending=1),
        counted=pb.TokenCount(prompt=10, completion=20),
        rows_per_second=0.5,
        eta_seconds=0,
        waiting=[pb.Awaited(dependency="store", reason="full")],
    )
    assert await asked(answer) == RunProgress(
        "generating", Ledger(3, {"format": 4}, {"infra": 1}, 1), 10, 20, 0.5, 0.0, (("store", "full"),)
    )


async def test_a_run_that_has_just_begun_says_little() -> None:
    assert await asked(pb.GetProgressResponse(phase="starting")) == RunProgress("starting", Ledger())


async def test_a_pod_that_does_not_listen_is_no_error() -> None:
    assert await RunClient(1).progress("127.0.0.1") is None
