"""Every reason that the operator itself writes into conditions and events; docs/operator.md lists them, tested.

Further reasons come from the run: when it cannot work as it stands, its own (`ModelNotServed`, `CorpusMissing`, …).
"""

from enum import StrEnum


class Reason(StrEnum):
    """One word that programs may rely on."""

    # The resource is at fault.
    INVALID_SPEC = "InvalidSpec"
    """The spec does not parse, or names what this installation does not have."""
    SPEC_CHANGED = "SpecChanged"
    """An edit would make other data although candidates were begun; it is not followed."""

    # Before the run's pod works.
    DATASET_MISSING = "DatasetMissing"
    """`seeds.dataset` names a DatasetGeneration that is not there."""
    DATASET_NOT_READY = "DatasetNotReady"
    """The DatasetGeneration that `seeds.dataset` names has not succeeded yet."""
    RESTARTING = "Restarting"
    """Another Job of this run is on its way out; the next is made when its pod is gone."""
    END_LOST = "EndLost"
    """The run ended and its last message is gone; the Job is made again and will say the same."""
    QUEUED = "Queued"
    """The Job is suspended by Kueue (or by a person) and has no pod."""
    STARTING = "Starting"
    """The Job is there, its pod does not run yet."""
    POD_UNSCHEDULABLE = "PodUnschedulable"
    """No node takes the pod."""
    IMAGE_UNAVAILABLE = "ImageUnavailable"
    """The pod's image cannot be pulled."""
    POD_REFUSED = "PodRefused"
    """The kubelet cannot make the container: a Secret or ConfigMap is missing, say."""

    # While it works.
    RUNNING = "Running"
    """The pod runs and has not yet said what it does."""
    COLLECTING_SEEDS = "CollectingSeeds"
    """Seeds are being collected."""
    GENERATING = "Generating"
    """Samples are in flight."""
    PUBLISHING = "Publishing"
    """The dataset is being written."""
    INFERENCE_UNAVAILABLE = "InferenceUnavailable"
    """The run waits for the inference service or its teacher."""
    EXECUTION_UNAVAILABLE = "ExecutionUnavailable"
    """The run waits for the execution service."""
    SEEDING_UNAVAILABLE = "SeedingUnavailable"
    """The run waits for the seeding service."""
    AGGREGATION_UNAVAILABLE = "AggregationUnavailable"
    """The run waits for the aggregation service."""
    STORE_UNAVAILABLE = "StoreUnavailable"
    """The run waits for the store."""

    # The end, or a pause.
    SUSPENDING = "Suspending"
    """`suspend` is true and the pod is finishing what is in flight."""
    SUSPENDED = "Suspended"
    """`suspend` is true and no pod is left."""
    TARGET_REACHED = "TargetReached"
    """Published: as many rows as the target asks for."""
    TARGET_NOT_REACHED = "TargetNotReached"
    """Published: all candidates are used up."""
    BUDGET_EXHAUSTED = "BudgetExhausted"
    """Published in part: the budget is spent."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """Published in part: the deadline has passed."""
    CANNOT_WORK = "CannotWork"
    """The run says that it cannot work as it stands, and its reason is lost."""
    TOO_MANY_FAILURES = "TooManyFailures"
    """More samples failed than `failurePolicy.maxFailedPercent` allows."""

    # Of the condition Degraded.
    WITHIN_LIMITS = "WithinLimits"
    """Nothing to worry about."""
    FAILURES_HIGH = "FailuresHigh"
    """Failed samples are over half of what `failurePolicy` allows."""
    POD_RESTARTS = "PodRestarts"
    """The pod ended early three times or more."""

    # Of events only.
    STARTED = "Started"
    """The run's first pod runs."""
    RESUMED = "Resumed"
    """`suspend` is false again."""
    RECOVERED = "Recovered"
    """What the run waited for is there again."""
    TTL_IGNORED = "TTLIgnored"
    """The TTL would delete what a GitOps tool then makes again."""


PUBLISHED = frozenset({Reason.TARGET_REACHED, Reason.TARGET_NOT_REACHED})
"""Ends that leave Succeeded=True."""

PAUSED = frozenset({Reason.BUDGET_EXHAUSTED, Reason.DEADLINE_EXCEEDED})
"""Published ends that raising a limit continues: Suspended=True."""

OF_THE_SPEC = frozenset({Reason.INVALID_SPEC, Reason.SPEC_CHANGED})
"""Reasons to be Stalled that say nothing of the run itself."""

AWAY = {
    "inference": Reason.INFERENCE_UNAVAILABLE,
    "execution": Reason.EXECUTION_UNAVAILABLE,
    "seeding": Reason.SEEDING_UNAVAILABLE,
    "aggregation": Reason.AGGREGATION_UNAVAILABLE,
}
"""What a run waits for, by its name in RunService; everything else is the store."""
