"""A provider's batch as text: prompts as lines of its input file, and the lines of its output and error files.

A line's `custom_id` is a digest of what is asked, so that the same prompt is known again: when it is asked once more,
and in a batch that another process of this service handed in. Shapes are those of OpenAI's Batch API.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

import orjson

from seedmill.inference.answers import Answer, read_answer
from seedmill.inference.dialect import Dialect, body, route
from seedmill.inference.refusals import Refusal, model_not_served, read_refusal
from seedmill.inference.retry import Kind, Trouble
from seedmill.records.generation import GenerationRequest
from seedmill.serving.errors import ItemError, Misconfigured, ServiceError

ID_PREFIX = "seedmill-"
ID_DIGITS = 40
_TOO_MUCH = ("token_limit_exceeded", "rate_limit_exceeded", "too_many_requests")
"""Codes of a batch that may be handed in later, when others have ended."""


@dataclass(frozen=True, slots=True)
class Line:
    """One prompt. A batch holds lines of one `lane` alone: one route and one model."""

    custom_id: str
    lane: tuple[str, str]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What the provider says of one line: a status and the body as its server would answer, or its code and message.

    `status` is 0 where the line was not worked on at all.
    """

    status: int
    body: bytes
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class BatchError:
    """Why a batch was not begun; `line` (from 1) where it is about one."""

    code: str
    message: str
    line: int | None = None


def line_of(request: GenerationRequest, dialect: Dialect, prefix: str = "/v1") -> Line:
    """The line that asks this prompt."""
    url = prefix + route(request.call.api)
    asked = body(request, dialect)
    digest = sha256(url.encode() + b"\n" + orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()[:ID_DIGITS]
    custom_id = f"{ID_PREFIX}{digest}"
    fields = {"custom_id": custom_id, "method": "POST", "url": url, "body": asked}
    return Line(custom_id, (url, request.call.model), orjson.dumps(fields) + b"\n")


def custom_ids(raw: bytes) -> set[str]:
    """The ids of an input file; lines that are none of ours are left out."""
    ids = (fields.get("custom_id") for fields in _objects(raw))
    return {each for each in ids if isinstance(each, str) and each.startswith(ID_PREFIX)}


def read_replies(raw: bytes) -> dict[str, Reply]:
    """The replies of an output or error file, by custom_id. Half a line, and a line of another shape, is left out."""
    replies: dict[str, Reply] = {}
    for fields in _objects(raw):
        custom_id = fields.get("custom_id")
        if isinstance(custom_id, str):
            replies[custom_id] = _reply(fields)
    return replies


def answer_of(reply: Reply, request: GenerationRequest, url: str) -> Answer | Refusal:
    """The completion, or what the provider's server said instead. Raises Trouble when there is none to be had."""
    if reply.status == 0:
        raise Trouble(Kind.FAILED, f"{url} did not work on the prompt: {reply.code} {reply.message}".rstrip())
    return read_answer(reply.body, request, url) if reply.status == 200 else read_refusal(reply.status, reply.body)


def without_reply(
    line: Line, order: Sequence[str], errors: Sequence[BatchError], url: str, served: Sequence[str]
) -> Trouble | ServiceError:
    """Why a batch that has ended says nothing of one of its lines. `order` are the ids as they stood in its file."""
    if not errors:
        return Trouble(Kind.FAILED, f"{url} ended a batch without a word on this prompt")
    said = f"{url} refused a batch: {errors[0].code} {errors[0].message}".rstrip()
    if errors[0].code in _TOO_MUCH:
        return Trouble(Kind.REFUSED, said, retry_after_seconds=60.0)
    if errors[0].code == "model_not_found":
        return model_not_served(line.lane[1], served, [url])
    for error in errors:
        if error.line is not None and 0 < error.line <= len(order) and order[error.line - 1] == line.custom_id:
            return ItemError("PromptRefused", f"{url} refused a line of a batch: {error.code} {error.message}")
    if all(error.line is not None for error in errors):
        return Trouble(Kind.FAILED, f"{said}, for the sake of other prompts")
    return Misconfigured("BatchRefused", said)


def _reply(fields: dict[str, Any]) -> Reply:
    response = fields.get("response")
    if isinstance(response, dict):
        of_response = cast("dict[str, Any]", response)
        status = of_response.get("status_code")
        return Reply(status if isinstance(status, int) else 0, orjson.dumps(of_response.get("body")))
    error = fields.get("error")
    of_error = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    return Reply(0, b"", str(of_error.get("code") or ""), str(of_error.get("message") or ""))


def _objects(raw: bytes) -> Iterator[dict[str, Any]]:
    for line in raw.splitlines():
        try:
            fields = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(fields, dict):
            yield cast("dict[str, Any]", fields)
