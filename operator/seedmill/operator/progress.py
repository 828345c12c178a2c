"""Asks a run's pod how far it is (RunService.GetProgress). Protobuf and gRPC stay in this file."""

import grpc

from seedmill.operator.observation import RunProgress
from seedmill.records.ledger import Ledger
from seedmill.serving.addresses import HostPort
from seedmill.serving.certificates import Certificates
from seedmill.serving.channel import open_channel
from seedmill.v1alpha1 import run_pb2 as pb
from seedmill.v1alpha1 import run_pb2_grpc as pb_grpc

ANSWER_SECONDS = 3.0

RUN = "run"
"""Whom the certificate of a run's pod names."""


class RunClient:
    """One channel for each question: pods come and go, and a question comes every quarter of a minute at most."""

    def __init__(self, port: int, certificates: Certificates | None = None) -> None:
        self._port = port
        self._certificates = certificates

    async def progress(self, address: str) -> RunProgress | None:
        """What the run at this IP says, or None: a pod that is starting or ending does not answer, which is no news."""
        at = HostPort(address, self._port)
        async with open_channel(at, RUN, self._certificates) as channel:
            stub = pb_grpc.RunServiceStub(channel)
            try:
                answer = await stub.GetProgress(pb.GetProgressRequest(), timeout=ANSWER_SECONDS)
            except grpc.aio.AioRpcError:
                return None
        return _progress(answer)


def _progress(answer: pb.GetProgressResponse) -> RunProgress:
    told = answer.ledger
    return RunProgress(
        phase=answer.phase,
        ledger=Ledger(told.accepted, dict(told.rejected), dict(told.failed), told.pending),
        prompt_tokens=answer.counted.prompt,
        completion_tokens=answer.counted.completion,
        rows_per_second=answer.rows_per_second,
        eta_seconds=answer.eta_seconds if answer.HasField("eta_seconds") else None,
        waiting=tuple((each.dependency, each.reason) for each in answer.waiting),
    )
