"""spec.ttlSecondsAfterFinished, and when it must not be followed.

What a GitOps tool keeps is made again as soon as it is deleted: an endless loop of runs. So the TTL is ignored, with a
warning, where an object bears such a tool's marks.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from seedmill.spec.status import Status

_MARKS = (
    ("annotations", "argocd.argoproj.io/tracking-id"),
    ("labels", "argocd.argoproj.io/instance"),
    # Argo CD's older way of tracking, and Helm's charts; a chart's next upgrade makes the object again, too.
    ("labels", "app.kubernetes.io/instance"),
    ("labels", "kustomize.toolkit.fluxcd.io/name"),
    ("labels", "helm.toolkit.fluxcd.io/name"),
    ("annotations", "meta.helm.sh/release-name"),
)


def is_kept_by_a_tool(metadata: Mapping[str, object]) -> bool:
    """Whether somebody would make the object again."""
    for place, mark in _MARKS:
        marks = metadata.get(place)
        if isinstance(marks, Mapping) and mark in marks:
            return True
    return False


def seconds_left(ttl_seconds: int | None, status: Status, now: datetime) -> float | None:
    """Until the resource is to be deleted, at most 0 when that is now; None: never."""
    if ttl_seconds is None or status.completion_time is None:
        return None
    return (status.completion_time + timedelta(seconds=ttl_seconds) - now).total_seconds()
