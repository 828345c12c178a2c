"""What the operator writes into a DatasetGeneration's status: small, bounded, and enough to see how a run is doing.

Nothing here is needed for correctness: a run's truth is its journal, and a status that is lost is found out again.
Every list and map is bounded; reasons of rejection are few and known.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from seedmill.spec.rules import SpecModel
from seedmill.spec.shapes import ObjectName, ShortText, Uri

CONDITION_TYPE = r"^[A-Za-z][A-Za-z0-9]{0,62}$"
CONDITION_REASON = r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
_BY_TYPE: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}

Count = Annotated[int, Field(ge=0)]
Reasons = Annotated[dict[ShortText, Count], Field(max_length=64)]


class ConditionStatus(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(SpecModel):
    """One aspect of the resource, as Kubernetes tools read it."""

    type: Annotated[str, Field(max_length=63, pattern=CONDITION_TYPE)]
    """Ready, Reconciling, Stalled, Succeeded, Suspended or Degraded."""
    status: ConditionStatus
    """Whether it holds."""
    reason: Annotated[str, Field(min_length=1, max_length=128, pattern=CONDITION_REASON)]
    """Why, in one word that programs may rely on."""
    message: Annotated[str, Field(max_length=4096)]
    """Why, for people."""
    last_transition_time: datetime
    """When `status` changed last."""
    observed_generation: Count | None = None
    """The metadata.generation that this is about."""


class LedgerStatus(SpecModel):
    """Where the candidates are: requested = accepted + rejected + failed + pending."""

    requested: Count
    """Leaf candidates begun."""
    accepted: Count
    """Rows kept."""
    rejected: Reasons = Field(default_factory=dict[str, int])
    """Candidates that were decided against, by reason."""
    rejected_total: Count
    """All of them."""
    failed: Reasons = Field(default_factory=dict[str, int])
    """Candidates that infrastructure failed, by reason; never counted as a wrong answer."""
    failed_total: Count
    """All of them."""
    pending: Count
    """Candidates without an end."""


class ProgressStatus(SpecModel):
    """How fast it goes, in words ready for a table."""

    yield_: Annotated[str, Field(max_length=16)] | None = Field(default=None, alias="yield")
    """Accepted among ended candidates, as in `42 %`."""
    rate: Annotated[str, Field(max_length=32)] | None = None
    """Rows in the last minutes, as in `120/min`."""
    eta: Annotated[str, Field(max_length=32)] | None = None
    """Time to the target at that rate, as in `2h10m`."""
    waiting: Annotated[str, Field(max_length=1024)] | None = None
    """What the run waits for, if anything."""
    updated_at: datetime | None = None
    """When the run said so."""


class TokenStatus(SpecModel):
    """What was spent."""

    total: Count
    """In prompts and completions."""
    prompt: Count | None = None
    """In prompts of used records, when the run said so."""
    completion: Count | None = None
    """In completions of used records, when the run said so."""


class DatasetStatus(SpecModel):
    """The latest publication."""

    uri: Uri | None = None
    """Where the dataset is; left out where a pod's last message had no room for it."""
    digest: Annotated[str, Field(max_length=128)]
    """Over the digests of its files."""
    rows: Count
    """How many rows it has."""
    partial: bool
    """Whether the run stopped before its target."""


class Status(SpecModel):
    """How the run is doing. Written by the operator only."""

    observed_generation: Count | None = None
    """The metadata.generation that this is about."""
    state: Annotated[str, Field(max_length=64)] | None = None
    """One word for people, derived from the conditions; programs read those."""
    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=_BY_TYPE)] = Field(
        default_factory=list[Condition]
    )
    """Ready, Reconciling, Stalled, Succeeded, Suspended, Degraded."""
    spec_digest: Annotated[str, Field(max_length=64)] | None = None
    """Of everything in spec that changes data; it names the run."""
    job: ObjectName | None = None
    """The Job that the rest speaks of; its name changes with spec and limits."""
    start_time: datetime | None = None
    """When the run's first process began."""
    completion_time: datetime | None = None
    """When the run finished."""
    progress: ProgressStatus | None = None
    """How fast it goes."""
    ledger: LedgerStatus | None = None
    """Where the candidates are."""
    tokens: TokenStatus | None = None
    """What was spent."""
    dataset: DatasetStatus | None = None
    """The latest publication."""
