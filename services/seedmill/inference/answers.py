"""What a 200 means: the completion in it, or why there is none.

Strange but legal answers pass (an unknown finish reason, an empty text, content in parts); what cannot be used is told
apart by what helps: half an answer and a shape that holds no completion may be better the next time, a web page never.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, cast

import orjson

from seedmill.inference.refusals import Refusal, not_an_openai_server, one_line, read_refusal
from seedmill.inference.retry import Kind, Trouble
from seedmill.records.generation import Api, Completion, FinishReason, GenerationRequest

BYTES_PER_TOKEN = 3.0
"""For servers that report no usage. Code has about 3.4 bytes a token; a budget errs on the safe side."""
LARGEST_COUNT = 2**32 - 1

_FINISH = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "eos_token": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.FILTERED,
    "safety": FinishReason.FILTERED,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion; `estimated` when the server did not say what it cost, `seconds` from sending to the last byte."""

    completion: Completion
    estimated: bool
    seconds: float = 0.0


def read_answer(raw: bytes, request: GenerationRequest, url: str) -> Answer | Refusal:
    """The completion, or a refusal that came with status 200.

    Raises Trouble (FAILED: half an answer; UNREADABLE: no completion in it) and Misconfigured (no JSON at all).
    """
    fields = parse_json(raw, url)
    if "choices" not in fields and fields.get("error"):
        return _refusal_within(fields, raw)
    text, reason = _first_choice(fields, request.call.api, url)
    text, reason = cut_at_stop(text, reason, request.prompt.stop)
    usage = fields.get("usage")
    counts = cast("dict[str, Any]", usage) if isinstance(usage, dict) else {}
    prompt_tokens, completion_tokens = _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))
    model = fields.get("model")
    return Answer(
        Completion(
            text=text,
            finish_reason=reason,
            prompt_tokens=estimate(request.prompt.size_bytes) if prompt_tokens is None else prompt_tokens,
            completion_tokens=estimate(len(text.encode())) if completion_tokens is None else completion_tokens,
            model=one_line(model, 200) if isinstance(model, str) and model else request.call.model,
        ),
        estimated=prompt_tokens is None or completion_tokens is None,
    )


def read_models(raw: bytes, url: str) -> list[str]:
    """The names in an answer of /v1/models. Raises as `read_answer`; NotAnOpenAiServer when it is no such list."""
    data = parse_json(raw, url).get("data")
    if not isinstance(data, list):
        raise not_an_openai_server(url, raw)
    entries = [cast("dict[str, Any]", entry) for entry in cast("list[Any]", data) if isinstance(entry, dict)]
    return [entry["id"] for entry in entries if isinstance(entry.get("id"), str)]


def parse_json(raw: bytes, url: str) -> dict[str, Any]:
    """The JSON object of a 200. Raises Trouble when it is half of one, Misconfigured when it is something else."""
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError:
        if raw.lstrip()[:1] in (b"{", b""):
            raise Trouble(Kind.FAILED, f"{url} broke off its answer after {len(raw)} bytes") from None
        raise not_an_openai_server(url, raw) from None
    if not isinstance(fields, dict):
        raise Trouble(Kind.UNREADABLE, f"{url} answered with JSON that is no object")
    return cast("dict[str, Any]", fields)


def _refusal_within(fields: dict[str, Any], raw: bytes) -> Refusal:
    """Some gateways wrap an error in a 200; its code, where it is one, is the status."""
    error = fields["error"]
    code = cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    return replace(read_refusal(status, raw), status=status)


def _first_choice(fields: dict[str, Any], api: Api, url: str) -> tuple[str, FinishReason]:
    choices = fields.get("choices")
    choice = cast("list[Any]", choices)[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise Trouble(Kind.UNREADABLE, f"{url} answered without a choice")
    of_choice = cast("dict[str, Any]", choice)
    said = of_choice.get("finish_reason")
    reason = _FINISH.get(said.lower(), FinishReason.OTHER) if isinstance(said, str) else FinishReason.OTHER
    match api:
        case Api.COMPLETIONS:
            content = of_choice.get("text")
        case Api.CHAT:
            message = of_choice.get("message")
            content = cast("dict[str, Any]", message).get("content") if isinstance(message, dict) else None
            if content is None and isinstance(message, dict) and reason in (FinishReason.LENGTH, FinishReason.FILTERED):
                content = ""  # all of it was thought, or withheld
    if isinstance(content, list):
        content = _joined(cast("list[Any]", content))
    if not isinstance(content, str):
        raise Trouble(Kind.UNREADABLE, f"{url} answered with a choice that has no text")
    return content, reason


def _joined(parts: list[Any]) -> str | None:
    """Content in parts (`[{"type": "text", "text": …}]`) as one text, or None when a part is none."""
    texts = [cast("dict[str, Any]", part).get("text") if isinstance(part, dict) else None for part in parts]
    return "".join(texts) if all(isinstance(text, str) for text in texts) else None  # pyright: ignore


def cut_at_stop(text: str, reason: FinishReason, stop: tuple[str, ...]) -> tuple[str, FinishReason]:
    """The text before the first stop string, for servers that ignore them or leave them in."""
    places = [at for at in (text.find(string) for string in stop if string) if at >= 0]
    return (text[: min(places)], FinishReason.STOP) if places else (text, reason)


def estimate(size_bytes: int) -> int:
    """Tokens of so many bytes of text, for servers that do not say."""
    return math.ceil(size_bytes / BYTES_PER_TOKEN)


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= LARGEST_COUNT else None
