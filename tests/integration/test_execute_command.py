"""`seedmill execute`: a verdict for each line, going on where it stopped, and files it cannot use."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.cli import result_of, seedmill
from support.small_disks import mounted

GOOD = {"language": "python", "program": "def one():\n    return 1\n", "tests": "assert one() == 1\n"}
LINES = [
    json.dumps({"id": "right", **GOOD}),
    json.dumps({"id": "wrong", **GOOD, "tests": "assert one() == 2\n"}),
    "not json",
    json.dumps({"id": "untested", "language": "python", "program": ""}),
]
STATUSES = {1: "pass", 2: "fail", 3: "error", 4: "error"}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    file = tmp_path / "programs.jsonl"
    file.write_text("\n".join(LINES) + "\n")
    return file


def execute(programs: Path, verdicts: Path, *more: str) -> Any:
    return seedmill("execute", "--input", programs, "--output", verdicts, "--isolation", "process", *more)


def read(verdicts: Path) -> dict[int, dict[str, Any]]:
    """Verdicts by line number, each line once."""
    found = [json.loads(line) for line in verdicts.read_text().splitlines()]
    assert len({each["line"] for each in found}) == len(found)
    return {each["line"]: each for each in found}


def refused(done: Any) -> str:
    """The one line that it answered."""
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line.removeprefix("seedmill: ")


def test_each_line_gets_a_verdict_whatever_it_says_and_the_terminal_gets_the_totals(programs: Path, tmp_path: Path):
    done = execute(programs, tmp_path / "verdicts.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"4 verdicts in {tmp_path}/verdicts.jsonl: error 2, fail 1, pass 1; tests ran 0.")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
    found = read(tmp_path / "verdicts.jsonl")
    assert {line: each["status"] for line, each in found.items()} == STATUSES
    assert found[3]["reason"].startswith("input line 3: not JSON")
    assert found[4]["reason"] == "input line 4: tests must be text"


def test_it_goes_on_behind_a_line_that_was_torn(programs: Path, tmp_path: Path):
    verdicts = tmp_path / "verdicts.jsonl"
    kept = b'{"id":"right","line":1,"status":"timeout","reason":"kept"}\n'
    verdicts.write_bytes(kept + b'{"id":"wrong","li')
    done = execute(programs, verdicts, "--json")
    totals = result_of(done)
    assert (totals["total"], totals["statuses"]) == (4, {"error": 2, "fail": 1, "timeout": 1})
    assert verdicts.read_bytes().startswith(kept)
    assert {line: each["status"] for line, each in read(verdicts).items()} == STATUSES | {1: "timeout"}


def test_files_that_cannot_be_used_are_said_and_left_as_they_are(programs: Path, tmp_path: Path):
    missing = refused(execute(tmp_path / "no.jsonl", tmp_path / "out"))
    assert missing.startswith(f"--input {tmp_path}/no.jsonl: No such file or directory; give a file of JSON lines")
    assert not (tmp_path / "out").exists()
    assert refused(execute(programs, tmp_path / "no" / "out")) == f"{tmp_path}/no/out: No such file or directory"
    assert refused(execute(programs, programs)).endswith("holds something else than verdicts; give another --output")
    assert programs.read_text().splitlines() == LINES
    (tmp_path / "other").write_text('{"id":"another","line":1,"status":"pass"}\n')
    assert "holds a verdict on line 1 for id 'another', the input has 'right'" in refused(
        execute(programs, tmp_path / "other")
    )


def test_a_full_disk_ends_it_in_one_line_and_no_verdict_is_lost(programs: Path, tmp_path: Path):
    programs.write_text("".join(json.dumps({"id": str(n), "program": "x" * 90}) + "\n" for n in range(400)))
    with mounted(tmp_path / "disk", 24) as disk:
        line = refused(execute(programs, disk / "verdicts"))
        assert line.startswith(f"{disk}/verdicts: No space left on device; make room there, then run again")
        before = (disk / "verdicts").read_bytes()
        assert before
    (tmp_path / "verdicts").write_bytes(before)  # there is more room here
    assert result_of(execute(programs, tmp_path / "verdicts", "--json"))["total"] == 400
    after = (tmp_path / "verdicts").read_bytes()
    assert after.startswith(before[: before.rindex(b"\n") + 1])
    assert len(read(tmp_path / "verdicts")) == 400
