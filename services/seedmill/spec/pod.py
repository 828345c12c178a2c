"""What the operator and the pod of a run agree on: how the pod is told what to do, and which ends are for good."""

RESOURCE_VARIABLE = "SEEDMILL_RESOURCE"
"""The DatasetGeneration, as JSON or YAML."""

IMAGE_VARIABLE = "SEEDMILL_IMAGE"
"""The pod's image. It goes into run.json: who must finish a run after an upgrade is told by it."""

PUBLISHED_EXIT, CANNOT_WORK_EXIT, TOO_MANY_FAILURES_EXIT = 0, 2, 5
"""Ends for good; after any other exit status the Job starts the pod again."""
