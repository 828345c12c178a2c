"""The engine `vllm`: vLLM in the service's own process, without HTTP and JSON between.

Only vLLM's front half lives here (tokenizing, waiting); the model runs in child processes of vLLM's own. Prompts go to
it as tokens, made from text or from the tokenizer's chat template as vLLM's server makes them, and with the model's own
sampling defaults for what a prompt does not say. Loading takes minutes and blocks, so it has a thread, and the service
goes on answering its probes.

When the model's process ends, its prompts come back as troubles, so that the gateway asks another endpoint or the run
waits, and it is started again here, after a pause that doubles while that fails.

Prompts are handed over in the order they come. Those of one step begin with the same words, and vLLM keeps what it
computed for a beginning (`enable-prefix-caching`, on unless turned off), so sorting them would gain nothing.
"""

import asyncio
import importlib
import importlib.util
import inspect
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar, cast

import structlog

from seedmill.inference.answers import Answer
from seedmill.inference.endpoint_names import VllmName
from seedmill.inference.orphans import Orphans
from seedmill.inference.refusals import one_line
from seedmill.inference.retry import Kind, Trouble
from seedmill.inference.vllm_arguments import engine_arguments
from seedmill.records.generation import Api, Completion, FinishReason, GenerationRequest
from seedmill.serving.errors import ItemError, Misconfigured, ServiceError, Unavailable

ANSWER_SECONDS = 900.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LOOK_SECONDS = 0.5
BUSY_STATUS = 503
_ENVIRONMENT = {
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # a fork of a process that has gRPC's threads hangs
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
}
_FINISH = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A model that was loaded: vLLM's AsyncLLM, its tokenizer, and what the model's authors say of sampling."""

    llm: Any
    tokenizer: Any
    defaults: dict[str, Any]
    context_tokens: int


log = structlog.get_logger("seedmill.inference")


class VllmEngine:
    """Made inside the event loop that uses it, started with `start`, ended with `close` (also after a failed start)."""

    def __init__(self, name: VllmName, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._name = name
        self._answer_seconds = answer_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vllm")
        self._numbers = count()
        self._loaded: _Loaded | None = None
        self._why_away = f"vLLM has not loaded {name.model}"
        self._restart: asyncio.Task[None] | None = None
        self._orphans: Orphans | None = None

    async def start(self) -> int:
        """Load the model; gives how many prompts it works on in one step, at most.

        Raises Misconfigured: EngineMissing, EngineArguments, ModelUnusable.
        """
        if importlib.util.find_spec("vllm") is None:
            raise Misconfigured(
                "EngineMissing",
                f"endpoint vllm:{self._name.model}: vLLM is not installed here: pip install 'seedmill[vllm]' "
                "(Python 3.12 or 3.13, a GPU), or serve the model elsewhere and name its http://host:port/v1",
            )
        self._loaded = loaded = await self._load()
        return loaded.llm.vllm_config.scheduler_config.max_num_seqs

    async def close(self) -> None:
        """End the model's processes; attempts under way are cut off. A second time it does nothing."""
        if self._restart is not None and not self._restart.done():
            self._restart.cancel()
            await asyncio.gather(self._restart, return_exceptions=True)
            # Loading goes on in its thread, for minutes, and this process could not end before it.
            for child in multiprocessing.active_children():
                child.kill()
        orphans, self._orphans = self._orphans, None
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            await self._in_thread(loaded.llm.shutdown)
        if orphans is not None:
            await asyncio.to_thread(orphans.close)
        self._thread.shutdown(wait=False)

    @property
    def is_alive(self) -> bool:
        """Whether the model answers at present."""
        return self._loaded is not None and not self._loaded.llm.errored

    async def list_models(self) -> list[str]:
        """The one name it serves. Raises Unavailable while the model is being started again."""
        if self._living() is None:
            raise Unavailable("EngineDead", self._why_away)
        return [self._name.served]

    async def attempt(self, request: GenerationRequest) -> Answer:
        """One prompt, aborted in vLLM when this is cancelled. Raises Trouble, ItemError, Misconfigured."""
        loaded = self._living()
        if loaded is None:
            raise Trouble(Kind.UNREACHABLE, self._why_away)
        tokens = await self._in_thread(self._tokens, loaded, request)
        room = loaded.context_tokens - len(tokens)
        if room < 1:
            raise ItemError(
                "ContextExceeded",
                f"{self._name} has a context of {loaded.context_tokens} tokens, and the prompt alone has {len(tokens)}",
            )
        try:
            async with asyncio.timeout(self._answer_seconds):
                parameters = _parameters(loaded, request, room)
                output = await _output(loaded.llm, tokens, parameters, f"seedmill-{next(self._numbers)}")
        except TimeoutError:
            raise Trouble(Kind.SILENT, f"{self._name} did not answer within {self._answer_seconds:g} s") from None
        except Exception as error:  # vLLM's classes differ between its releases
            raise self._meaning(error) from None
        said = output.outputs[0]
        if said.finish_reason in ("abort", "error", None):
            raise Trouble(Kind.FAILED, f"{self._name} gave a prompt up ({said.finish_reason})")
        return Answer(
            Completion(
                text=said.text,
                finish_reason=_FINISH.get(said.finish_reason, FinishReason.OTHER),
                prompt_tokens=len(tokens),
                completion_tokens=len(said.token_ids),
                model=self._name.served,
            ),
            estimated=False,
        )

    async def _load(self) -> _Loaded:
        """Raises Misconfigured."""
        self._orphans = self._orphans or Orphans()
        making = asyncio.ensure_future(self._in_thread(self._make))
        while not making.done():
            await asyncio.wait([making], timeout=LOOK_SECONDS)
            self._orphans.watch(each.pid for each in multiprocessing.active_children() if each.pid is not None)
        llm = await making
        tokenizer = llm.get_tokenizer()
        return _Loaded(
            llm,
            await tokenizer if inspect.isawaitable(tokenizer) else tokenizer,
            llm.model_config.get_diff_sampling_param(),
            llm.model_config.max_model_len,
        )

    def _make(self) -> Any:
        """An AsyncLLM; in the thread. Raises Misconfigured."""
        for variable, value in _ENVIRONMENT.items():
            os.environ.setdefault(variable, value)
        arguments = engine_arguments(self._name)
        module: Any = importlib.import_module("vllm.v1.engine.async_llm")
        try:
            return module.AsyncLLM.from_engine_args(arguments)
        except Exception as error:  # torch, transformers and vLLM raise what they like
            said = one_line(str(error)) or type(error).__name__
            raise Misconfigured("ModelUnusable", f"vLLM cannot load {self._name.model}: {said}") from None

    def _living(self) -> _Loaded | None:
        """What is loaded. Where the model's process has ended, this is where it is noticed and started again."""
        loaded = self._loaded
        if loaded is not None and loaded.llm.errored:
            self._loaded = None
            self._why_away = f"vLLM's process of {self._name.model} has ended; it is being started again"
            log.error("vLLM has ended; its own lines above say why", model=self._name.model)
            self._restart = asyncio.create_task(self._start_again(loaded.llm))
        return self._loaded

    async def _start_again(self, dead: Any) -> None:
        await self._in_thread(dead.shutdown)
        del dead
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                self._loaded = await self._load()
                return
            except ServiceError as error:
                self._why_away = f"{error.message}; tried again in {pause:g} s"
                log.error("vLLM does not start", model=self._name.model, message=error.message)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _tokens(self, loaded: _Loaded, request: GenerationRequest) -> list[int]:
        """The prompt as vLLM's server would make it of the same request; in the thread, for it takes milliseconds."""
        try:
            match request.call.api:
                case Api.COMPLETIONS:
                    return list(loaded.tokenizer.encode(request.prompt.text))
                case Api.CHAT:
                    turns = [{"role": turn.role, "content": turn.content} for turn in request.prompt.messages]
                    made = loaded.tokenizer.apply_chat_template(
                        turns, add_generation_prompt=True, tokenize=True, return_dict=False
                    )
                    return cast("list[int]", list(made))
        except Exception as error:  # templates are programs of the model's authors
            said = one_line(str(error)) or type(error).__name__
            if request.call.api is Api.CHAT and not getattr(loaded.tokenizer, "chat_template", None):
                raise Misconfigured(
                    "RouteNotServed", f"{self._name} has no chat template: {said}; set teacher.api: Completions"
                ) from None
            raise ItemError("PromptRefused", f"{self._name} cannot make tokens of the prompt: {said}") from None

    def _meaning(self, error: Exception) -> Trouble | ItemError:
        """What vLLM's exception says of the prompt, or of itself."""
        said = one_line(str(error)) or type(error).__name__
        if self._living() is None:
            return Trouble(Kind.UNREACHABLE, self._why_away)
        if getattr(error, "http_status", None) == BUSY_STATUS:
            return Trouble(Kind.REFUSED, f"{self._name}: {said}")
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if isinstance(error, ValueError) or "VLLMClientError" in kinds:
            return ItemError("PromptRefused", f"{self._name} refuses the prompt: {said}")
        return Trouble(Kind.FAILED, f"{self._name} failed: {said}")

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)


def _parameters(loaded: _Loaded, request: GenerationRequest, room: int) -> Any:
    """SamplingParams; a completion may not be longer than the context has room for, as in vLLM's server.

    Raises ValueError for what vLLM does not take.
    """
    module: Any = importlib.import_module("vllm.sampling_params")
    sampling = request.call.sampling
    asked: dict[str, Any] = {
        **loaded.defaults,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": min(sampling.max_tokens, room),
        "seed": request.seed,
        "stop": list(request.prompt.stop),
        "output_kind": module.RequestOutputKind.FINAL_ONLY,
    }
    return module.SamplingParams(**asked)


async def _output(llm: Any, tokens: list[int], parameters: Any, request_id: str) -> Any:
    """The finished output. Leaving the generator early is what aborts the prompt."""
    prompt = {"type": "token", "prompt_token_ids": tokens}
    async with aclosing(llm.generate(prompt, parameters, request_id)) as outputs:
        return await anext(outputs)  # FINAL_ONLY: the first is the last
