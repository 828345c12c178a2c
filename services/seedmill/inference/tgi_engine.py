"""The engine `tgi`: Text Generation Inference, through its own client (`text-generation`).

The client is a thin layer over aiohttp that no longer changes, and it leaves three things to its callers: it opens a
connection for each prompt (cancelling closes it, which is how the server learns that nobody waits), it turns answers
that are not the server's (a proxy's page, say) into errors of aiohttp, pydantic or KeyError, and it tells how many
tokens were written but not how many were read, which are estimated here. Which model is served it does not ask; that is
asked of `/info` here.

A text comes whole, or token by token with `?stream=true`, which keeps a connection alive through proxies that cut
silent ones. For chats the client knows no stop strings, and its streams fail on what today's servers send: a chat comes
whole, is cut at stop strings here, and what was written after one is paid for.
"""

import importlib
import importlib.util
import os
from contextlib import aclosing
from typing import Any

import aiohttp
import orjson

from seedmill.inference.answers import Answer, cut_at_stop, estimate
from seedmill.inference.dialect import COMMON_STOP_LIMIT
from seedmill.inference.endpoint_names import TgiName
from seedmill.inference.refusals import is_about_context, one_line
from seedmill.inference.retry import Kind, Trouble
from seedmill.records.generation import Api, Completion, FinishReason, GenerationRequest, Sampling
from seedmill.serving.errors import ItemError, Misconfigured, ServiceError, Unavailable

ANSWER_SECONDS = 900.0
CONNECT_SECONDS = 10.0
INFO_SECONDS = 30.0

TROUBLES = {
    "OverloadedError": Kind.REFUSED,
    "RateLimitExceededError": Kind.REFUSED,
    "ShardNotReadyError": Kind.REFUSED,
    "ShardTimeoutError": Kind.FAILED,
    "GenerationError": Kind.FAILED,
    "IncompleteGenerationError": Kind.FAILED,
    "UnknownError": Kind.FAILED,
}
"""The client's errors, by name, that another attempt may mend. UnknownError is every other status, 5xx among them."""
OF_PROMPT = ("ValidationError", "BadRequestError")
_FINISH = {
    "length": FinishReason.LENGTH,
    "eos_token": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "stop": FinishReason.STOP,
}


class TgiEngine:
    """Made inside the event loop that uses it. Raises Misconfigured (EngineMissing) without the client."""

    def __init__(self, name: TgiName, key: str | None = None, answer_seconds: float = ANSWER_SECONDS) -> None:
        if importlib.util.find_spec("text_generation") is None:
            raise Misconfigured(
                "EngineMissing",
                f"endpoint tgi:{name.url}: its client is not installed here: pip install 'seedmill[tgi]'; "
                f"or use the server's OpenAI-compatible routes: {name.url}/v1",
            )
        self._name = name
        self._key = key
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        module: Any = importlib.import_module("text_generation")
        self._message: Any = importlib.import_module("text_generation.types").Message
        self._client: Any = module.AsyncClient(name.url, headers=self._headers)
        # Its own timeout is one number for everything, and a connection that nobody accepts would take all of it.
        self._client.timeout = aiohttp.ClientTimeout(total=answer_seconds, sock_connect=CONNECT_SECONDS)

    async def close(self) -> None:
        """Nothing to end: each attempt has a connection of its own."""

    async def list_models(self) -> list[str]:
        """The model of `/info`. Raises Unavailable (away) and Misconfigured (no such server, key refused)."""
        url = f"{self._name.url}/info"
        timeout = aiohttp.ClientTimeout(total=INFO_SECONDS, sock_connect=CONNECT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session,
                session.get(url, allow_redirects=False) as response,
            ):
                raw = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            meaning = self._meaning(error)
            raise Unavailable("TeacherUnreachable", str(meaning)) if isinstance(meaning, Trouble) else meaning from None
        said = self._shown(raw.decode(errors="replace"))
        if response.status in (401, 403):
            raise self._unauthorized(f"{url} answered {response.status}: {said}")
        if response.status >= 500 or response.status == 429:
            raise Unavailable("TeacherUnavailable", f"{url} answered {response.status}: {said}")
        try:
            return [str(orjson.loads(raw)["model_id"])]
        except (ValueError, KeyError, TypeError):
            raise self._another_server(f"{url} answered {response.status}: {said!r}") from None

    async def attempt(self, request: GenerationRequest) -> Answer:
        """One prompt. Raises Trouble, ItemError, Misconfigured."""
        try:
            match request.call.api:
                case Api.COMPLETIONS:
                    text, reason, written = await self._generate(request)
                    read = None
                case Api.CHAT:
                    text, reason, read, written = await self._chat(request)
        except Exception as error:  # the client lets through whatever aiohttp, json and pydantic raise
            raise self._meaning(error) from None
        text, finish = cut_at_stop(text, _FINISH.get(reason, FinishReason.OTHER), request.prompt.stop)
        return Answer(
            Completion(
                text=text,
                finish_reason=finish,
                prompt_tokens=estimate(request.prompt.size_bytes) if read is None else read,
                completion_tokens=written,
                model=request.call.model,
            ),
            estimated=read is None,
        )

    async def _generate(self, request: GenerationRequest) -> tuple[str, str, int]:
        """Text, finish reason, tokens written."""
        sampling = request.call.sampling
        parameters: dict[str, Any] = {
            "max_new_tokens": sampling.max_tokens,
            "stop_sequences": list(request.prompt.stop[:COMMON_STOP_LIMIT]),  # more are refused; all are cut here
            "top_p": _top_p(sampling),
        }
        if sampling.temperature > 0:
            parameters |= {"do_sample": True, "temperature": sampling.temperature, "seed": request.seed}
        if not self._name.stream:
            whole = await self._client.generate(request.prompt.text, **parameters)
            return whole.generated_text, whole.details.finish_reason.value, whole.details.generated_tokens
        async with aclosing(self._client.generate_stream(request.prompt.text, **parameters)) as events:
            async for event in events:
                if event.details is not None:
                    details = event.details
                    return event.generated_text or "", details.finish_reason.value, details.generated_tokens
        raise Trouble(Kind.FAILED, f"{self._name.url} broke off its stream")

    async def _chat(self, request: GenerationRequest) -> tuple[str, str, int | None, int]:
        """Text, finish reason, tokens read (None where it is not said) and written."""
        sampling = request.call.sampling
        answer = await self._client.chat(
            [self._message(role=turn.role, content=turn.content) for turn in request.prompt.messages],
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=_top_p(sampling),
            seed=request.seed,
        )
        choice = answer.choices[0]
        text = choice.message.content or ""
        usage: dict[str, Any] = answer.usage or {}
        written = usage.get("completion_tokens")
        read = usage.get("prompt_tokens") if isinstance(written, int) else None
        return text, choice.finish_reason, read, written if isinstance(written, int) else estimate(len(text.encode()))

    def _meaning(self, error: Exception) -> Trouble | ServiceError:
        """What an exception of the client, or of what it is made of, says."""
        url = self._name.url
        said = self._shown(str(error)) or type(error).__name__
        match error:
            case Trouble() | ServiceError():
                return error
            case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
                return Misconfigured("TlsFailed", f"{url}: {said}")
            case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
                number = error.errno or 0
                reason = os.strerror(number) if number > 0 else said
                return Trouble(Kind.UNREACHABLE, f"no connection to {url}: {reason}; start the server there")
            case TimeoutError():
                return Trouble(Kind.SILENT, f"{url} did not answer within {self._client.timeout.total:g} s")
            case aiohttp.ContentTypeError():
                return self._of_another_page(error.status, f"{url} answered {error.status} with no JSON: {said}")
            case aiohttp.ClientError() | OSError():
                return Trouble(Kind.FAILED, f"{url} broke the connection: {said}")
            case _:
                return self._of_client(error, type(error).__name__, f"{url}: {said}", said)

    def _of_client(self, error: Exception, name: str, message: str, said: str) -> Trouble | ServiceError:
        """The client's own classes; all others mean a body that holds no completion."""
        if not type(error).__module__.startswith("text_generation"):
            return Trouble(Kind.UNREADABLE, f"{self._name.url} answered with no completion: {name} {said}")
        if name in OF_PROMPT:
            return ItemError("ContextExceeded" if is_about_context(said) else "PromptRefused", message)
        if name == "NotFoundError":
            return Misconfigured("RouteNotServed", f"{message}: the server lacks this route; is teacher.api right?")
        return Trouble(TROUBLES.get(name, Kind.FAILED), message)

    def _of_another_page(self, status: int, message: str) -> Trouble | ServiceError:
        """A body that is no JSON: a proxy's, most likely."""
        if status in (401, 403):
            return self._unauthorized(message)
        if status in (429, 503):
            return Trouble(Kind.REFUSED, message)
        if status >= 500:
            return Trouble(Kind.FAILED, message)
        return self._another_server(message)

    def _unauthorized(self, message: str) -> Misconfigured:
        mend = "is it the right one in" if self._key else "none was sent: set"
        return Misconfigured("Unauthorized", f"{message} (the key: {mend} SEEDMILL_TEACHER_KEY)")

    def _another_server(self, message: str) -> Misconfigured:
        return Misconfigured("NotATgiServer", f"{message}; is it Text Generation Inference?")

    def _shown(self, text: str) -> str:
        """One line without the key."""
        return one_line(text.replace(self._key, "[key]") if self._key else text)


def _top_p(sampling: Sampling) -> float | None:
    """The client takes what is between 0 and 1 alone; 1 means all, as nothing does."""
    return sampling.top_p if sampling.top_p < 1 else None
