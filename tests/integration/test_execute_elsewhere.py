"""`seedmill execute` with services that run elsewhere: the same verdicts as here, waiting, and Ctrl-C."""

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cluster.certificates import Authority
from support.cli import result_of, seedmill, watched
from support.requirements import require
from support.tls_folders import tls_folder

PROGRAM = {"language": "python", "program": "def one():\n    return 1\n", "tests": "assert one() == 1\n"}
MIXED = [
    {"id": "pass", **PROGRAM},
    {"id": "pass by token", **PROGRAM, "tests": "import subprocess\nassert one() == 1\n"},
    {"id": "fail", **PROGRAM, "tests": "assert one() == 2\n"},
    {"id": "fail while exiting", **PROGRAM, "program": "import sys\ndef one():\n    sys.exit(0)\n"},
    {"id": "error", **PROGRAM, "program": "def one(:\n"},
    {"id": "timeout", **PROGRAM, "program": "def one():\n    while True:\n        pass\n", "timeout_seconds": 1},
    {"id": "memory", **PROGRAM, "tests": "x = b'x' * (300 << 20)\nassert one() == 1\n", "memory_bytes": 64 << 20},
    {"id": "output", **PROGRAM, "tests": "print('x' * (2 << 20))\nassert one() == 1\n"},
    {"id": "incomplete", **PROGRAM, "tests": "assert one() == 1\nimport sys\nsys.exit(0)\n"},
    {"id": "vacuous", **PROGRAM, "tests": "one()\n"},
    {"id": "error: environment", **PROGRAM, "environment": "no-such-set"},
    {"id": "error: language", **PROGRAM, "language": "klingon"},
    {"id": "error: memory", **PROGRAM, "memory_bytes": 1 << 60},
    {"id": "error: isolation", **PROGRAM, "isolation": "far away"},
    {"id": "error: no tests", "language": "python", "program": ""},
]
TELLING = ("status", "reason", "verdict", "downgrade", "asserts", "environment", "sandbox", "language")


def write(file: Path, lines: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def read(file: Path) -> dict[str, dict[str, Any]]:
    """What tells about a program, by its id."""
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert len({each["id"] for each in found}) == len(found)
    return {each["id"]: {name: each.get(name) for name in TELLING} for each in found}


@pytest.mark.parametrize("level", ["process", "gvisor"])
def test_services_elsewhere_give_the_verdicts_that_one_here_gives(level: str, tmp_path: Path):
    if level == "gvisor":
        require("runsc")
    isolation = ("--isolation", "process" if level == "process" else "pooled")
    programs = write(tmp_path / "programs", MIXED)
    assert seedmill("execute", "-i", programs, "-o", tmp_path / "here", *isolation).returncode == 0
    addresses = [f"unix:{tmp_path}/{name}.sock" for name in ("one", "two")]
    serve = ("serve", "execution", "--isolation", level, "--workers", "1", "--address")
    with watched(*serve, addresses[0]) as one, watched(*serve, addresses[1]) as two:
        one.until("ready")
        two.until("ready")
        more = [*isolation, "--execution", addresses[0], "--execution", addresses[1], "--json"]
        totals = result_of(seedmill("execute", "-i", programs, "-o", tmp_path / "there", *more))
    here, there = read(tmp_path / "here"), read(tmp_path / "there")
    assert there == here
    expected = {each["id"]: each["id"].split(":")[0].split()[0] for each in MIXED}
    assert {each: found["status"] for each, found in here.items()} == expected
    assert totals["statuses"] == dict(Counter(expected.values()))
    assert totals["downgraded"] == sum(bool(found["downgrade"]) for found in here.values()) > 0
    assert totals["languages"]["klingon"] == {"error": 1}
    assert totals["seconds"] > 1


def test_a_service_that_is_away_is_waited_for_and_said_once(tmp_path: Path):
    programs = write(tmp_path / "programs", MIXED[:1])
    address = f"unix:{tmp_path}/late.sock"
    files = ("-i", programs, "-o", tmp_path / "verdicts")
    with watched("execute", *files, "--isolation", "process", "--execution", address) as client:
        client.until(f"waiting for the execution service at {address}: ")
        time.sleep(3)  # several tries
        assert client.process.poll() is None
        with watched("serve", "execution", "--isolation", "process", "--address", address):
            done = client.end()
    assert done.returncode == 0, done.stderr
    assert "pass 1" in done.stdout
    assert len([line for line in client.said if line.startswith("waiting")]) == 1


def test_a_service_behind_tls_is_used_with_its_certificates_alone(tmp_path: Path):
    require("openssl")
    authority = Authority(tmp_path / "authority")
    serving = tls_folder(authority, tmp_path / "serving", "execution")
    calling = tls_folder(authority, tmp_path / "calling", "run")
    programs = write(tmp_path / "programs", MIXED[:2])
    serve = ("serve", "execution", "--isolation", "process", "--address", "127.0.0.1:0", "--tls", serving)
    with watched(*serve) as service:
        address = json.loads(service.until("ready"))["address"]
        files = ("-i", programs, "-o", tmp_path / "verdicts")
        call = ("execute", *files, "--isolation", "process", "--execution", address)
        with watched(*call) as without:
            without.until("waiting for the execution service at ")
            without.process.send_signal(signal.SIGINT)
            assert without.end().returncode == 130
        assert (tmp_path / "verdicts").read_text() == ""
        assert result_of(seedmill(*call, "--tls", calling, "--json"))["statuses"] == {"pass": 2}


def test_ctrl_c_keeps_what_is_done_and_the_next_call_does_the_rest(tmp_path: Path):
    slow = {**PROGRAM, "tests": "import time\ntime.sleep(0.2)\nassert one() == 1\n"}
    programs = write(tmp_path / "programs", [{"id": str(n), **slow} for n in range(60)])
    options = ("-i", programs, "-o", tmp_path / "verdicts", "--isolation", "process", "--workers", "2")
    with watched("execute", *options) as client:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (
            (tmp_path / "verdicts").exists() and os.path.getsize(tmp_path / "verdicts")
        ):
            time.sleep(0.05)
        client.process.send_signal(signal.SIGINT)
        assert client.end(30).returncode == 130
    before = (tmp_path / "verdicts").read_text().splitlines()
    assert client.said == [f"stopped: {len(before)} verdicts are in {tmp_path}/verdicts; run the same again to go on"]
    assert 0 < len(before) < 60
    assert {json.loads(line)["status"] for line in before} == {"pass"}
    done = seedmill("execute", *options, "--json")
    assert result_of(done)["statuses"] == {"pass": 60}
    assert (tmp_path / "verdicts").read_text().splitlines()[: len(before)] == before
