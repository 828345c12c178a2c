"""The engine `openai`: one OpenAI-compatible server, over HTTP.

Cancelling an attempt closes its connection, which is how such servers learn that nobody waits any more.
"""

import asyncio
import os
import time
from dataclasses import replace

import aiohttp
import orjson

from seedmill.inference.answers import Answer, read_answer, read_models
from seedmill.inference.dialect import Dialect, body, route, simpler
from seedmill.inference.refusals import Refusal, error_of, one_line, read_refusal
from seedmill.inference.retry import Kind, Trouble, retry_after_seconds
from seedmill.records.generation import GenerationRequest
from seedmill.serving.errors import Misconfigured, ServiceError, Unavailable

CONNECT_SECONDS = 10.0
MODELS_SECONDS = 30.0
ANSWER_SECONDS = 900.0
MOST_PAGES, PAGE_SECONDS = 3, 0.3
"""A web page instead of an answer: of a server that has answered before it is a proxy's, and passes as a 502 would. One
that has not may be no such server; it is asked so many times before that is said."""
ANSWER_VARIABLE = "SEEDMILL_ANSWER_SECONDS"
LARGEST_ANSWER_BYTES = 32 << 20
KEY_VARIABLES = ("SEEDMILL_TEACHER_KEY", "OPENAI_API_KEY")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def key_from_environment() -> str | None:
    """The API key, if any. It is sent to the endpoints of the command line and appears nowhere else."""
    return next((key for name in KEY_VARIABLES if (key := os.environ.get(name, "").strip())), None)


def answer_seconds_from_environment() -> float:
    """How long an answer may take. Raises Misconfigured when the variable holds no such number."""
    told = os.environ.get(ANSWER_VARIABLE, "").strip()
    try:
        seconds = float(told or ANSWER_SECONDS)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise Misconfigured("BadAnswerSeconds", f"{ANSWER_VARIABLE}={told} is no number of seconds above 0")
    return seconds


class OpenAiEngine:
    """Made inside the event loop that uses it, ended with `close`."""

    def __init__(self, base_url: str, key: str | None = None, answer_seconds: float | None = None) -> None:
        self._base_url = base_url
        self._key = key
        self._models: list[str] = []
        self._dialect = Dialect()
        self._has_answered = False
        within = answer_seconds_from_environment() if answer_seconds is None else answer_seconds
        self._answer_timeout = aiohttp.ClientTimeout(total=within, sock_connect=CONNECT_SECONDS)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            trust_env=not any(f"//{host}" in base_url for host in _LOOPBACK),
        )

    async def close(self) -> None:
        """Close the connections; requests under way are cut off."""
        await self._session.close()

    async def list_models(self) -> list[str]:
        """What the server says it serves. Raises Unavailable (away) and Misconfigured (no such server, key refused)."""
        url = f"{self._base_url}/models"
        timeout = aiohttp.ClientTimeout(total=MODELS_SECONDS, sock_connect=CONNECT_SECONDS)
        try:
            answer = await self._exchange("GET", url, None, timeout)
            if isinstance(answer, Refusal):
                raise _error_of_models(answer, url, with_key=bool(self._key))
            self._models = read_models(answer, url)
        except Trouble as trouble:
            reason = "TeacherUnreachable" if trouble.kind is Kind.UNREACHABLE else "TeacherUnavailable"
            raise Unavailable(reason, trouble.message) from None
        return self._models

    async def attempt(self, request: GenerationRequest) -> Answer:
        """One request, a second one where the server refuses a parameter. Raises Trouble, ItemError, Misconfigured."""
        url = self._base_url + route(request.call.api)
        dialect = self._dialect
        pages = 0
        while True:
            raw = await self._exchange("POST", url, orjson.dumps(body(request, dialect)), self._answer_timeout)
            try:
                answer = raw if isinstance(raw, Refusal) else read_answer(raw, request, url)
            except Misconfigured as error:
                pages += 1
                if self._has_answered:
                    raise Trouble(Kind.FAILED, error.message) from None
                if pages == MOST_PAGES:
                    raise
                await asyncio.sleep(PAGE_SECONDS)
                continue
            if not isinstance(answer, Refusal):
                self._has_answered = True
                self._dialect = dialect
                return answer
            other = simpler(dialect, answer, len(request.prompt.stop))
            if other is None:
                raise error_of(answer, url, request.call.model, self._models, with_key=bool(self._key))
            dialect = other

    async def _exchange(
        self, method: str, url: str, data: bytes | None, within: aiohttp.ClientTimeout
    ) -> bytes | Refusal:
        """The body of a 200, or what the server said instead. Raises Trouble when there was no whole answer."""
        headers = {"Content-Type": "application/json"} if data is not None else {}
        try:
            async with self._session.request(
                method, url, data=data, headers=headers, timeout=within, allow_redirects=False
            ) as response:
                raw = await _read(response, url)
        except (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch) as error:
            raise Misconfigured("TlsFailed", f"{url}: {self._shown(str(error))}") from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else str(getattr(error, "strerror", None) or error)
            mend = "start the server there, or correct the address"
            raise Trouble(Kind.UNREACHABLE, f"no connection to {url}: {self._shown(reason)}; {mend}") from None
        except TimeoutError:
            raise Trouble(Kind.SILENT, f"{url} did not answer within {within.total:g} s") from None
        except aiohttp.ClientResponseError as error:
            raise Misconfigured(
                "NotAnOpenAiServer", f"{url} does not speak HTTP: {self._shown(error.message)}"
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            broke = self._shown(str(error)) or type(error).__name__
            raise Trouble(Kind.FAILED, f"{url} broke the connection: {broke}") from None
        if response.status == 200:
            return raw
        pause = retry_after_seconds(response.headers.get("Retry-After"), time.time())
        refusal = read_refusal(response.status, raw, pause)
        return replace(refusal, message=self._shown(refusal.message))

    def _shown(self, text: str) -> str:
        """One line that may be shown: without the key, which some servers repeat."""
        return one_line(text.replace(self._key, "[key]") if self._key else text)


def _error_of_models(refusal: Refusal, url: str, *, with_key: bool) -> ServiceError | Trouble:
    """Every OpenAI-compatible server lists its models; one that refuses to is something else."""
    error = error_of(refusal, url, "", (), with_key=with_key)
    if isinstance(error, Trouble) or error.reason == "Unauthorized":
        return error
    return Misconfigured(
        "NotAnOpenAiServer",
        f"{url} answered {refusal.status}: {refusal.message}; is it the base URL (http://host:port/v1)?",
    )


async def _read(response: aiohttp.ClientResponse, url: str) -> bytes:
    """The whole body. Raises Misconfigured when it is larger than any completion."""
    size = response.content_length
    if size is not None and size <= LARGEST_ANSWER_BYTES:
        return await response.read()
    chunks: list[bytes] = []
    total = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        total += len(chunk)
        if total > LARGEST_ANSWER_BYTES:
            response.close()
            await asyncio.sleep(0)
            raise Misconfigured("NotAnOpenAiServer", f"{url} sent more than {LARGEST_ANSWER_BYTES >> 20} MiB")
    return b"".join(chunks)
