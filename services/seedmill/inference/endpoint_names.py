"""How an endpoint is written, and the one URL that each spelling means.

openai:http://host:8000/v1    any OpenAI-compatible server; the prefix may be left out
embedded:                     the small model that `seedmill setup model` installs, run in this process
embedded:/path/model.gguf     any GGUF file, run in this process
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from seedmill.serving.errors import Misconfigured

_ROUTES = ("/chat/completions", "/completions", "/models")


@dataclass(frozen=True, slots=True)
class OpenAiName:
    """An OpenAI-compatible server; `base_url` has no slash at its end, routes are added to it."""

    base_url: str

    def __str__(self) -> str:
        return f"openai {self.base_url}"


@dataclass(frozen=True, slots=True)
class EmbeddedName:
    """A GGUF file in this process; without a path, the model of the cache."""

    path: Path | None = None

    def __str__(self) -> str:
        return f"embedded {self.path}" if self.path else "embedded"


EndpointName = OpenAiName | EmbeddedName


def parse_endpoint(text: str) -> EndpointName:
    """Read an endpoint. Raises Misconfigured (InvalidEndpoint) with what is allowed."""
    kind, _, rest = text.strip().partition(":")
    match kind.lower():
        case "openai":
            return OpenAiName(base_url(rest))
        case "http" | "https":
            return OpenAiName(base_url(text))
        case "embedded":
            return EmbeddedName(Path(rest).expanduser() if rest else None)
        case _:
            raise Misconfigured(
                "InvalidEndpoint",
                f"endpoint {text!r} is none of http://host:port/v1, openai:http://host:port/v1, embedded: and "
                "embedded:/path/to/model.gguf",
            )


def base_url(text: str) -> str:
    """`http://h:8000`, `http://h:8000/v1/` and `http://h:8000/v1/chat/completions` all mean `http://h:8000/v1`.

    A server with a path of its own (`https://host/openai/v1`, `http://gateway/team-a`) is taken at its word.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Misconfigured("InvalidEndpoint", f"teacher URL {text!r}: {error}") from None
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise Misconfigured("InvalidEndpoint", f"teacher URL {text!r} is not like http://host:port/v1")
    if parts.username is not None or parts.password is not None:
        raise Misconfigured(
            "InvalidEndpoint", f"teacher URL for {host}: a key does not belong in a URL; set SEEDMILL_TEACHER_KEY"
        )
    if parts.query or parts.fragment:
        raise Misconfigured("InvalidEndpoint", f"teacher URL for {host}: leave out what follows the ? or #")
    path = parts.path.rstrip("/")
    for route in _ROUTES:
        if path.endswith(route):
            path = path.removesuffix(route)
            break
    shown_host = f"[{host}]" if ":" in host else host
    authority = shown_host if port is None else f"{shown_host}:{port}"
    return f"{parts.scheme.lower()}://{authority}{path or '/v1'}"
