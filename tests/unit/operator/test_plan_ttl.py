"""Time to live: what is deleted, and what never."""

from typing import Any

import pytest

from seedmill.operator.actions import DeleteRun
from seedmill.operator.plan import Plan
from support.fake_cluster import KEY, last_words
from support.operator_stage import Stage, planned


async def test_the_ttl_deletes_what_has_succeeded(stage: Stage) -> None:
    stage.cluster.edit(ttlSecondsAfterFinished=600)
    await stage.running()
    await stage.ends(0, last_words())
    assert planned(stage.cluster).requeue_seconds == 600
    stage.cluster.advance(600)
    assert planned(stage.cluster) == Plan((DeleteRun(),))


@pytest.mark.parametrize("reason", ["BudgetExhausted", "ModelNotServed"])
async def test_the_ttl_leaves_what_has_not(stage: Stage, reason: str) -> None:
    stage.cluster.edit(ttlSecondsAfterFinished=0)
    await stage.running()
    code = 0 if reason == "BudgetExhausted" else 2
    await stage.ends(code, last_words(reason, code))
    stage.cluster.advance(600)
    assert not planned(stage.cluster).actions


@pytest.mark.parametrize(
    "marks",
    [
        {"annotations": {"argocd.argoproj.io/tracking-id": "x"}},
        {"labels": {"app.kubernetes.io/instance": "x"}},
        {"labels": {"kustomize.toolkit.fluxcd.io/name": "x"}},
    ],
    ids=["argo", "argo by label", "flux"],
)
async def test_the_ttl_is_ignored_with_one_warning_where_a_tool_would_make_the_object_again(
    stage: Stage, marks: dict[str, Any]
) -> None:
    stage.cluster.runs[KEY]["metadata"] |= marks
    stage.cluster.edit(ttlSecondsAfterFinished=0)
    await stage.running()
    await stage.ends(0, last_words())
    stage.cluster.advance(600)
    await stage.act()
    assert not planned(stage.cluster).actions
    assert stage.event_reasons().count("TTLIgnored") == 1
    assert "ttlSecondsAfterFinished is ignored" in stage.status["conditions"][0]["message"]
