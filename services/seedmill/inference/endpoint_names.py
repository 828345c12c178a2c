"""How an endpoint is written, and the one URL that each spelling means.

openai:http://host:8000/v1         any OpenAI-compatible server; the prefix may be left out
embedded:                          the small model that `seedmill setup model` installs, run in this process
embedded:/path/model.gguf          any GGUF file, run in this process
vllm:/models/x?max-model-len=8192  a model in vLLM, run in this process; what follows the ? are vLLM's own arguments
tgi:http://host:8080               Text Generation Inference, through its own client; ?stream=true: token by token
openai-batch:https://host/v1       a provider's Batch API: half the price, and up to a day
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from seedmill.serving.errors import Misconfigured

SPELLINGS = (
    "http://host:port/v1",
    "openai:http://host:port/v1",
    "embedded:",
    "embedded:/path/to/model.gguf",
    "vllm:/path/to/model?max-model-len=8192",
    "tgi:http://host:port",
    "openai-batch:https://host/v1",
)
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


@dataclass(frozen=True, slots=True)
class VllmName:
    """A model in vLLM in this process: a folder, or a name that vLLM looks up in its hub.

    `arguments` are vLLM's, without the dashes before them, as they were given.
    """

    model: str
    arguments: tuple[tuple[str, str], ...] = ()

    @property
    def served(self) -> str:
        """The name that prompts ask for: `served-model-name`, else a folder's own name, else the model as written."""
        named = dict(self.arguments).get("served-model-name")
        is_path = self.model.startswith(("/", ".")) or Path(self.model).is_dir()
        return named or (Path(self.model).resolve().name if is_path else self.model)

    def __str__(self) -> str:
        return f"vllm {self.model}"


@dataclass(frozen=True, slots=True)
class TgiName:
    """A Text Generation Inference server; `url` has no slash at its end. `stream`: texts come token by token."""

    url: str
    stream: bool = False

    def __str__(self) -> str:
        return f"tgi {self.url}"


@dataclass(frozen=True, slots=True)
class BatchName:
    """A provider that has OpenAI's Batch API; `base_url` as of OpenAiName."""

    base_url: str

    def __str__(self) -> str:
        return f"openai-batch {self.base_url}"


EndpointName = OpenAiName | EmbeddedName | VllmName | TgiName | BatchName


def parse_endpoints(texts: Sequence[str]) -> list[EndpointName]:
    """Read the endpoints of one service. Raises as `parse_endpoint`, and EnginesExclude."""
    names = [parse_endpoint(text) for text in texts]
    if any(isinstance(name, VllmName) for name in names) and any(isinstance(name, TgiName) for name in names):
        raise Misconfigured(
            "EnginesExclude",
            "vllm: and tgi: cannot be endpoints of one service, since they need different releases of huggingface-hub: "
            "start one service for each, or name the TGI server by its OpenAI-compatible routes (http://host:port/v1)",
        )
    return names


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
        case "vllm":
            return _vllm(rest)
        case "openai-batch":
            return BatchName(base_url(rest))
        case "tgi":
            return _tgi(rest)
        case _:
            raise Misconfigured("InvalidEndpoint", f"endpoint {text!r} is none of {', '.join(SPELLINGS)}")


def _vllm(rest: str) -> VllmName:
    model, _, query = rest.partition("?")
    if not model:
        raise Misconfigured("InvalidEndpoint", f"endpoint 'vllm:{rest}' names no model: write vllm:/path/to/folder")
    pairs = [piece.partition("=") for piece in query.split("&")] if query else []
    arguments = tuple((unquote(name).lstrip("-").replace("_", "-"), unquote(value)) for name, _, value in pairs)
    names = [name for name, _ in arguments]
    if "" in names:
        raise Misconfigured("InvalidEndpoint", f"endpoint 'vllm:{rest}': write vllm:MODEL?name=value&name=value")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Misconfigured("InvalidEndpoint", f"endpoint 'vllm:{rest}' says {twice[0]} twice")
    if "model" in names:
        raise Misconfigured("InvalidEndpoint", f"endpoint 'vllm:{rest}': the model stands before the ?")
    return VllmName(str(Path(model).expanduser()) if model.startswith("~") else model, arguments)


def _tgi(rest: str) -> TgiName:
    url, _, query = rest.partition("?")
    if query not in ("", "stream=true", "stream=false"):
        raise Misconfigured("InvalidEndpoint", f"endpoint 'tgi:{rest}': stream=true is all that may follow the ?")
    base = base_url(url)
    return TgiName(base.removesuffix("/v1"), query == "stream=true")


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
