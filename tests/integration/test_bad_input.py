"""What commands answer to files, teachers and machines they cannot work with: an exit status and one clear line.

How a run ends is a table in docs/operations.md. What can never work ends with status 2; what is away is waited for.
"""

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seedmill.pipeline.progress import Phase
from support.cli import Watched, result_of, seedmill, start, watched
from support.small_disks import mounted
from support.specs import RUN, TAUGHT, write_spec
from support.teacher import TeacherServer

LONGEST_LINE = 300
S3_SETTINGS = ("SEEDMILL_S3_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
PHASES = tuple(phase.value for phase in Phase)

BAD_FILES: dict[str, tuple[str | bytes, list[str]]] = {
    "wrong field": (
        RUN.replace("acceptedSamples", "acceptedSample"),
        [
            ":10:3: spec.target.acceptedSamples: required field is missing",
            ":10:12: spec.target.acceptedSample: unknown field; did you mean acceptedSamples?",
        ],
    ),
    "two recipes": (
        RUN.replace("commentFunction: {}", "{commentFunction: {}, ossInstruct: {}}"),
        [":5:3: spec.recipe: exactly one of ossInstruct, selfOssInstruct, commentFunction must be given"],
    ),
    "empty": ("", [":1:1: the file is empty; it should hold a DatasetGeneration"]),
    "tab": ("spec:\n\trecipe: {}\n", [":2:1: a tab stands in the indentation; YAML allows spaces only"]),
    "not YAML": ("a: [1, 2\nb: 3\n", [":2:2: not YAML: while parsing a flow sequence"]),
    "binary": (bytes(range(256)) * 8, [":2:118: byte 0x80 is not UTF-8; save the file as UTF-8"]),
    "another version": (RUN.replace("v1alpha1", "v2"), [":1:13: apiVersion: must be seedmill.dev/v1alpha1"]),
    "another kind": (
        RUN.replace("kind: DatasetGeneration", "kind: Deployment"),
        [':2:7: kind: must be DatasetGeneration, not "Deployment"'],
    ),
    "unknown benchmark": (
        RUN + "  decontamination: {benchmarks: [HumanEval2]}\n",
        [":11:34: spec.decontamination.benchmarks[0]: there is no index of benchmark HumanEval2; did you mean"],
    ),
    "negative number": (
        RUN.replace("acceptedSamples: 3", "acceptedSamples: -3"),
        [":10:29: spec.target.acceptedSamples: must be at least 1, not -3"],
    ),
}


def error_lines(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """What it answered; beside that it said nothing but what it was doing."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    lines = done.stderr.splitlines()
    errors = [line.removeprefix("seedmill: ") for line in lines if line.startswith("seedmill: ")]
    assert [line for line in lines if not line.startswith(("seedmill: ", *PHASES))] == []
    assert all(len(line) <= LONGEST_LINE for line in errors), errors
    return errors


def error_line(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line it answered."""
    [line] = error_lines(done)
    return line


@pytest.fixture(scope="module")
def endpoint() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module", autouse=True)
def run_without_store(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Generator["subprocess.Popen[str]"]:
    """A run whose store does not answer. It is patient for 20 s, so it starts before all other tests."""
    settings = dict(zip(S3_SETTINGS, (endpoint, "a", "b"), strict=True))
    spec = write_spec(tmp_path_factory.mktemp("away"), RUN)
    process = start("run", spec, "--workdir", "s3://datasets/mine", **settings)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return write_spec(tmp_path, RUN)


@pytest.fixture
def taught(tmp_path: Path) -> Path:
    return write_spec(tmp_path, TAUGHT)


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_answered_with_line_field_and_what_is_allowed(name: str, tmp_path: Path):
    content, expected = BAD_FILES[name]
    file = tmp_path / "bad.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = error_lines(seedmill("run", file, "--workdir", tmp_path / "work"))
    assert all(line.startswith(f"{file}:") for line in found)
    assert len(found) == len(expected)
    assert all(any(part in line for line in found) for part in expected), found
    assert not (tmp_path / "work").exists()


def test_lint_says_the_same_of_all_files_at_once(tmp_path: Path):
    for name, (content, _) in BAD_FILES.items():
        (tmp_path / f"{name}.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = seedmill("lint", tmp_path, tmp_path / "nowhere.yaml")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    said = done.stdout.splitlines()
    for name, (_, expected) in BAD_FILES.items():
        mine = [line for line in said if line.startswith(f"{tmp_path / name}.yaml:")]
        assert all(any(part in line for line in mine) for part in expected), mine
    assert f"{tmp_path}/nowhere.yaml:1:1: cannot be read: No such file or directory" in said


@pytest.mark.parametrize("command", ["preview", "inspect", "replay"])
def test_other_commands_answer_a_bad_file_alike(command: str, tmp_path: Path):
    file = write_spec(tmp_path, BAD_FILES["two recipes"][0])
    assert "exactly one of" in error_line(seedmill(command, file))


def test_no_file_and_a_folder_as_the_file_are_said(tmp_path: Path):
    assert error_line(seedmill("run", tmp_path / "no.yaml")).endswith("cannot be read: No such file or directory")
    assert error_line(seedmill("run", tmp_path)).endswith("cannot be read: Is a directory; name a YAML file in it")


def test_an_option_out_of_range_is_named(spec: Path):
    done = seedmill("run", spec, "--limit", "0")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Usage: seedmill run" in done.stderr
    assert "Invalid value for '--limit'" in done.stderr


def test_a_missing_corpus_is_named_with_its_whole_path(tmp_path: Path):
    file = write_spec(tmp_path, RUN.replace("functions.jsonl", "nowhere"))
    line = error_line(seedmill("run", file, "--workdir", tmp_path / "work"))
    assert line == f"corpus {tmp_path}/nowhere: no such file or directory; correct seeds.corpus.uri"


def test_a_corpus_without_seeds_says_what_it_holds(tmp_path: Path):
    file = write_spec(tmp_path, RUN.replace("functions.jsonl", "corpus"))
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "main.rs").write_text("fn main() {}\n")
    line = error_line(seedmill("run", file, "--workdir", tmp_path / "work"))
    assert line.startswith(f"corpus {tmp_path}/corpus: no python source file; it holds rust 1")


@pytest.mark.parametrize(
    ("mode", "model", "key", "expected"),
    [
        ("normal", "gpt-9", "", ["model 'gpt-9' is not served by", "(served: scripted); correct teacher.model"]),
        ("unauthorized", "scripted", "sk-1", ["/v1/models answered 401", "is it the right one", "OPENAI_API_KEY"]),
        ("html", "scripted", "", ["does not answer like an OpenAI-compatible server", "<html>", "base URL"]),
    ],
    ids=["model not served", "wrong key", "web page"],
)
def test_a_teacher_that_cannot_work_is_said_with_its_url(
    mode: str, model: str, key: str, expected: list[str], taught: Path, tmp_path: Path
):
    with TeacherServer(mode=mode) as teacher:
        arguments = ("--teacher", teacher.url, "--model", model, "--workdir", tmp_path / "work")
        line = error_line(seedmill("run", taught, *arguments, OPENAI_API_KEY=key))
    assert all(part in line for part in [teacher.url, *expected]), line
    assert "sk-1" not in line
    assert not teacher.paid


def test_a_teacher_without_a_scheme_and_no_teacher_at_all_are_said(taught: Path, tmp_path: Path):
    line = error_line(seedmill("run", taught, "--teacher", "localhost:8000/v1"))
    assert line.startswith("endpoint 'localhost:8000/v1' is none of http://host:port/v1,")
    assert "give --teacher http://host:port/v1" in error_line(seedmill("preview", taught))


def test_a_teacher_that_is_away_is_waited_for_and_the_run_goes_on_when_it_comes(taught: Path, tmp_path: Path):
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1"
    with watched("run", taught, "--teacher", url, "--workdir", tmp_path / "work", "--json") as run:
        line = run.until("waiting")
        assert f"no connection to {url}/models: Connection refused; start the server there" in line
        time.sleep(3)
        with TeacherServer(port=port):
            done = run.end()
    assert done.returncode == 0, done.stderr
    assert [each for each in run.said if "waiting" in each] == [line]
    assert result_of(done)["ledger"]["accepted"] == 3


def test_a_teacher_that_closes_connections_is_waited_for_until_ctrl_c(taught: Path, tmp_path: Path):
    with (
        hanging_up() as url,
        watched("run", taught, "--teacher", url, "--workdir", tmp_path / "work") as run,
    ):
        assert f"{url}/models broke the connection" in run.until("waiting")
        done = interrupted(run)
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "stopped; what was durable is kept, run again to go on"
    assert "Traceback" not in done.stderr


def test_ctrl_c_while_a_command_is_loading_is_quiet(spec: Path, tmp_path: Path):
    with watched("run", spec, "--workdir", tmp_path / "work") as run:
        loaded = Path(f"/proc/{run.process.pid}/maps")
        while "pydantic_core" not in loaded.read_text():  # then it loads, and nothing is started yet
            assert run.process.poll() is None, run.said
        done = interrupted(run)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_while_services_start_is_quiet(taught: Path, tmp_path: Path):
    with started_services(taught, tmp_path) as run:
        done = interrupted(run)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert list((tmp_path / "t").iterdir()) == []


def test_what_a_killed_run_leaves_in_the_temporary_folder_goes_with_the_next_command(taught: Path, tmp_path: Path):
    with started_services(taught, tmp_path) as run:
        run.process.kill()
        run.end()
    assert [path.name.startswith("seedmill-run-") for path in (tmp_path / "t").iterdir()] == [True]
    (tmp_path / "programs.jsonl").touch()
    files = ("--input", tmp_path / "programs.jsonl", "--output", tmp_path / "verdicts.jsonl")
    done = seedmill("execute", *files, "--isolation", "process", TMPDIR=str(tmp_path / "t"))
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "t").iterdir()) == []


@pytest.mark.parametrize("place", ["", "new"], ids=["its root", "below"])
def test_a_read_only_workdir_is_said_before_anything_starts(place: str, spec: Path, tmp_path: Path):
    with mounted(tmp_path / "disk", 1024, read_only=True) as disk:
        line = error_line(seedmill("run", spec, "--workdir", disk / place))
    assert line.startswith(f"{disk / place}/runs/local/mine-")
    assert line.endswith("Read-only file system; make it a folder you can write, or give another --workdir")


def test_a_file_as_the_workdir_is_said(spec: Path):
    line = error_line(seedmill("run", spec, "--workdir", spec))
    assert line.endswith("Not a directory; make it a folder you can write, or give another --workdir")


@pytest.mark.parametrize("command", ["run", "execute"])
def test_without_gvisor_nothing_runs_and_both_ways_out_are_said(command: str, tmp_path: Path):
    file = write_spec(tmp_path, RUN.replace("  execution: {isolation: Process}\n", ""))
    (tmp_path / "programs.jsonl").touch()
    arguments = {
        "run": (file, "--workdir", tmp_path / "work"),
        "execute": ("--input", tmp_path / "programs.jsonl", "--output", tmp_path / "verdicts.jsonl"),
    }
    line = error_line(seedmill(command, *arguments[command], SEEDMILL_CACHE=str(tmp_path / "cache"), SEEDMILL_RUNSC=""))
    assert "`seedmill setup sandbox`" in line
    assert "--isolation=process" in line


def test_a_store_that_is_away_is_waited_for_and_named_with_its_endpoint(
    run_without_store: "subprocess.Popen[str]", endpoint: str
):
    assert run_without_store.stderr is not None
    line = next(line for line in run_without_store.stderr if "waiting" in line).strip()
    run_without_store.send_signal(signal.SIGINT)
    assert "store: reading s3://datasets/mine/runs/local/mine-" in line
    assert line.endswith(f"{endpoint} cannot be reached (Connection refused); check the endpoint and the network")
    assert run_without_store.wait(60) == 130


def test_a_store_without_settings_is_answered_with_their_names(spec: Path):
    line = error_line(seedmill("run", spec, "--workdir", "s3://datasets/mine", **dict.fromkeys(S3_SETTINGS, "")))
    assert all(name in line for name in S3_SETTINGS)


@pytest.mark.parametrize("command", ["inspect", "replay"])
def test_an_unknown_run_is_said(command: str, spec: Path, tmp_path: Path):
    line = error_line(seedmill(command, "nope", "--workdir", tmp_path))
    assert line == f"no run 'nope' in {tmp_path}: there is no run at all; does --workdir name its folder?"
    line = error_line(seedmill(command, spec, "--workdir", tmp_path))
    assert line == f"{spec} as it is now was not run in {tmp_path}: run it first, or name its --workdir"


def test_an_address_in_use_and_one_that_is_none_are_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = error_line(seedmill("serve", "execution", "--isolation", "process", "--address", address))
    assert line == f"cannot listen on {address}: Address already in use"
    line = error_line(seedmill("serve", "execution", "--address", "here"))
    assert line == "address 'here' is neither unix:/path nor host:port"


def test_with_json_errors_leave_stdout_empty(tmp_path: Path):
    file = write_spec(tmp_path, BAD_FILES["wrong field"][0])
    assert seedmill("run", file, "--json").stdout == ""
    assert [each["line"] for each in json.loads(seedmill("lint", file, "--json").stdout)] == [10, 10]


@contextmanager
def started_services(spec: Path, folder: Path) -> Generator[Watched]:
    """A run that has just begun to start its services; temporary folders go to `t`."""
    (folder / "t").mkdir()
    options = ("--teacher", "http://127.0.0.1:9/v1", "--workdir", folder / "work")
    with watched("run", spec, *options, TMPDIR=str(folder / "t")) as run:
        deadline = time.monotonic() + 30
        while not list(folder.glob("work/runs/local/*/logs/seeding-0.log")):
            assert time.monotonic() < deadline, run.said
            time.sleep(0.01)
        yield run


def interrupted(run: Watched) -> "subprocess.CompletedProcess[str]":
    """Ctrl-C, and how it ended."""
    run.process.send_signal(signal.SIGINT)
    return run.end(30)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def hanging_up() -> Generator[str]:
    """A server that takes every connection and closes it once it was asked something; its URL."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def hang_up() -> None:
            while True:
                try:
                    taken, _ = listening.accept()
                except OSError:
                    return
                with taken:
                    taken.recv(1000)

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)
