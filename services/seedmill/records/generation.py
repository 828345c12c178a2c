"""One call to a teacher: what is asked, with which sampling, and what came back."""

from dataclasses import dataclass
from enum import StrEnum


class Api(StrEnum):
    """Which route of an OpenAI-compatible server a prompt is for."""

    COMPLETIONS = "Completions"
    CHAT = "Chat"


class FinishReason(StrEnum):
    """Why the teacher stopped."""

    STOP = "stop"
    LENGTH = "length"
    FILTERED = "content_filter"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt: `text` for Completions, `messages` for Chat; the other one is empty."""

    text: str = ""
    messages: tuple[Message, ...] = ()
    stop: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """UTF-8 bytes of all text: an upper bound of its tokens in any byte-level tokenizer."""
        return len(self.text.encode()) + sum(len(m.content.encode()) for m in self.messages)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the teacher samples; `max_tokens` bounds the completion."""

    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int = 1536


@dataclass(frozen=True, slots=True)
class ModelCall:
    """The model, route, sampling and prompt limit of a Generate step.

    A prompt of more than `prompt_limit_tokens` UTF-8 bytes is not sent: bytes bound tokens, so a budget can be kept
    without knowing the tokenizer.
    """

    model: str
    api: Api
    sampling: Sampling
    prompt_limit_tokens: int = 24_000


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One prompt for the teacher. `seed` is the API seed, a 32-bit number from the counter.

    Where prompts of a run wait for their turn, the one with the lowest `order` goes first.
    """

    id: str
    call: ModelCall
    prompt: Prompt
    seed: int
    order: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What the teacher answered, and what it says it cost (estimated from the text where it does not say)."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    model: str = ""
