"""What is sent to an OpenAI-compatible server, and how a server's refusal of a parameter changes it.

Servers differ in small things: some know no `seed`, some take at most four stop strings, some want the bound of the
completion under another name. A 400 that names such a parameter is answered by asking once more without it; when that
works, the endpoint remembers. Nothing is lost by it: text is cut at stop strings here anyway (`answers`), and a seed is
a wish in this API. Temperature and top_p are never dropped: the dataset's provenance would be false.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

from seedmill.inference.refusals import Refusal
from seedmill.records.generation import Api, GenerationRequest

COMMON_STOP_LIMIT = 4


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one endpoint takes. `stop_limit` None: any number of stop strings."""

    seed: bool = True
    stop_limit: int | None = None
    max_tokens_name: str = "max_tokens"


def route(api: Api) -> str:
    """The path behind the base URL."""
    match api:
        case Api.COMPLETIONS:
            return "/completions"
        case Api.CHAT:
            return "/chat/completions"


def body(request: GenerationRequest, dialect: Dialect) -> dict[str, Any]:
    """The JSON to send."""
    sampling = request.call.sampling
    fields: dict[str, Any] = {"model": request.call.model}
    match request.call.api:
        case Api.COMPLETIONS:
            fields["prompt"] = request.prompt.text
        case Api.CHAT:
            fields["messages"] = [{"role": m.role, "content": m.content} for m in request.prompt.messages]
    fields[dialect.max_tokens_name] = sampling.max_tokens
    fields["temperature"] = sampling.temperature
    fields["top_p"] = sampling.top_p
    if dialect.seed:
        fields["seed"] = request.seed
    stop = request.prompt.stop[: dialect.stop_limit]
    if stop:
        fields["stop"] = list(stop)
    return fields


def simpler(dialect: Dialect, refusal: Refusal, stop_count: int) -> Dialect | None:
    """The dialect to try after a 400 or 422, or None when it is not about a parameter that can be left out.

    `stop_count` is how many stop strings the prompt has.
    """
    if refusal.status not in (400, 422):
        return None
    sent_stops = stop_count if dialect.stop_limit is None else min(stop_count, dialect.stop_limit)
    if dialect.max_tokens_name == "max_tokens" and "max_completion_tokens" in refusal.message:
        return replace(dialect, max_tokens_name="max_completion_tokens")
    if dialect.seed and _names(refusal, "seed"):
        return replace(dialect, seed=False)
    if sent_stops and (_names(refusal, "stop") or _names(refusal, "stop_sequences")):
        return replace(dialect, stop_limit=COMMON_STOP_LIMIT if sent_stops > COMMON_STOP_LIMIT else 0)
    return None


def _names(refusal: Refusal, parameter: str) -> bool:
    """Whether the server says that this parameter is what it refuses: as a field, or quoted, or beside such words."""
    if parameter in refusal.parameters:
        return True
    word = re.escape(parameter)
    return bool(
        re.search(rf"['\"`]{word}['\"`]", refusal.message)
        or re.search(
            rf"(unsupported|unknown|unrecognized|unexpected|extra|invalid|too many)\W+(\w+\W+){{0,3}}{word}\b",
            refusal.message,
            re.IGNORECASE,
        )
        or re.search(rf"\b{word}\b\W+(\w+\W+){{0,3}}(not|exceeds|at most|too many)\b", refusal.message, re.IGNORECASE)
    )
