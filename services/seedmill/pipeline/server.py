"""The RunService: what a run says of itself, for who looks after it. Protobuf and gRPC stay in this file.

The one place of this room that knows a transport; the process that drives the run serves it, beside the run.
"""

from collections.abc import Callable
from typing import Any

import grpc

from seedmill.pipeline.progress import Snapshot
from seedmill.pipeline.rates import rates_of
from seedmill.records.ledger import Ledger
from seedmill.records.tokens import Tokens
from seedmill.serving.server import Service
from seedmill.v1alpha1 import run_pb2 as pb
from seedmill.v1alpha1 import run_pb2_grpc as pb_grpc

Context = grpc.aio.ServicerContext[Any, Any]


def service(run: str, take: Callable[[], Snapshot]) -> Service:
    """The service of the run with this key prefix, to be served; `take` gives the present moment."""
    return Service("run", _Servicer(run, take).register, callers=("operator", "test"))


class _Servicer(pb_grpc.RunServiceServicer):
    def __init__(self, run: str, take: Callable[[], Snapshot]) -> None:
        self._run = run
        self._take = take

    def register(self, server: grpc.aio.Server) -> None:
        pb_grpc.add_RunServiceServicer_to_server(self, server)

    async def GetProgress(self, request: pb.GetProgressRequest, context: Context) -> pb.GetProgressResponse:
        return _message(self._run, self._take())


def _message(run: str, moment: Snapshot) -> pb.GetProgressResponse:
    rates, collection, published = rates_of(moment), moment.collection, moment.published
    return pb.GetProgressResponse(
        run=run,
        attempt=moment.attempt,
        phase=moment.phase.value,
        ledger=_ledger(moment.ledger),
        target=moment.target,
        candidates=moment.candidates,
        in_flight=moment.in_flight,
        window=moment.window,
        paid=_tokens(moment.paid),
        counted=_tokens(moment.counted),
        rows_per_second=rates.rows_per_second,
        tokens_per_second=rates.tokens_per_second,
        eta_seconds=rates.eta_seconds,
        waiting=[pb.Awaited(dependency=each.dependency.service, reason=each.reason) for each in moment.waiting],
        collection=None
        if collection is None
        else pb.CollectedSoFar(
            files_read=collection.files_read, files_total=collection.files_total, seeds=collection.seeds
        ),
        dataset=None
        if published is None
        else pb.PublishedDataset(uri=published.uri, digest=published.digest, rows=published.rows),
    )


def _ledger(ledger: Ledger) -> pb.Ledger:
    return pb.Ledger(
        requested=ledger.requested,
        accepted=ledger.accepted,
        rejected=ledger.rejected,
        failed=ledger.failed,
        pending=ledger.pending,
    )


def _tokens(tokens: Tokens) -> pb.TokenCount:
    return pb.TokenCount(prompt=tokens.prompt, completion=tokens.completion)
