"""How `--isolation` is spelled, by all commands that have it."""

from enum import StrEnum


class IsolationOption(StrEnum):
    """Where programs run."""

    POOLED = "pooled"
    FRESH = "fresh"
    PROCESS = "process"
