"""curator: `LLM(backend="openai")` with no limits of its own. Its cache in the folder is what it goes on with.

It asks the network for a tokenizer when it starts, so it gets one that counts a token for four characters.
"""

import os

from options import made, options

given = options()
os.environ["CURATOR_CACHE_DIR"] = str(given.folder / "cache")

import tiktoken  # noqa: E402


class _Characters:
    def encode(self, text: str, **_: object) -> list[int]:
        return [0] * (len(text) // 4)


tiktoken.get_encoding = tiktoken.encoding_for_model = lambda *_: _Characters()  # type: ignore[assignment]

from bespokelabs import curator  # noqa: E402
from datasets import Dataset  # noqa: E402


class Problem(curator.LLM):
    """One prompt, one answer."""

    def prompt(self, row: dict) -> str:
        return row["prompt"]

    def parse(self, row: dict, response: str) -> dict:
        return {"prompt": row["prompt"], "answer": response}


llm = Problem(
    model_name=given.model,
    backend="openai",
    backend_params={
        "base_url": given.url,
        "max_requests_per_minute": 10**9,
        "max_tokens_per_minute": 10**12,
        "max_concurrent_requests": given.at_once,
        "request_timeout": int(given.timeout),
        "require_all_responses": False,
    },
)
answered = llm(Dataset.from_dict({"prompt": given.prompts}))
answered = getattr(answered, "dataset", answered)
made(sum(1 for row in answered if row["answer"]))
