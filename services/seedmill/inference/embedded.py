"""A small model in this process: llama.cpp serves a GGUF file on a loopback port, and is an endpoint like any other.

llama.cpp splits its context over the slots, so the context is slots x the window of the default model: a few-shot
prompt and its answer fit, or the prompt is refused by name.

llama.cpp's threads wait for each other many times a token, by spinning, so as soon as one of them has lost its core to
a sandbox the others burn theirs: 72 tokens took 0.7 s on two idle cores, and up to 61 s beside other load. With a short
spin they take 0.7 s and 2.2 s.

A prompt that runs alone gives the same text for the same seed; beside others numbers are added in another order, and
what is sampled can differ. No run depends on it: what was answered is in its journal.
"""

import asyncio
import importlib
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from seedmill.inference.endpoint import Endpoint
from seedmill.inference.limit import Limit
from seedmill.inference.openai_engine import OpenAiEngine
from seedmill.inference.weights import FILE, MODEL_NAME, find_model
from seedmill.serving.errors import Misconfigured

SLOTS = 4
CONTEXT_TOKENS_PER_SLOT = 8192
ANSWER_SECONDS = 3600.0
"""A small machine that does other things too may write one token a second."""
BATCH_TOKENS = 512
SPIN_COUNT = "1000"


@asynccontextmanager
async def embedded_endpoint(path: Path | None = None) -> AsyncGenerator[Endpoint]:
    """Load the model and serve it while the context is open. Raises Misconfigured when it cannot be loaded."""
    weights = path or find_model()
    if weights is None:
        raise Misconfigured("ModelMissing", "the embedded model is not there: run `seedmill setup model`")
    if not weights.is_file():
        raise Misconfigured("ModelMissing", f"{weights} is not a file")
    name = MODEL_NAME if weights.name == FILE else weights.stem.lower()
    server = await asyncio.to_thread(_load, weights, name)
    url = str(server.listening_address).rstrip("/") + "/v1"
    endpoint = Endpoint(OpenAiEngine(url, answer_seconds=ANSWER_SECONDS), f"embedded {name}", Limit(SLOTS, SLOTS))
    try:
        yield endpoint
    finally:
        await endpoint.close()
        del server  # its destructor stops the threads


def _load(weights: Path, name: str) -> Any:
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)  # read when the engine's OpenMP is loaded
    try:
        llama: Any = importlib.import_module("xllamacpp")
    except ImportError:
        raise Misconfigured(
            "EngineMissing", "the embedded engine is not installed: pip install 'seedmill[embedded]'"
        ) from None
    parameters = llama.CommonParams()
    parameters.model.path = str(weights)
    parameters.model_alias = {name}
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * CONTEXT_TOKENS_PER_SLOT
    parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = os.cpu_count() or 1
    parameters.cache_ram_mib = 0
    parameters.port = 0
    parameters.ui = False
    parameters.verbosity = 0
    try:
        return llama.Server(parameters)
    except Exception as error:  # it raises RuntimeError and ValueError as it likes
        raise Misconfigured("ModelUnusable", f"{weights} cannot be loaded: {error}") from None
