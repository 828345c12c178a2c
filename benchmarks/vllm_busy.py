"""Whether seedmill keeps a real vLLM as busy as vLLM's own benchmark client does, over HTTP and in process.

    make vllm-tools && vllm=$(tools/engine --path vllm) && $vllm/bin/python tools/engine_models.py --busy
    PYTHONPATH=services:tests $vllm/bin/python benchmarks/vllm_busy.py [--pairs 5] [--report FILE.md]

One random Llama, large enough that a decode step takes 50 ms and more, is loaded twice: behind vLLM's server, and in an
inference service's own process. It knows no end of text, so that each completion has exactly the tokens that are asked
for, by everyone alike. In each round the same number of prompts is asked, equally many at once, by

client      vLLM's own benchmark client (`vllm.benchmarks.serve`), to vLLM's server
HTTP        the client of a run (`InferenceClient`), over gRPC to an inference service that asks the same server
in process  the client of a run, over gRPC to the inference service that holds the model

in an order that changes with the round. Prompts differ between rounds and ways, so that no cache helps. Output tokens/s
count from the first prompt sent to the last answer. vLLM's own `vllm:num_requests_running` is read four times a second
during all of them; between ramp (it is at its cap for the first time) and tail (fewer prompts are left than the cap) it
should be at its cap.
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engines.vllm.programs import Served, in_process_endpoint, inference_service, model_folder, vllm_server
from seedmill.inference.client import InferenceClient
from seedmill.records.generation import Api, GenerationRequest, ModelCall, Prompt, Sampling

MODEL = "busy"
CAP = 16
"""What vLLM works on at once (`max-num-seqs`)."""
AT_ONCE = 2 * CAP
"""What each client has in flight: completions of one length end together, and the next should be there by then."""
WORDS = ("def", "return", "import", "class", "self", "for", "in", "if", "not", "None", "raise", "with", "as", "while")
PROMPT_TOKENS = 16
"""Of everyone's prompts: where a step takes as long as it has tokens to compute, one to be read costs what one to be
written costs."""
SAMPLING = {"temperature": 0.7, "top_p": 0.95, "seed": 1}
LOOK_SECONDS = 0.25
STEP_TARGET_MS, RATE_TARGET, BUSY_TARGET, IN_PROCESS_TARGET = 50, 0.97, 0.97, 1.0
WAYS = ("client", "HTTP", "in process")
ARGUMENTS = {
    "served-model-name": MODEL,
    "dtype": "bfloat16",
    "max-model-len": "1024",
    "max-num-seqs": str(CAP),
    "enforce-eager": "",
}
BENCHMARK_CLIENT = """
import argparse
from vllm.benchmarks.serve import add_cli_args, main
parser = argparse.ArgumentParser()
add_cli_args(parser)
main(parser.parse_args())
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What vLLM says of itself at one moment (time.monotonic)."""

    at: float
    running: float
    finished: float


@dataclass(frozen=True, slots=True)
class Round:
    """What one way did with one round's prompts."""

    tokens_per_second: float
    busy: float
    """The share of looks at which the cap was reached, between ramp and tail."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`http` asks vLLM's server at `server_url`, `within` holds the model itself."""

    server_url: str
    http: Served
    within: Served
    prompts: int
    output_tokens: int
    folder: Path


def prompts(name: str, count: int) -> list[str]:
    """Texts of `PROMPT_TOKENS` that nobody has asked before."""
    from transformers import AutoTokenizer  # in vLLM's environment

    tokenizer = AutoTokenizer.from_pretrained(model_folder("busy-llama"))
    source = random.Random(name)
    found: list[str] = []
    while len(found) < count:
        words = source.choices(WORDS, k=PROMPT_TOKENS)
        texts = [" ".join(words[:n]) for n in range(1, len(words) + 1)]
        found += [text for text in texts if len(tokenizer.encode(text)) == PROMPT_TOKENS][:1]
    return found


def look(metrics_url: str) -> Look:
    with urllib.request.urlopen(metrics_url, timeout=10) as answer:
        text = answer.read().decode()

    def total(name: str) -> float:
        return sum(float(value) for value in re.findall(rf"^vllm:{name}{{.*}} (\S+)$", text, re.MULTILINE))

    return Look(time.monotonic(), total("num_requests_running"), total("request_success_total"))


@contextmanager
def looking(metrics_url: str) -> Generator[list[Look]]:
    """Look four times a second, in a thread, while the context is open."""
    looks = [look(metrics_url)]
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(LOOK_SECONDS):
            looks.append(look(metrics_url))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield looks
    finally:
        stop.set()
        thread.join()


def share_at_cap(looks: Sequence[Look], count: int) -> float:
    """Of the looks after the cap was first reached, and before fewer prompts than the cap are left."""
    before = looks[0].finished
    ramp = next((each.at for each in looks if each.running >= CAP), float("inf"))
    between = [each for each in looks if each.at >= ramp and each.finished - before <= count - CAP]
    return sum(each.running >= CAP for each in between) / max(1, len(between))


def with_benchmark_client(setting: Setting, name: str) -> float:
    """Output tokens/s, as vLLM's own client counts them."""
    result = setting.folder / f"{name}.json"
    arguments = {
        "backend": "openai",
        "base-url": setting.server_url,
        "model": MODEL,
        "tokenizer": str(model_folder("busy-llama")),
        "dataset-name": "random",
        "random-input-len": str(PROMPT_TOKENS),
        "random-output-len": str(setting.output_tokens),
        "seed": str(random.Random(name).randrange(2**31)),
        "num-prompts": str(setting.prompts),
        "max-concurrency": str(AT_ONCE),
        "temperature": str(SAMPLING["temperature"]),
        "top-p": str(SAMPLING["top_p"]),
        "extra-body": json.dumps({"seed": SAMPLING["seed"]}),
        "result-dir": str(setting.folder),
        "result-filename": result.name,
    }
    words = [word for option, value in arguments.items() for word in (f"--{option}", value)]
    flags = ["--disable-tqdm", "--save-result"]
    done = subprocess.run(
        [sys.executable, "-c", BENCHMARK_CLIENT, *words, *flags], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"vLLM's benchmark client failed: {done.stderr[-2000:]}")
    fields = json.loads(result.read_text())
    assert fields["completed"] == setting.prompts, fields
    assert fields["total_output_tokens"] == setting.prompts * setting.output_tokens, fields["total_output_tokens"]
    return fields["output_throughput"]


async def with_seedmill(served: Served, setting: Setting, name: str) -> float:
    """Output tokens/s through the inference service."""
    sampling = Sampling(SAMPLING["temperature"], SAMPLING["top_p"], setting.output_tokens)
    call = ModelCall(MODEL, Api.COMPLETIONS, sampling)
    waiting = iter(
        [
            GenerationRequest(text, call, Prompt(text=text), int(SAMPLING["seed"]))
            for text in prompts(name, setting.prompts)
        ]
    )
    async with served.client() as client:
        began = time.monotonic()
        tokens = await asyncio.gather(*(ask_in_turn(client, waiting) for _ in range(AT_ONCE)))
        took = time.monotonic() - began
    assert sum(tokens) == setting.prompts * setting.output_tokens, sum(tokens)
    return sum(tokens) / took


async def ask_in_turn(client: InferenceClient, waiting: Iterator[GenerationRequest]) -> int:
    """One after the other of what waits; gives the tokens that were written."""
    return sum([(await client.generate(request)).completion_tokens for request in waiting])


def run(way: str, number: int, setting: Setting, runner: asyncio.Runner) -> Round:
    """One round of one way. `runner` has the one event loop that gRPC knows in this process."""
    name = f"{way}-{number}".replace(" ", "-")
    served = setting.within if way == "in process" else setting.http
    with looking(served.metrics_url) as looks:
        if way == "client":
            rate = with_benchmark_client(setting, name)
        else:
            rate = runner.run(with_seedmill(served, setting, name))
    done = Round(rate, share_at_cap(looks, setting.prompts))
    print(f"round {number}, {way}: {rate:.1f} tokens/s, at the cap {100 * done.busy:.1f} %", flush=True)
    return done


def report(rounds: dict[str, list[Round]], setting: Setting) -> str:
    """The table, as Markdown."""
    rates = {way: [each.tokens_per_second for each in rounds[way]] for way in WAYS}
    step_ms = 1000 * CAP / statistics.median(rates["client"])

    def ratio(way: str, to: str) -> str:
        ratios = [a / b for a, b in zip(rates[way], rates[to], strict=True)]
        return f"{statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})"

    def busy(way: str) -> str:
        shares = [each.busy for each in rounds[way]]
        return f"{100 * statistics.median(shares):.1f} % ({100 * min(shares):.1f}-{100 * max(shares):.1f})"

    about = (
        f"Written by `benchmarks/vllm_busy.py`, which says what is measured. Medians of {len(rates['client'])} rounds, "
        f"with the extremes in brackets.\nMachine: {os.cpu_count()} CPUs, load average {os.getloadavg()[2]:.0f} over "
        f"the last 15 minutes; vLLM, service and clients run on it. {setting.prompts} prompts a round, "
        f"{setting.output_tokens} tokens each, {AT_ONCE} in flight, {CAP} at once."
    )

    def spread(values: Sequence[float]) -> str:
        return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"

    lines = [
        "# How busy a vLLM is kept",
        "",
        about,
        "",
        "| way | output tokens/s | at the cap |",
        "|---|---|---|",
        *(f"| {way} | {spread(rates[way])} | {busy(way)} |" for way in WAYS),
        "",
        "| what | measured | target |",
        "|---|---|---|",
        f"| a decode step of {CAP}, ms | {step_ms:.0f} | >= {STEP_TARGET_MS} |",
        f"| HTTP / client, by pairs | {ratio('HTTP', 'client')} | >= {RATE_TARGET} |",
        f"| in process / client, by pairs | {ratio('in process', 'client')} | >= {RATE_TARGET} |",
        f"| in process / HTTP, by pairs | {ratio('in process', 'HTTP')} | >= {IN_PROCESS_TARGET} |",
        f"| at the cap, over HTTP | {busy('HTTP')} | >= {100 * BUSY_TARGET:.0f} % |",
        f"| at the cap, in process | {busy('in process')} | >= {100 * BUSY_TARGET:.0f} % |",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5, help="rounds")
    parser.add_argument("--prompts", type=int, default=48, help="in a round; a multiple of the cap")
    parser.add_argument("--output-tokens", type=int, default=256)
    parser.add_argument("--report", type=Path, metavar="FILE.md")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what it started ends with it
    rounds: dict[str, list[Round]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="vllm-busy-") as scratch:
        folder = Path(scratch)
        folders = [folder / each for each in ("server", "http", "within")]
        for each in folders:
            each.mkdir()
        endpoint = in_process_endpoint("busy-llama", ARGUMENTS)
        with (
            vllm_server(folders[0], "busy-llama", ARGUMENTS) as url,
            inference_service(folders[1], f"{url}/v1", url) as http,
            inference_service(folders[2], endpoint) as within,
            asyncio.Runner() as runner,
        ):
            setting = Setting(url, http, within, options.prompts, options.output_tokens, folder)
            warm = Setting(url, http, within, CAP, 8, folder)
            for way in WAYS:
                run(way, -1, warm, runner)
            for number in range(options.pairs):
                for way in WAYS[number % 3 :] + WAYS[: number % 3]:
                    rounds[way].append(run(way, number, setting, runner))
    text = report(rounds, setting)
    print(text)
    if options.report:
        options.report.write_text(text)


if __name__ == "__main__":
    main()
