"""When a prompt is sent again, after how long, and when to give up: decisions, without a clock or a die of their own.

Two mistakes are to be avoided. A prompt that makes the engine fail every time must not keep a run waiting for ever, so
tries are counted. And an engine that is away for everyone must not turn every prompt into a failed sample, so a prompt
is blamed only while the engine works for others; otherwise the engine is, and the run waits for it. A refusal (429) is
hardly ever the prompt's fault: thirty-two of 1,500 rows were lost to a bound of eight tries in a measured client. So
refusals end when nothing was answered, for anyone, for `QUIET_SECONDS`, or after very many (a prompt that is larger
than what may be sent in a minute is refused for ever).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 20.0
LONGEST_RETRY_AFTER_SECONDS = 60.0
QUIET_SECONDS = 120.0


class Kind(StrEnum):
    """What went wrong with one attempt, as far as it matters for the next."""

    UNREACHABLE = "unreachable"
    """No connection: refused, no such host, TLS, timeout while connecting. Nothing was paid."""
    REFUSED = "refused"
    """The endpoint has too much to do, or does not serve yet: 429, 503, 529, and 402."""
    FAILED = "failed"
    """It took the prompt and broke: 5xx, 408, a connection that ended early, half an answer."""
    SILENT = "silent"
    """It took the prompt and did not answer in time."""
    UNREADABLE = "unreadable"
    """It answered with JSON that holds no completion."""


TRIES = {Kind.UNREACHABLE: 5, Kind.REFUSED: 60, Kind.FAILED: 5, Kind.SILENT: 2, Kind.UNREADABLE: 2}


class Trouble(Exception):
    """One attempt failed in a way that another may not. `message` is one line, without secrets."""

    def __init__(self, kind: Kind, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Pause:
    """Try again after so many seconds."""

    seconds: float


class GiveUp(StrEnum):
    """Stop trying within this call."""

    ENDPOINT = "endpoint"
    """Nothing was at fault but the endpoint: the caller waits and asks again."""
    PROMPT = "prompt"
    """The engine answers, but never this prompt with anything readable."""
    ASK_CONTROL = "ask_control"
    """Blame the prompt if the engine answers another one, the endpoint if it does not."""


def decide(troubles: Mapping[Kind, int], trouble: Trouble, quiet_seconds: float, draw: float) -> Pause | GiveUp:
    """What follows after `trouble`.

    `troubles` counts this prompt's troubles by kind, this one included. `quiet_seconds` is how long nothing was
    answered, for anyone, since this prompt's first trouble. `draw` in [0, 1) is the jitter: a pause is between half and
    the whole of its exponential bound, so that prompts refused together do not come back together.
    """
    kind = trouble.kind
    count = troubles[kind]
    if kind is Kind.REFUSED and quiet_seconds >= QUIET_SECONDS:
        return GiveUp.ENDPOINT
    if count >= TRIES[kind]:
        match kind:
            case Kind.UNREACHABLE:
                return GiveUp.ENDPOINT
            case Kind.UNREADABLE:
                return GiveUp.PROMPT
            case _:
                return GiveUp.ASK_CONTROL
    bound = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(count - 1, 16))
    seconds = bound * (0.5 + draw / 2)
    if trouble.retry_after_seconds is not None:
        seconds = min(trouble.retry_after_seconds, LONGEST_RETRY_AFTER_SECONDS) + draw * FIRST_PAUSE_SECONDS
    return Pause(seconds)


def retry_after_seconds(value: str | None, now_unix_seconds: float) -> float | None:
    """The header Retry-After (seconds, or an HTTP date) as seconds from now, or None when absent or not readable."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, IndexError, TypeError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = moment.timestamp() - now_unix_seconds
    return max(0.0, seconds) if seconds < float("inf") else None
