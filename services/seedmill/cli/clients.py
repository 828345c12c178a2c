"""The clients of a run: to services that this command started, or that run elsewhere."""

from collections.abc import Mapping, Sequence

from seedmill.aggregation.client import AggregationClient
from seedmill.execution.client import ExecutionClient
from seedmill.inference.client import InferenceClient
from seedmill.pipeline.run import Services
from seedmill.records.generation import Completion, GenerationRequest, Served
from seedmill.records.tokens import Tokens
from seedmill.records.verdict import Program, Verdict
from seedmill.seeding.client import SeedingClient
from seedmill.serving.channel import Channels
from seedmill.serving.errors import ServiceError
from seedmill.serving.store_access import StoreAccess


def clients(
    channels: Mapping[str, Channels], run_name: str, weight: int, access: StoreAccess | None = None
) -> Services:
    """The services as a run sees them. One that the run does not need may be missing: asking it is then an error.

    `access`: to the run's own store; None where it has that of the services.
    """
    return Services(
        SeedingClient(channels["seeding"], access),
        InferenceClient(channels["inference"], run_name, weight) if "inference" in channels else _NotStarted(),
        ExecutionClient(channels["execution"], run_name) if "execution" in channels else _NotStarted(),
        AggregationClient(channels["aggregation"], access),
    )


class _NotStarted:
    """Stands where a run needs no service; asking it is a mistake of this program."""

    @property
    def wasted(self) -> Tokens:
        return Tokens()

    def room(self) -> int | None:
        return None

    async def check_models(self, models: Sequence[str]) -> Served:
        raise ServiceError("NotStarted", f"no inference service was started, yet {', '.join(models)} is asked for")

    async def generate(self, request: GenerationRequest) -> Completion:
        raise ServiceError("NotStarted", f"no inference service was started, yet {request.id} asks it")

    async def check_environment(self, name: str) -> str:
        raise ServiceError("NotStarted", f"no execution service was started, yet environment {name} is asked for")

    async def execute(self, program: Program) -> Verdict:
        raise ServiceError("NotStarted", f"no execution service was started, yet {program.id} asks it")
