"""What is refused, in words, and how little it changes of a run that goes on or has ended."""

import pytest

from seedmill.operator.observation import RunProgress
from seedmill.operator.plan import Rules, plan
from seedmill.records.ledger import Ledger
from seedmill.spec.parse import Finding
from support.fake_cluster import FakeCluster, last_words, spec
from support.operator_stage import GENERATING, Stage


async def test_a_spec_that_does_not_parse_is_told_in_the_users_words(stage: Stage) -> None:
    stage.cluster.edit(target={"acceptedSamples": 0}, recipe={})
    await stage.act()
    assert stage.condition("Stalled") == ("True", "InvalidSpec")
    message = stage.status["conditions"][0]["message"]
    assert "spec.target.acceptedSamples" in message
    assert "spec.recipe" in message
    assert "1:" not in message, "a resource has no lines"
    assert stage.cluster.jobs_made == 0
    stage.cluster.edit(**spec())
    await stage.act()
    assert stage.condition("Stalled")[0] == "False"
    assert stage.cluster.jobs_made == 1


def test_checks_of_the_installation_are_asked() -> None:
    cluster = FakeCluster()
    cluster.create()
    rules = Rules(checks=(lambda _: [Finding(("spec", "decontamination"), "there is no index of Foo")],))
    refused = plan(cluster.observed(), rules)
    assert refused.status is not None
    assert refused.status["conditions"][0]["message"] == "spec.decontamination: there is no index of Foo"


@pytest.mark.parametrize("has_begun", [True, False])
async def test_an_edit_that_makes_other_data_is_followed_only_before_candidates_were_begun(
    stage: Stage, has_begun: bool
) -> None:
    stage.cluster.answer = GENERATING if has_begun else RunProgress("collecting seeds", Ledger())
    await stage.running()
    digest = stage.status["specDigest"]
    stage.cluster.edit(randomSeed=1)
    await stage.act()
    if not has_begun:
        assert stage.condition("Reconciling") == ("True", "Restarting")
        assert stage.status["specDigest"] != digest
        return
    assert stage.condition("Stalled") == ("True", "SpecChanged")
    assert stage.cluster.writes.count("delete job") == 0, "the run goes on as it was"
    assert stage.status["specDigest"] == digest
    stage.cluster.edit(randomSeed=0)
    await stage.act()
    assert stage.condition("Ready") == ("True", "Running")
    assert stage.cluster.jobs_made == 1
    assert stage.event_reasons() == ["Started", "SpecChanged", "Recovered"]


async def test_an_end_survives_an_edit_that_is_refused_and_undone(stage: Stage) -> None:
    await stage.running()
    await stage.ends(0, last_words())
    stage.cluster.edit(randomSeed=1)
    await stage.act()
    assert stage.condition("Stalled") == ("True", "SpecChanged")
    assert stage.condition("Succeeded") == ("True", "TargetReached")
    stage.cluster.edit(randomSeed=0)
    await stage.act()
    assert stage.condition("Stalled")[0] == "False"
    assert stage.condition("Succeeded") == ("True", "TargetReached")
    assert stage.cluster.jobs_made == 1
