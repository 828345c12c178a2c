"""`seedmill execute` with a service that runs elsewhere, lines that say what they need, and Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.cli import result_of, seedmill

PROGRAM = {"language": "python", "program": "def one():\n    return 1\n", "tests": "assert one() == 1\n"}
COMMAND = (sys.executable, "-m", "seedmill.cli")


@contextmanager
def serving(address: str, *more: str) -> Iterator[None]:
    server = subprocess.Popen([*COMMAND, "serve", "execution", "--isolation", "process", "--address", address, *more])
    try:
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def write(file: Path, lines: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def read(file: Path) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in map(json.loads, file.read_text().splitlines())}


def test_lines_say_what_they_need_and_a_service_elsewhere_runs_them(tmp_path: Path):
    lines = [
        {"id": "right", **PROGRAM},
        {"id": "by token", **PROGRAM, "tests": "import subprocess\nassert one() == 1\n"},
        {"id": "large", **PROGRAM, "tests": "x = b'x' * (200 << 20)\nassert one() == 1\n", "memory_bytes": 64 << 20},
        {"id": "fresh", **PROGRAM, "isolation": "fresh"},
        {"id": "far", **PROGRAM, "isolation": "far away"},
        {"id": "with packages", **PROGRAM, "environment": "no-such-set"},
        {"id": "too much", **PROGRAM, "memory_bytes": 1 << 60},
        {"id": "foreign", **PROGRAM, "language": "klingon"},
    ]
    programs = write(tmp_path / "programs", lines)
    with serving(f"unix:{tmp_path}/here.sock"):
        more = ("--isolation", "process", "--execution", f"unix:{tmp_path}/here.sock", "--json")
        done = seedmill("execute", "-i", programs, "-o", tmp_path / "verdicts", *more)
    totals = result_of(done)
    assert totals["statuses"] == {"error": 5, "memory": 1, "pass": 2}
    assert totals["languages"]["klingon"] == {"error": 1}
    assert totals["downgrades"] == 1
    assert totals["seconds"] > 0
    found = read(tmp_path / "verdicts")
    assert found["fresh"]["reason"] == "IsolationNotAllowed: Fresh; the service has Process"
    assert found["far"]["reason"].startswith("input line 5: isolation must be one of pooled, fresh, process")
    assert found["with packages"]["reason"].startswith("EnvironmentUnknown: 'no-such-set' is not there")
    assert found["too much"]["reason"].startswith("input line 7: memory_bytes must be between")
    assert found["foreign"]["reason"].startswith("LanguageUnknown")


def test_totals_name_languages_and_downgrades(tmp_path: Path):
    lines = [
        {"id": "a", **PROGRAM},
        {"id": "b", **PROGRAM, "language": "klingon"},
        {"id": "c", **PROGRAM, "tests": "import subprocess\nassert one() == 1\n"},
    ]
    programs = write(tmp_path / "programs", lines)
    done = seedmill("execute", "-i", programs, "-o", tmp_path / "verdicts", "--isolation", "process")
    first, *rest = done.stdout.splitlines()
    assert first.startswith(f"3 verdicts in {tmp_path}/verdicts: pass 2, error 1; tests ran ")
    assert rest == ["  klingon: error 1", "  python: pass 2", "  judged by Token because Strict does not fit: 1"]


def test_a_service_that_is_away_is_waited_for_and_said(tmp_path: Path):
    programs = write(tmp_path / "programs", [{"id": "right", **PROGRAM}])
    address = f"unix:{tmp_path}/late.sock"
    options = ["-i", str(programs), "-o", str(tmp_path / "verdicts"), "--isolation", "process", "--execution", address]
    client = subprocess.Popen(
        [*COMMAND, "execute", *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert client.stderr is not None
    assert client.stderr.readline().startswith("waiting for the execution service: ")
    assert client.poll() is None
    with serving(address):
        said, _ = client.communicate(timeout=60)
    assert client.returncode == 0
    assert "pass 1" in said


def test_what_the_service_does_not_offer_is_refused_in_a_line(tmp_path: Path):
    programs = write(tmp_path / "programs", [{"id": "right", **PROGRAM}])
    with serving(f"unix:{tmp_path}/here.sock"):
        done = seedmill(
            "execute", "-i", programs, "-o", tmp_path / "verdicts", "--execution", f"unix:{tmp_path}/here.sock"
        )
    assert done.returncode == 2
    assert done.stderr.startswith("seedmill: isolation Pooled is not offered by the service, which has Process")
    assert len(done.stderr.splitlines()) == 1
    both = seedmill("execute", "-i", programs, "-o", tmp_path / "v", "--execution", "unix:/x", "--workers", "2")
    assert (both.returncode, len(both.stderr.splitlines())) == (2, 1)
    assert "--workers" in both.stderr


def test_ctrl_c_keeps_what_is_done_and_the_next_call_does_the_rest(tmp_path: Path):
    slow = {**PROGRAM, "tests": "import time\ntime.sleep(0.2)\nassert one() == 1\n"}
    programs = write(tmp_path / "programs", [{"id": str(n), **slow} for n in range(60)])
    options = ["-i", str(programs), "-o", str(tmp_path / "verdicts"), "--isolation", "process", "--workers", "2"]
    client = subprocess.Popen([*COMMAND, "execute", *options], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (
        (tmp_path / "verdicts").exists() and os.path.getsize(tmp_path / "verdicts")
    ):
        time.sleep(0.05)
    client.send_signal(signal.SIGINT)
    _, said = client.communicate(timeout=30)
    assert client.returncode == 130
    assert "Traceback" not in said
    before = (tmp_path / "verdicts").read_text().splitlines()
    assert 0 < len(before) < 60
    assert {json.loads(line)["status"] for line in before} == {"pass"}
    done = seedmill("execute", *options, "--json")
    assert result_of(done)["statuses"] == {"pass": 60}
    assert (tmp_path / "verdicts").read_text().splitlines()[: len(before)] == before
