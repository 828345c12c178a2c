"""`seedmill execute`: a verdict for each line, going on where it stopped, and files it cannot use."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.cli import result_of, seedmill, watched
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
    first = f"4 verdicts in {tmp_path}/verdicts.jsonl: error 2, fail 1, pass 1; tests ran "
    assert re.fullmatch(re.escape(first) + r"\d+\.\d s\n", done.stdout)
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
    assert totals["languages"] == {"python": {"fail": 1}}, "what stood there before does not say its language"
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


def test_lines_may_say_more_than_the_options_and_a_wrong_word_is_that_lines_error(tmp_path: Path):
    file = tmp_path / "programs.jsonl"
    wide = "def one():\n    return len(bytearray(300 << 20))\n"
    lines = [
        {"id": "token", **GOOD, "verdict": "token"},
        {"id": "small", **GOOD, "program": wide, "memory_bytes": 100 << 20},
        {"id": "large", **GOOD, "program": wide, "memory_bytes": 800 << 20},
        {"id": "fresh", **GOOD, "isolation": "Fresh"},
        {"id": "apart", **GOOD, "isolation": "moon"},
        {"id": "rich", **GOOD, "environment": "python-moon"},
        {"id": "wordy", **GOOD, "memory_bytes": "much"},
        {"id": "other", **GOOD, "language": "klingon"},
        {"id": "unsure", **GOOD, "verdict": 1},
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = execute(file, tmp_path / "verdicts.jsonl")
    assert done.returncode == 0, done.stderr
    found = {each["id"]: each for each in read(tmp_path / "verdicts.jsonl").values()}
    assert found["token"]["verdict"] == "Token"
    assert found["small"]["status"] == "memory"
    assert found["large"]["status"] == "fail"
    assert found["fresh"]["reason"] == "input line 4: isolation Fresh is not offered by this service: Process"
    assert found["apart"]["reason"].startswith("input line 5: isolation is 'moon', and none of Pooled, Fresh, Process")
    assert found["rich"]["reason"].startswith("EnvironmentUnknown: 'python-moon' is not there")
    assert found["wordy"]["reason"].startswith("input line 7: memory_bytes must be between")
    assert found["other"]["reason"].startswith("LanguageUnknown")
    assert found["unsure"]["reason"] == "input line 9: verdict must be text"


def test_what_a_service_elsewhere_cannot_do_is_said_before_anything_runs(programs: Path, tmp_path: Path):
    address = f"unix:{tmp_path}/execution.sock"
    with watched("serve", "execution", "--address", address, "--isolation", "process") as serving:
        serving.until("serving")
        files = ("-i", programs, "-o", tmp_path / "out")
        line = refused(seedmill("execute", *files, "--execution", address))
    assert line == "isolation Pooled is not offered by this service, which has Process"
    line = refused(
        seedmill("execute", "-i", programs, "-o", tmp_path / "out", "--execution", address, "--workers", "2")
    )
    assert line == "--workers is for a service here; one elsewhere has its own"
    assert refused(execute(programs, tmp_path / "out", "--environment", "moon")).startswith("'moon' is not there")


def test_several_languages_are_told_apart_and_downgrades_are_said(tmp_path: Path):
    file = tmp_path / "programs.jsonl"
    bash = {"language": "bash", "program": "one() { echo 1; }", "tests": '[[ "$(one)" == 1 ]]'}
    file.write_text(json.dumps({"id": "p", **GOOD}) + "\n" + json.dumps({"id": "b", **bash}) + "\n")
    done = execute(file, tmp_path / "verdicts.jsonl")
    first, *rest = done.stdout.splitlines()
    assert first.startswith(f"2 verdicts in {tmp_path}/verdicts.jsonl: pass 2; tests ran ")
    assert rest == ["  bash: pass 1", "  python: pass 1", "  judged by Token, where Auto could not be strict: 1"]


def test_verdicts_that_were_known_are_told_and_their_seconds_count_once(tmp_path: Path):
    file = tmp_path / "programs.jsonl"
    slow = {**GOOD, "tests": "import time\ntime.sleep(0.5)\nassert one() == 1\n"}
    file.write_text("".join(json.dumps({"id": str(n), **slow}) + "\n" for n in range(20)))
    totals = result_of(execute(file, tmp_path / "verdicts.jsonl", "--workers", "1", "--json"))
    assert totals["statuses"] == {"pass": 20}
    known = sum(each["cached"] for each in read(tmp_path / "verdicts.jsonl").values())
    assert totals["cached"] == known > 0
    assert 0.5 <= totals["seconds"] / (20 - known) < 5


def test_lines_that_are_large_together_are_judged_each(tmp_path: Path):
    large = {**GOOD, "program": GOOD["program"] + "#" + "x" * (15 << 20)}
    file = tmp_path / "programs.jsonl"
    file.write_text("".join(json.dumps({"id": str(n), **large}) + "\n" for n in range(5)))
    done = execute(file, tmp_path / "verdicts.jsonl", "--json")
    assert result_of(done)["statuses"] == {"pass": 5}
