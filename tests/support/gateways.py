"""A gateway before HTTP servers, and prompts for it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from seedmill.inference.endpoint import Endpoint
from seedmill.inference.gateway import Gateway
from seedmill.inference.limit import Limit
from seedmill.inference.openai_engine import OpenAiEngine
from seedmill.records.generation import Api, GenerationRequest, Message, ModelCall, Prompt, Sampling
from support.scripted_http import MODEL


def ask(text: str = "hello", model: str = MODEL, api: Api = Api.CHAT, stop: tuple[str, ...] = ()) -> GenerationRequest:
    """A prompt with this text."""
    prompt = (
        Prompt(text=text, stop=stop) if api is Api.COMPLETIONS else Prompt(messages=(Message("user", text),), stop=stop)
    )
    return GenerationRequest(text, ModelCall(model, api, Sampling(max_tokens=16)), prompt, seed=7)


def text_of(body: dict) -> str:
    """The prompt's text, as a server was asked."""
    return body["prompt"] if "prompt" in body else body["messages"][-1]["content"]


@asynccontextmanager
async def gateway(
    *urls: str, key: str | None = None, answer_seconds: float = 5.0, first: float = 8.0, unhurried: str = ""
) -> AsyncGenerator[Gateway]:
    """Before these servers, each of which may have `first` prompts at once to begin with; the `unhurried` one may be
    slow."""
    made = Gateway(
        [
            Endpoint(
                OpenAiEngine(url, key, answer_seconds), f"openai {url}", Limit(first, 64), interactive=url != unhurried
            )
            for url in urls
        ]
    )
    try:
        yield made
    finally:
        await made.close()
