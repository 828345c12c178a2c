"""How much memory a large run takes beside a small one, how fast it resumes after SIGKILL, and its replay.

    .venv/bin/python benchmarks/scale.py [--rows 100000] [--small 10000] [--store s3|directory] [--report FILE]

OSS-Instruct, one LLM step a row, default gates and journal on, against `scale_teacher.py`. First a run of `--small`
rows, then one of `--rows`, killed (SIGKILL) at nine tenths of its rows and begun again; each in a store of its own, and
each replayed. With `--written` the journal of the large run up to there is written by this program, as a run would have
written it, instead of made by a run; the next process walks all of it, is killed, and the one behind it is measured.
Peak RSS is VmHWM of each process, over all processes of its kind. Time to resume is from the start of
the process to the first prompt that it pays for. Loopback only; scratch files and stores lie below --folder.
"""

import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from scale_journal import write_journal
from scale_teacher import MODEL
from seedmill.storage import open_store
from support.s3_server import running_versitygw

BIN = Path(sys.executable).parent
KILL_AT = 0.9
POLL_SECONDS = 0.25
WINDOW = 256
DOCUMENTS_A_FILE = 50_000
PROJECTS = 200


@dataclass(slots=True)
class Run:
    """What was seen of one run."""

    rows: int
    seconds: float = 0.0
    resume_seconds: float = 0.0
    resume_cpu_seconds: float = 0.0
    walk_seconds: float = 0.0
    walk_cpu_seconds: float = 0.0
    replay_seconds: float = 0.0
    disk_bytes: int = 0
    replayed: str = ""
    peak_bytes: dict[str, int] = field(default_factory=dict)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--small", type=int, default=10_000, help="0: none")
    parser.add_argument("--store", choices=["s3", "directory"], default="s3")
    parser.add_argument("--written", action="store_true", help="write the large run's journal")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--report", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="scale-") as name, teacher() as url:
        folder = Path(name)
        runs = [
            measured(folder / f"run-{rows}", rows, url, options, kill=rows == options.rows)
            for rows in (options.small, options.rows)
            if rows
        ]
    text = report(runs, options.store)
    print(text)
    if options.report:
        options.report.write_text(text, encoding="utf-8")
    return 0 if all(run.replayed == "identical" for run in runs) else 1


def measured(folder: Path, rows: int, url: str, options: argparse.Namespace, *, kill: bool) -> Run:
    """A whole run, and its replay; with `kill` it is killed on its way."""
    folder.mkdir()
    scratch = folder / "scratch"
    scratch.mkdir()
    file = write_run(folder, rows, url)
    run = Run(rows)
    with the_store(folder, options.store) as (uri, environment):
        environment = {**os.environ, **environment, "TMPDIR": str(scratch), "XDG_CACHE_HOME": str(folder / "cache")}
        environment["SEEDMILL_CACHE"] = str(Path("~/.cache/seedmill").expanduser())
        os.environ.update({name: environment[name] for name in environment if name.startswith(("AWS", "SEEDMILL"))})
        command = [BIN / "seedmill", "run", file, "--workdir", uri, "--teacher", url]
        log = folder / "run.log"
        if kill and options.written:
            _ = until_prompts(command, environment, log, url, run, 1)
            store = open_store(uri)
            (prefix,) = {
                key.key.removesuffix("/run.json") for key in store.list("runs/") if key.key.endswith("run.json")
            }
            write_journal(store, prefix, int(0.98 * rows))
            run.walk_seconds, run.walk_cpu_seconds = until_prompts(command, environment, log, url, run, 1)
            run.resume_seconds, run.resume_cpu_seconds = until_prompts(command, environment, log, url, run, 1)
        elif kill:
            run.seconds += until_prompts(command, environment, log, url, run, int(KILL_AT * rows))[0]
            run.resume_seconds, run.resume_cpu_seconds = until_prompts(command, environment, log, url, run, 1)
        started = time.monotonic()
        with process(command, environment, log) as last, watched(last.pid, run):
            status = last.wait()
        assert status == 0, log.read_text()[-2000:]
        run.seconds += time.monotonic() - started
        started = time.monotonic()
        command = [BIN / "seedmill", "replay", file, "--workdir", uri, "--json"]
        with process(command, environment, folder / "replay.log") as replay, watched(replay.pid, run, "replay"):
            replay.wait()
        run.replay_seconds = time.monotonic() - started
        facts = json.loads((folder / "replay.log").read_text())
        run.replayed = "identical" if facts["identical"] and facts["rows"] == rows else str(facts)
        run.disk_bytes = sum(path.stat().st_size for path in (folder / "store").rglob("*") if path.is_file())
    shutil.rmtree(folder)
    return run


def until_prompts(
    command: list[object], environment: dict[str, str], log: Path, url: str, run: Run, prompts: int
) -> tuple[float, float]:
    """Start a process and kill it when it has sent so many prompts; the seconds until then, and CPU of all of it."""
    started, before = time.monotonic(), answered(url)
    with process(command, environment, log) as running, watched(running.pid, run):
        while answered(url) - before < prompts:
            assert running.poll() is None, log.read_text()[-2000:]
            time.sleep(0.05)
        seconds, cpu = time.monotonic() - started, cpu_seconds(running.pid)
        running.send_signal(signal.SIGKILL)
        running.wait()
    time.sleep(2)  # its services end by themselves
    return seconds, cpu


@contextlib.contextmanager
def teacher() -> Iterator[str]:
    """The URL of a teacher."""
    command = [sys.executable, str(Path(__file__).with_name("scale_teacher.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def answered(url: str) -> int:
    """How many prompts the teacher has answered."""
    with urllib.request.urlopen(f"{url}/stats") as answer:
        return int(json.loads(answer.read())["answered"])


@contextlib.contextmanager
def the_store(folder: Path, kind: str) -> Iterator[tuple[str, dict[str, str]]]:
    """URI and environment of an empty store whose files lie in `folder`/store."""
    if kind == "directory":
        yield str(folder / "store"), {}
        return
    built = subprocess.run([ROOT / "tools" / "build", "--path", "versitygw"], capture_output=True, text=True)
    assert built.returncode == 0, "an S3 server is missing; get it with: make s3-server"
    binary = Path(built.stdout.strip())
    with running_versitygw(binary, folder / "store") as server:
        yield f"s3://{server.new_bucket()}", server.environment


@contextlib.contextmanager
def process(command: list[object], environment: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A command with its output in a log; killed if it still lives at the end."""
    with log.open("wb") as output:
        running = subprocess.Popen(list(map(str, command)), env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield running
        finally:
            if running.poll() is None:
                running.kill()
            running.wait()


@contextlib.contextmanager
def watched(pid: int, run: Run, role: str = "") -> Iterator[None]:
    """Note the peaks of a process and of all below it, until the context is left."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(POLL_SECONDS):
            for each in [pid, *children(pid)]:
                with contextlib.suppress(OSError, ValueError, IndexError):
                    name = role or role_of(each)
                    status = Path(f"/proc/{each}/status").read_text()
                    peak = 1024 * int(status.split("VmHWM:")[1].split()[0])
                    run.peak_bytes[name] = max(run.peak_bytes.get(name, 0), peak)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def children(pid: int) -> list[int]:
    """All processes below a process."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                found += [child, *children(child)]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of all below it."""
    ticks = 0
    for each in [pid, *children(pid)]:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def role_of(pid: int) -> str:
    """What a process of `seedmill run` is: the service it serves, or the run's own."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    for service in ("seeding", "inference", "execution", "aggregation"):
        if service in words:
            return service
    return "run" if "run" in words else "workers of seeding"


def write_run(folder: Path, rows: int, url: str) -> Path:
    """A corpus with enough functions, no two of them equal, and a resource that asks for so many rows."""
    corpus = folder / "corpus"
    corpus.mkdir()
    luck = random.Random(rows)
    documents = rows + rows // 50 + 100
    for first in range(0, documents, DOCUMENTS_A_FILE):
        with (corpus / f"part-{first:08d}.jsonl").open("w", encoding="utf-8") as file:
            for number in range(first, min(documents, first + DOCUMENTS_A_FILE)):
                body = "\n".join(f"    value_{luck.randrange(10**9)} = {luck.randrange(10**9)}" for _ in range(8))
                project = f"project{number % PROJECTS}"
                document = {
                    "content": f"def function_{number}(value):\n{body}\n    return value_{number}\n",
                    "path": f"{project}/file{number // 100 % 50}.py",
                    "repo": project,
                    "license": "MIT",
                    "language": "python",
                }
                file.write(json.dumps(document) + "\n")
    resource = {
        "apiVersion": "seedmill.dev/v1alpha1",
        "kind": "DatasetGeneration",
        "metadata": {"name": f"scale-{rows}"},
        "spec": {
            "recipe": {"ossInstruct": {"maxLines": 15}},
            "seeds": {"corpus": {"uri": str(corpus), "licenses": {"allow": ["MIT"]}}},
            "teacher": {"model": MODEL, "api": "Chat", "sampling": {"maxTokens": 512}},
            "target": {"acceptedSamples": rows},
            "maxInFlight": WINDOW,
        },
    }
    file = folder / "run.yaml"
    file.write_text(json.dumps(resource), encoding="utf-8")
    return file


def seconds(value: float, cpu: float) -> str:
    return f"{value:.1f} (CPU {cpu:.1f})" if value else "-"


def report(runs: list[Run], store: str) -> str:
    """The figures as Markdown."""
    where = "an S3 server (versitygw)" if store == "s3" else "a directory"
    machine = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    lines = [
        "# A run of many rows",
        "",
        f"`benchmarks/scale.py`: OSS-Instruct against a scripted teacher, default gates, a window of {WINDOW}.",
        f"The journal lies in {where} on this machine ({machine}).",
        "",
        "| | " + " | ".join(f"{run.rows:,} rows" for run in runs) + " |",
        "|---|" + "---|" * len(runs),
    ]
    roles = sorted({role for run in runs for role in run.peak_bytes})
    lines += [
        f"| peak RSS, {role}, MiB | " + " | ".join(f"{run.peak_bytes.get(role, 0) / 2**20:.0f}" for run in runs) + " |"
        for role in roles
    ]
    lines += [
        "| whole run, s | " + " | ".join(f"{run.seconds:.0f}" for run in runs) + " |",
        "| start, walking the whole journal, s | "
        + " | ".join(seconds(run.walk_seconds, run.walk_cpu_seconds) for run in runs)
        + " |",
        "| start after SIGKILL, behind a checkpoint, s | "
        + " | ".join(seconds(run.resume_seconds, run.resume_cpu_seconds) for run in runs)
        + " |",
        "| replay, s | " + " | ".join(f"{run.replay_seconds:.0f}" for run in runs) + " |",
        "| replay's dataset | " + " | ".join(run.replayed for run in runs) + " |",
        "| disk, bytes a row | " + " | ".join(f"{run.disk_bytes / run.rows:,.0f}" for run in runs) + " |",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
