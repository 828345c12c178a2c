"""The in-process engine's life: what cannot start says why, and a process of vLLM that ends is started again."""

import asyncio
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from engines.vllm.programs import LOAD_SECONDS, Served, in_process_endpoint, inference_service, model_folder, until
from engines.vllm.test_answers import ask
from seedmill.inference.endpoint_names import VllmName, parse_endpoint
from seedmill.inference.vllm_arguments import engine_arguments
from seedmill.inference.vllm_engine import VllmEngine
from seedmill.records.generation import Api
from seedmill.serving.errors import Misconfigured, Unavailable


def named(query: str) -> VllmName:
    name = parse_endpoint(f"vllm:{model_folder('tiny-llama')}?{query}")
    assert isinstance(name, VllmName)
    return name


def test_arguments_mean_what_they_mean_to_vllm():
    arguments = engine_arguments(
        named("max_model_len=2k&enforce-eager&no-enable-prefix-caching&dtype=float16&gpu-memory-utilization=0.5")
    )
    assert arguments.model == str(model_folder("tiny-llama"))
    assert arguments.served_model_name in ("tiny-llama", ["tiny-llama"])
    assert arguments.max_model_len == 2000
    assert (arguments.enforce_eager, arguments.enable_prefix_caching) == (True, False)
    assert (arguments.dtype, arguments.gpu_memory_utilization) == ("float16", 0.5)
    assert engine_arguments(named("enforce-eager=false")).enforce_eager is False


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("max-modl-len=2048", "'max-modl-len'; is 'max-model-len' meant"),
        ("max-model-len=much", "max-model-len"),
        ("dtype=float33", "float33"),
        ("enforce-eager=perhaps", "'perhaps' is neither true nor false"),
        ("port=8000", "no argument 'port'"),
    ],
)
def test_an_argument_that_vllm_does_not_take_is_named_in_one_line(query: str, says: str):
    with pytest.raises(Misconfigured, match=says) as raised:
        engine_arguments(named(query))
    assert raised.value.reason == "EngineArguments"
    assert "\n" not in raised.value.message


async def test_what_cannot_be_loaded_is_named(tmp_path: Path):
    engine = VllmEngine(VllmName(str(tmp_path / "nothing")))
    try:
        with pytest.raises(Misconfigured, match="nothing") as raised:
            await engine.start()
    finally:
        await engine.close()
    assert raised.value.reason == "ModelUnusable"


def children(pid: int) -> list[int]:
    """All that descend from it."""
    own = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    threads = [each.name for each in Path(f"/proc/{pid}/task").iterdir() if each.name != str(pid)]
    for thread in threads:
        own += [int(each) for each in Path(f"/proc/{pid}/task/{thread}/children").read_text().split()]
    return own + [each for child in own for each in children(child)]


def engine_cores(pid: int) -> list[int]:
    return [each for each in children(pid) if "EngineCore" in Path(f"/proc/{each}/cmdline").read_text()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.timeout(900)
async def test_an_engine_that_ends_is_started_again_and_none_outlives_its_service(tmp_path: Path):
    def ready() -> bool:
        return served.metric("seedmill_inference_waiting") == 0 and is_serving(served)

    with inference_service(tmp_path, in_process_endpoint()) as served:
        async with served.client() as client:
            assert (await client.generate(ask("alive?", Api.CHAT))).text
            under_way = asyncio.create_task(client.generate(ask("long", Api.CHAT, max_tokens=400)))
            (core,) = engine_cores(served.pid)
            os.kill(core, signal.SIGKILL)
            with pytest.raises(Unavailable, match="is being started again"):
                await under_way
            await until(lambda: not is_serving(served), 10, "not ready while it loads")
            await until(ready, LOAD_SECONDS, "ready again")
            assert (await client.generate(ask("alive again?", Api.CHAT))).text

            family = children(served.pid)
            os.kill(served.pid, signal.SIGKILL)
            await until(lambda: not any(is_alive(each) for each in family), 20, "no process is left behind")


def is_serving(served: Served) -> bool:
    try:
        with urllib.request.urlopen(served.metrics_url.replace("/metrics", "/readyz"), timeout=5):
            return True
    except urllib.error.URLError:
        return False
