"""The routes of a provider's batches: files up, a batch over them, its state, files down (OpenAI's Batch API).

One call is one request: nothing is tried again here. What goes wrong is Misconfigured, or a Trouble that may pass.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import aiohttp
import orjson

from seedmill.inference.answers import parse_json
from seedmill.inference.batch_lines import BatchError
from seedmill.inference.refusals import error_of, one_line, read_refusal
from seedmill.inference.retry import Kind, Trouble, retry_after_seconds
from seedmill.serving.errors import Misconfigured

CONNECT_SECONDS = 10.0
CALL_SECONDS = 60.0
FILE_SECONDS = 900.0
WINDOW = "24h"
MADE_BY = {"made_by": "seedmill"}
"""Metadata by which batches of this service are known again."""
PAGE = 100


class State(StrEnum):
    """Where a batch is; what providers write beyond these counts as UNDER_WAY."""

    UNDER_WAY = "under way"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ProvidersBatch:
    """A batch as the provider tells of it. Times are Unix seconds; file ids are empty where there is no file."""

    id: str
    state: State
    input_file: str
    output_file: str = ""
    error_file: str = ""
    created_at: float = 0.0
    ours: bool = False
    errors: tuple[BatchError, ...] = ()


class BatchProvider:
    """Made inside the event loop that uses it, ended with `close`. `base_url` is like https://host/v1."""

    def __init__(self, base_url: str, key: str | None = None) -> None:
        self.base_url = base_url
        self._key = key
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            trust_env=not any(f"//{host}" in base_url for host in ("127.0.0.1", "localhost", "[::1]")),
        )

    async def close(self) -> None:
        await self._session.close()

    async def upload(self, raw: bytes) -> str:
        """A file of lines; gives its id."""
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", raw, filename="seedmill.jsonl", content_type="application/jsonl")
        return _text(await self._json("POST", "/files", data=form, seconds=FILE_SECONDS), "id", self.base_url)

    async def create(self, file_id: str, route: str) -> ProvidersBatch:
        """Hand a file in."""
        fields = {
            "input_file_id": file_id,
            "endpoint": route,
            "completion_window": WINDOW,
            "metadata": MADE_BY,
        }
        headers = {"Content-Type": "application/json"}
        return self._batch(await self._json("POST", "/batches", data=orjson.dumps(fields), headers=headers))

    async def state_of(self, batch_id: str) -> ProvidersBatch:
        return self._batch(await self._json("GET", f"/batches/{batch_id}"))

    async def cancel(self, batch_id: str) -> None:
        await self._json("POST", f"/batches/{batch_id}/cancel")

    async def since(self, unix_seconds: float) -> list[ProvidersBatch]:
        """The batches that were created after a time, newest first."""
        found: list[ProvidersBatch] = []
        after = ""
        while True:
            page = await self._json("GET", f"/batches?limit={PAGE}" + (f"&after={after}" if after else ""))
            listed = page.get("data")
            batches = [
                self._batch(cast("dict[str, Any]", each))
                for each in (cast("list[Any]", listed) if isinstance(listed, list) else [])
                if isinstance(each, dict)
            ]
            found += [each for each in batches if each.created_at >= unix_seconds]
            if not batches or page.get("has_more") is not True or batches[-1].created_at < unix_seconds:
                return found
            after = batches[-1].id

    async def content(self, file_id: str) -> bytes:
        """A file's bytes."""
        return await self._exchange("GET", f"/files/{file_id}/content", seconds=FILE_SECONDS)

    def _batch(self, fields: dict[str, Any]) -> ProvidersBatch:
        status = fields.get("status")
        metadata, errors = fields.get("metadata"), fields.get("errors")
        listed = cast("dict[str, Any]", errors).get("data") if isinstance(errors, dict) else None
        return ProvidersBatch(
            id=_text(fields, "id", self.base_url),
            state=State(status) if status in tuple(State) else State.UNDER_WAY,
            input_file=str(fields.get("input_file_id") or ""),
            output_file=str(fields.get("output_file_id") or ""),
            error_file=str(fields.get("error_file_id") or ""),
            created_at=float(fields.get("created_at") or 0),
            ours=isinstance(metadata, dict) and MADE_BY.items() <= cast("dict[str, str]", metadata).items(),
            errors=tuple(
                BatchError(
                    str(each.get("code") or ""),
                    one_line(str(each.get("message") or "")),
                    each.get("line") if isinstance(each.get("line"), int) else None,
                )
                for each in (cast("list[dict[str, Any]]", listed) if isinstance(listed, list) else [])
            ),
        )

    async def _json(
        self,
        method: str,
        path: str,
        *,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = CALL_SECONDS,
    ) -> dict[str, Any]:
        raw = await self._exchange(method, path, data=data, headers=headers, seconds=seconds)
        return parse_json(raw, self.base_url + path)

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = CALL_SECONDS,
    ) -> bytes:
        """The body of a 200. Raises Trouble and Misconfigured."""
        url = self.base_url + path
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
        try:
            async with self._session.request(
                method, url, data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                raw = await response.read()
        except (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch) as error:
            raise Misconfigured("TlsFailed", f"{url}: {self._shown(str(error))}") from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else self._shown(str(error))
            raise Trouble(Kind.UNREACHABLE, f"no connection to {url}: {reason}") from None
        except TimeoutError:
            raise Trouble(Kind.SILENT, f"{url} did not answer within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            broke = self._shown(str(error)) or type(error).__name__
            raise Trouble(Kind.FAILED, f"{url} broke the connection: {broke}") from None
        if response.status in (200, 201):
            return raw
        pause = retry_after_seconds(response.headers.get("Retry-After"), time.time())
        refusal = read_refusal(response.status, raw.replace((self._key or "\0").encode(), b"[key]"), pause)
        error = error_of(refusal, url, "", (), with_key=bool(self._key))
        if isinstance(error, Trouble) or error.reason == "Unauthorized":
            raise error
        reason = "NotABatchProvider" if response.status in (404, 405, 501) else "BatchRefused"
        raise Misconfigured(reason, f"{url} answered {refusal.status}: {refusal.message}")

    def _shown(self, text: str) -> str:
        return one_line(text.replace(self._key, "[key]") if self._key else text)


def _text(fields: dict[str, Any], name: str, url: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Misconfigured("NotABatchProvider", f"{url} answers without {name!r}: has it OpenAI's Batch API?")
    return value
