"""What a plan may ask for. Each action can be done twice, or beside another operator that does the same."""

from dataclasses import dataclass

from seedmill.spec.model import DatasetGeneration


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Make the run's Job. That it is there already is fine."""

    name: str
    generation: DatasetGeneration


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete this very Job in the foreground: it stays, marked, until its pod is gone. That it is gone is fine."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class PollProgress:
    """Ask the run's pod how far it is, and plan again with the answer."""

    address: str


@dataclass(frozen=True, slots=True)
class DeleteRun:
    """Delete the DatasetGeneration, whose time to live is over; only if it is still the one that was looked at."""


Action = CreateJob | DeleteJob | PollProgress | DeleteRun
