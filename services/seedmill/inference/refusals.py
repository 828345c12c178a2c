"""What an answer other than 200 means: who is at fault, and whether trying again can help.

Servers put the reason in different places (`error.message`, `message`, `detail` of pydantic, plain text); it is brought
into one `Refusal`, and `error_of` decides. Texts of servers are shown to people, so they are cut to one line.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import orjson

from seedmill.inference.retry import Kind, Trouble
from seedmill.serving.errors import ItemError, Misconfigured, ServiceError

FEW_MODELS = 8
MESSAGE_CHARACTERS = 300
SHOWN_CHARACTERS = 80

_CONTEXT_CODES = {"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"}
_CONTEXT_WORDS = re.compile(
    r"context (length|size|window)|maximum (model|input|sequence) length|max_model_len|max_new_tokens. must be <="
    r"|.inputs. must have less than \d+ tokens|(prompt|input)s? (is|are) too long|too many (input )?tokens",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(r"\bmodel\b.{0,200}\b(does not exist|not found|not served|not available|unknown)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer other than 200. `parameters` are the fields that the server blames, if it says so."""

    status: int
    message: str
    code: str = ""
    parameters: frozenset[str] = frozenset()
    retry_after_seconds: float | None = None


def read_refusal(status: int, raw: bytes, retry_after_seconds: float | None = None) -> Refusal:
    """The server's reason, wherever it put it."""
    fields: Any = None
    with suppress(orjson.JSONDecodeError):
        fields = orjson.loads(raw)
    if isinstance(fields, str):
        return Refusal(status, one_line(fields) or "no reason given", retry_after_seconds=retry_after_seconds)
    if not isinstance(fields, dict):
        text = raw.decode(errors="replace")
        return Refusal(status, one_line(text) or "no reason given", retry_after_seconds=retry_after_seconds)
    outer = cast("dict[str, Any]", fields)
    error = outer.get("error")
    inner = cast("dict[str, Any]", error) if isinstance(error, dict) else outer
    parameters: set[str] = set()
    detail = inner.get("detail")
    texts: list[Any] = [inner.get("message"), error, detail]
    message = next((text for text in texts if isinstance(text, str) and text), "")
    if isinstance(detail, list):
        message, parameters = _pydantic_detail(cast("list[Any]", detail))
    if isinstance(param := inner.get("param"), str):
        parameters.add(param)
    code = next((str(inner[key]) for key in ("code", "type") if isinstance(inner.get(key), str)), "")
    return Refusal(
        status,
        one_line(message) or one_line(raw.decode(errors="replace")),
        code=code,
        parameters=frozenset(parameters),
        retry_after_seconds=retry_after_seconds,
    )


def _pydantic_detail(detail: Sequence[Any]) -> tuple[str, set[str]]:
    messages: list[str] = []
    parameters: set[str] = set()
    for entry in detail:
        if isinstance(entry, dict):
            mapping = cast("dict[str, Any]", entry)
            place = [str(part) for part in mapping.get("loc") or () if part != "body"]
            parameters.update(place[:1])
            messages.append(f"{'.'.join(place)}: {mapping.get('msg', '')}")
    return "; ".join(messages), parameters


def error_of(
    refusal: Refusal, url: str, model: str, served: Sequence[str], *, with_key: bool = True
) -> ServiceError | Trouble:
    """What to raise for it. `served` are the names that the endpoint lists, as far as known; `with_key`: it got one."""
    said = f"{url} answered {refusal.status}: {refusal.message}"
    match refusal.status:
        case 401 | 403:
            mend = "a key was sent: is it the right one in" if with_key else "no key was sent: set"
            return Misconfigured("Unauthorized", f"{said} ({mend} SEEDMILL_TEACHER_KEY or OPENAI_API_KEY)")
        case 429 | 503 | 529 | 402:
            return Trouble(Kind.REFUSED, said, refusal.retry_after_seconds)
        case 404 | 405 | 501:
            if refusal.status == 404 and (refusal.code == "model_not_found" or "model" in refusal.message.lower()):
                return model_not_served(model, served, [url])
            return Misconfigured("RouteNotServed", f"{said}: the server lacks this route; is teacher.api right?")
        case 408:
            return Trouble(Kind.FAILED, said, refusal.retry_after_seconds)
        case status if 300 <= status < 400:
            return Misconfigured("NotAnOpenAiServer", f"{said}: it redirects; give the URL it leads to")
        case status if status >= 500:
            return Trouble(Kind.FAILED, said, refusal.retry_after_seconds)
        case status if status < 300:
            return Misconfigured("NotAnOpenAiServer", said)
        case _:
            return _error_of_prompt(refusal, said, url, model, served)


def _error_of_prompt(refusal: Refusal, said: str, url: str, model: str, served: Sequence[str]) -> ServiceError:
    """A 4xx that is about what was asked."""
    if refusal.code in _CONTEXT_CODES or is_about_context(refusal.message):
        return ItemError("ContextExceeded", said)
    if refusal.code == "model_not_found" or (model in refusal.message and _NO_MODEL.search(refusal.message)):
        return model_not_served(model, served, [url])
    if unsupported := refusal.parameters & {"temperature", "top_p"}:
        field = {"temperature": "temperature", "top_p": "topP"}[min(unsupported)]
        return Misconfigured("SamplingRefused", f"{said} (change teacher.sampling.{field})")
    return ItemError("PromptRefused", said)


def is_about_context(message: str) -> bool:
    """Whether a server's words say that prompt and completion do not fit its context."""
    return bool(_CONTEXT_WORDS.search(message))


def model_not_served(model: str, served: Sequence[str], places: Sequence[str]) -> Misconfigured:
    """Says which names are served: all when they are few, else the nearest."""
    names = sorted(set(served))
    where = " and ".join(places)
    if not names:
        known = "it lists no model"
    elif len(names) <= FEW_MODELS:
        known = f"served: {', '.join(names)}"
    else:
        by_lower = {name.lower(): name for name in names}
        near = [by_lower[name] for name in difflib.get_close_matches(model.lower(), by_lower, n=3, cutoff=0.4)]
        known = f"{len(names)} others are" + (f", the nearest: {', '.join(near)}" if near else "")
    return Misconfigured(
        "ModelNotServed",
        f"model {model!r} is not served by {where} ({known}); correct teacher.model, or serve it there",
    )


def not_an_openai_server(url: str, raw: bytes, headers: Mapping[str, str] | None = None) -> Misconfigured:
    """A 200 that is no JSON: a web page, usually because the URL leads elsewhere."""
    shown = one_line(raw[: 4 * SHOWN_CHARACTERS].decode(errors="replace"), SHOWN_CHARACTERS)
    kind = (headers or {}).get("Content-Type", "")
    of_kind = f" ({one_line(kind, 40)})" if kind else ""
    return Misconfigured(
        "NotAnOpenAiServer",
        f"{url} does not answer like an OpenAI-compatible server; it sent{of_kind}: {shown!r}; "
        "is it the base URL (http://host:port/v1)?",
    )


def one_line(text: str, characters: int = MESSAGE_CHARACTERS) -> str:
    """The text on one line without control characters, cut to a length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * characters]).split())
    return line if len(line) <= characters else line[: characters - 1] + "…"
