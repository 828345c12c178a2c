"""What the pipeline needs of the services, as protocols. The `client` modules satisfy them; so do tests' fakes.

All of them may be called by thousands of samples at once: the clients batch calls that arrive within a few milliseconds
into one RPC and spread RPCs over replicas. Errors are those of `seedmill.serving.errors`: Unavailable and Busy (wait,
nothing is lost), Misconfigured and InvalidRequest (the run cannot work), ItemError (this one item failed).
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from seedmill.records.collection import CollectedSeeds, Collection, CollectionProgress
from seedmill.records.generation import Completion, GenerationRequest
from seedmill.records.publication import End, Limits, Publication
from seedmill.records.tokens import Tokens
from seedmill.records.verdict import Program, Verdict


class Seeding(Protocol):
    """Corpora to seeds."""

    async def collect(self, collection: Collection, progress: Callable[[CollectionProgress], None]) -> CollectedSeeds:
        """Collect the seeds of a corpus. Idempotent: what is finished is not done again."""
        ...


class Inference(Protocol):
    """Prompts to completions."""

    @property
    def wasted(self) -> Tokens:
        """Tokens, estimated, that engines spent so far on requests that brought no answer."""
        ...

    def room(self) -> int | None:
        """How many more prompts the engines want of this run now; None: as many as it has."""
        ...

    async def check_models(self, models: Sequence[str]) -> list[str]:
        """The endpoints, for people. Raises Misconfigured when a model is not served or the key is refused."""
        ...

    async def generate(self, request: GenerationRequest) -> Completion:
        """Answer one prompt. Cancelling the call cancels the work at the engine."""
        ...


class Execution(Protocol):
    """Programs and tests to verdicts."""

    async def check_environment(self, name: str) -> str:
        """The digest of a package set. Raises Misconfigured when there is none of that name."""
        ...

    async def execute(self, program: Program) -> Verdict:
        """Run one program. INFRA comes back as a verdict, after the service's own retry."""
        ...


class Aggregation(Protocol):
    """Journals to datasets."""

    async def publish(self, store_uri: str, run_prefix: str, limits: Limits, end: End) -> Publication:
        """Publish the run's journal as it is listed now, up to the cut of these limits."""
        ...
