"""`output.retention` as a user meets it, on a directory and on S3: what is left of a run that publishes often."""

import signal
import time
from pathlib import Path

import pytest

from support.cli import result_of, seedmill, watched
from support.s3_server import S3Server, troubled
from support.teacher import TeacherServer
from support.workplace import Workplace

TARGETS = (3, 6, 9)


def keeping(publications: int, seconds: int = 0) -> str:
    return f"  output: {{retention: {{publications: {publications}, ttlSecondsAfterSuperseded: {seconds}}}}}\n"


def left(workplace: Workplace) -> tuple[list[int], set[str]]:
    """Numbers of the publications, and digests of the datasets, that are there."""
    keys = [key.split("/") for key in workplace.objects() if key.startswith("runs/local/taught-")]
    numbers = {int(key[4].partition("-")[0]) for key in keys if key[3] == "publications"}
    return sorted(numbers), {key[4] for key in keys if key[3] == "dataset"}


def test_so_many_publications_stay_and_the_run_replays_and_goes_on(workplace: Workplace):
    said = [workplace.run(workplace.spec(target, more=keeping(2))) for target in TARGETS]
    digests = [each["digest"] for each in said]
    went = [(each["deleted"]["publications"], each["deleted"]["datasets"]) for each in said]
    assert went == [(0, 0), (0, 0), (0, 1)]
    assert [each["deleted"]["trouble"] for each in said] == [None] * 3
    assert left(workplace) == ([1, 2, 3], set(digests[1:]))
    assert workplace.command("prune")["items"] == [], "it keeps what the run keeps"
    assert [item["kind"] for item in workplace.command("prune", "--keep", "1")["items"]] == ["publication", "dataset"]

    paid = sum(workplace.teacher.paid.values())
    fewer = workplace.run(workplace.spec(9, more=keeping(1)))
    assert fewer["digest"] == digests[-1]
    assert (fewer["deleted"]["publications"], fewer["deleted"]["datasets"]) == (1, 1)
    assert left(workplace) == ([2, 3], {digests[-1]})
    assert sum(workplace.teacher.paid.values()) == paid, "the run was over"

    raised = workplace.run(workplace.spec(20, more=keeping(1)))
    assert left(workplace) == ([3, 4], {raised["digest"]})
    assert workplace.command("replay", "taught")["identical"] is True


def test_what_was_superseded_just_now_stays_as_does_all_where_nothing_is_said(tmp_path: Path, teacher: TeacherServer):
    workplace = Workplace(tmp_path, str(tmp_path / "work"), {}, teacher)
    for target in TARGETS[:2]:
        said = workplace.run(workplace.spec(target, more=keeping(1, 600)))
        assert (said["deleted"]["publications"], said["deleted"]["datasets"]) == (0, 0)
    assert workplace.command("prune")["items"] == [], "it waits as the run does"
    assert workplace.run(workplace.spec(9))["deleted"] is None
    numbers, datasets = left(workplace)
    assert (numbers, len(datasets)) == ([1, 2, 3], 3)
    assert len(workplace.command("prune")["items"]) == 3, "a publication and 2 datasets: nothing is said any more"


def test_what_another_run_follows_stays(tmp_path: Path, teacher: TeacherServer):
    workplace = Workplace(tmp_path, str(tmp_path / "work"), {}, teacher)
    first = workplace.run(workplace.spec(3, more=keeping(1)))
    corpus = "    corpus: {uri: functions.jsonl, licenses: {allow: [MIT]}}\n"
    follower = workplace.folder / "follower.yaml"
    text = workplace.spec(1, "follower").read_text()
    assert corpus in text
    follower.write_text(text.replace(corpus, "    dataset: {name: taught}\n"))
    workplace.run(follower)
    for target in TARGETS[1:]:
        latest = workplace.run(workplace.spec(target, more=keeping(1)))
    assert left(workplace) == ([1, 2, 3], {first["digest"], latest["digest"]})
    assert workplace.run(follower)["ledger"]["accepted"] == 1
    assert workplace.command("replay", "follower")["identical"] is True


def test_a_store_that_refuses_deletions_is_a_remark_and_the_run_is_a_success(
    s3_server: S3Server, tmp_path: Path, teacher: TeacherServer
):
    with troubled(s3_server) as (proxy, trouble):
        workplace = Workplace.on_s3(proxy, tmp_path, teacher)
        workplace.run(workplace.spec(3, more=keeping(1)))
        trouble.code, trouble.on_delete = "AccessDenied", lambda number: 403
        refused = workplace.run(workplace.spec(6, more=keeping(1)))
        assert refused["ending"] == "TargetReached"
        assert refused["deleted"]["datasets"] == 0
        assert "deleting s3://" in refused["deleted"]["trouble"]
        options = ("--workdir", workplace.workdir, "--teacher", teacher.url)
        again = seedmill("run", workplace.spec(9, more=keeping(1)), *options, **workplace.environment)
        assert again.returncode == 0, again.stderr
        assert "Not all that output.retention lets go is deleted; later runs try again: " in again.stderr
        assert workplace.command("replay", "taught")["identical"] is True
        trouble.on_delete = lambda number: None
        allowed = workplace.run(workplace.spec(9, more=keeping(1)))
        assert (allowed["deleted"]["publications"], allowed["deleted"]["datasets"]) == (1, 2)
        assert left(workplace) == ([2, 3], {allowed["digest"]})


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_stopped_in_the_middle_of_a_deletion_it_replays_goes_on_and_the_rest_goes_later(
    s3_server: S3Server, tmp_path: Path, teacher: TeacherServer, signal_number: int
):
    with troubled(s3_server) as (proxy, trouble):
        workplace = Workplace.on_s3(proxy, tmp_path, teacher)
        for target in TARGETS[:2]:
            workplace.run(workplace.spec(target))
        before = trouble.deletions
        trouble.on_delete = lambda number: "hang" if number - before >= 2 else None  # in the first dataset
        options = ("--workdir", workplace.workdir, "--teacher", teacher.url, "--json")
        with watched("run", workplace.spec(9, more=keeping(1)), *options, **workplace.environment) as run:
            run.until("deleting what was superseded", 180)
            while trouble.deletions - before < 3:
                assert run.process.poll() is None, run.said
                time.sleep(0.02)
            run.process.send_signal(signal_number)
            if signal_number == signal.SIGTERM:
                run.until("finishing what is in flight")
            trouble.let_go.set()
            done = run.end(120)
        if signal_number == signal.SIGTERM:
            assert done.returncode == 0, "it had come to its end"
            deleted = result_of(done)["deleted"]
            assert (deleted["publications"], deleted["datasets"], deleted["trouble"]) == (0, 1, "it was stopped")
        assert workplace.command("replay", "taught")["identical"] is True
        assert workplace.command("inspect", "taught")["ending"] == "TargetReached"
        raised = workplace.run(workplace.spec(12, more=keeping(1)))
        assert workplace.command("replay", "taught")["identical"] is True
        assert left(workplace) == ([3, 4], {raised["digest"]})
