"""Programs that hold a real vLLM on this machine's CPU: its own server, and an inference service."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from socket import socket

import pytest

from seedmill.inference.client import InferenceClient
from seedmill.serving.channel import Channels
from support.requirements import ROOT

CONTEXT_TOKENS = 2048
MOST_AT_ONCE = 16
LOAD_SECONDS = 400.0
ARGUMENTS = {
    "served-model-name": "tiny",
    "dtype": "float32",
    "max-model-len": str(CONTEXT_TOKENS),
    "max-num-seqs": str(MOST_AT_ONCE),
    "enforce-eager": "",
    "distributed-executor-backend": "uni",
}
ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}


@dataclass(frozen=True, slots=True)
class Served:
    """An inference service before a vLLM: its address, and where vLLM's own metrics are."""

    endpoint: str
    address: str
    metrics_url: str
    pid: int

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[InferenceClient]:
        """Asks it, in this loop."""
        channels = Channels([self.address], "inference")
        client = InferenceClient(channels, "run")
        try:
            yield client
        finally:
            await client.close()
            await channels.close()

    def metric(self, name: str) -> float:
        """The sum of a metric's samples."""
        with urllib.request.urlopen(self.metrics_url, timeout=10) as answer:
            text = answer.read().decode()
        return sum(float(value) for value in re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


def model_folder(name: str) -> Path:
    """Where `make vllm-tools` puts it."""
    digest = sha256((ROOT / "tools" / "engine_models.py").read_bytes()).hexdigest()[:12]
    folder = Path(sys.prefix) / f"models-{digest}" / name
    assert folder.is_dir(), f"{folder} is missing: make vllm-tools"
    return folder


def in_process_endpoint(model: str = "tiny-llama", arguments: Mapping[str, str] = ARGUMENTS) -> str:
    """How the model is written as an endpoint; an argument without a value is a flag."""
    query = "&".join(f"{name}={value}" if value else name for name, value in arguments.items())
    return f"vllm:{model_folder(model)}?{query}"


def free_port() -> int:
    with closing(socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def running(command: Sequence[str], log: Path) -> Generator[subprocess.Popen[bytes]]:
    """A program of a session of its own, ended together with what it started."""
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(sys.path)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, start_new_session=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the URL answers 200."""
    until = time.monotonic() + LOAD_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, f"it ended:\n{log.read_text()[-3000:]}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"{url} did not answer within {LOAD_SECONDS:g} s:\n{log.read_text()[-3000:]}")


@contextmanager
def vllm_server(folder: Path, model: str = "tiny-llama", arguments: Mapping[str, str] = ARGUMENTS) -> Generator[str]:
    """vLLM's own server; yields its URL, without a path."""
    port = free_port()
    words = [word for name, value in arguments.items() for word in (f"--{name}", value) if word]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model_folder(model))]
    log = folder / "vllm.log"
    with running([*command, "--host", "127.0.0.1", "--port", str(port), *words], log) as process:
        wait_for(f"http://127.0.0.1:{port}/v1/models", process, log)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def inference_service(folder: Path, endpoint: str, vllm_url: str | None = None) -> Generator[Served]:
    """`seedmill serve inference` with one endpoint, once it is ready."""
    port = free_port()
    address, metrics = f"unix:{folder}/inference.sock", f"127.0.0.1:{port}"
    command = [sys.executable, "-m", "seedmill.cli", "serve", "inference", "--address", address]
    log = folder / "inference.log"
    with running([*command, "--metrics-address", metrics, "--endpoint", endpoint], log) as process:
        wait_for(f"http://{metrics}/readyz", process, log)
        yield Served(endpoint, address, f"{vllm_url or 'http://' + metrics}/metrics", process.pid)


async def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something, looking twice a second."""
    for _ in range(int(2 * seconds)):
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(0.5)
    pytest.fail(f"not within {seconds:g} s: {what}")
