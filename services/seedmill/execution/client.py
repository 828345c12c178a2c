"""The execution service as its callers see it (`pipeline/ports.py`, `Execution`); they never meet protobuf or gRPC."""

from collections.abc import AsyncIterator
from typing import Any

import grpc

from seedmill.execution.messages import Capabilities, capabilities_of, program_message, verdict_of
from seedmill.records.verdict import Program, Verdict
from seedmill.serving.batching import Batcher
from seedmill.serving.channel import Channels
from seedmill.serving.errors import ServiceError
from seedmill.serving.status import from_rpc_error
from seedmill.v1alpha1 import execution_pb2 as pb
from seedmill.v1alpha1 import execution_pb2_grpc as pb_grpc

_MAX_PROGRAMS = 64
CAPABILITIES_SECONDS = 20.0

__all__ = ["Capabilities", "ExecutionClient"]


class ExecutionClient:
    """Runs programs through any of the service's replicas; `run` names the run they are for."""

    def __init__(self, channels: Channels, run: str) -> None:
        self._channels = channels
        self._run = run
        self._batcher = Batcher[Program, Verdict](self._call, max_items=_MAX_PROGRAMS)

    async def capabilities(self) -> Capabilities:
        """What the service can run. Raises Unavailable."""
        stub: Any = pb_grpc.ExecutionServiceStub(self._channels.pick())
        try:
            found = await stub.GetCapabilities(pb.GetCapabilitiesRequest(), timeout=CAPABILITIES_SECONDS)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        return capabilities_of(found)

    async def check_environment(self, name: str) -> str:
        """The digest of a package set. Raises Misconfigured when the service has none of that name, and Unavailable."""
        return (await self.capabilities()).check_environment(name)

    async def execute(self, program: Program) -> Verdict:
        """Run one program. Raises Unavailable and Busy (wait, then call again), Misconfigured, InvalidRequest."""
        return await self._batcher.submit(program)

    async def close(self) -> None:
        """Cancel what is under way."""
        await self._batcher.close()

    async def _call(self, batch: list[tuple[str, Program]]) -> AsyncIterator[tuple[str, Verdict | ServiceError]]:
        stub: Any = pb_grpc.ExecutionServiceStub(self._channels.pick())
        names = {item_id: program.id for item_id, program in batch}
        request = pb.ExecuteRequest(
            run=self._run, programs=[program_message(item_id, program) for item_id, program in batch]
        )
        try:
            async for response in stub.Execute(request):
                for item in response.verdicts:
                    yield item.id, verdict_of(item, names[item.id])
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
