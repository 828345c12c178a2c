"""A run's Job: one pod that runs `seedmill dispatch` and is started again until it has come to an end.

The pod holds no state and no token of the API server. It gets the resource as JSON in its environment: a ConfigMap
would be one more object, and could be edited under a run that goes on.
"""

import json
from typing import Any

from seedmill.operator.observation import CONTAINER, RUN_LABEL, Json
from seedmill.operator.plan import NOT_IN_THE_POD
from seedmill.operator.settings import PodSettings, StoreSettings
from seedmill.spec.model import API_VERSION, KIND, DatasetGeneration
from seedmill.spec.output import OutputStore
from seedmill.spec.pod import CANNOT_WORK_EXIT, IMAGE_VARIABLE, RESOURCE_VARIABLE, TOO_MANY_FAILURES_EXIT

FIELD_MANAGER = "seedmill-operator"
WITHOUT_LIMIT = 2**31 - 1
JOB_TTL_SECONDS = 24 * 3600
"""Logs of a run's last pod stay for a day. The Job may go earlier: its end stands in the status, or is found again."""

USER = 65532

TLS_FOLDER = "/run/seedmill/tls"
OF_THE_GROUP = 0o440
"""The kubelet gives a Secret's files to root and the pod's fsGroup."""

OWN_STORE_VARIABLES = {
    "SEEDMILL_S3_ENDPOINT": True,
    "AWS_ENDPOINT_URL_S3": True,
    "AWS_ENDPOINT_URL": True,
    "AWS_ACCESS_KEY_ID": False,
    "AWS_SECRET_ACCESS_KEY": False,
    "AWS_SESSION_TOKEN": True,
    "AWS_REGION": True,
}
"""What is taken of the Secret of a run's own store, and whether it may be missing.

Never all of it (`envFrom`): whoever may write a Secret would choose the environment of a process that holds the
certificate of runs, and Python's alone is enough to make it run something else (PYTHONWARNINGS and BROWSER, say).
"""

LABELS = {
    # What the chart's network policies know a run by. Never app.kubernetes.io/instance: Argo CD would take the Job for
    # one of its own and prune it.
    "app.kubernetes.io/name": "seedmill",
    "app.kubernetes.io/component": "run",
    "app.kubernetes.io/part-of": "seedmill",
    "app.kubernetes.io/managed-by": FIELD_MANAGER,
}


def job_manifest(name: str, generation: DatasetGeneration, resource: Json, settings: PodSettings) -> dict[str, Any]:
    """The Job of this name for this run; `resource` is the object that owns it."""
    metadata, spec = resource["metadata"], generation.spec
    labels = {**LABELS, RUN_LABEL: metadata["name"]}
    queue = {"kueue.x-k8s.io/queue-name": spec.queue_name} if spec.queue_name else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {**labels, **queue},
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": KIND,
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": WITHOUT_LIMIT,
            # The next pod waits until the one before is gone for good: a pod that is only being deleted still works.
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": _failure_rules()},
            "ttlSecondsAfterFinished": JOB_TTL_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": _pod_spec(generation, settings)},
        },
    }


def resource_text(generation: DatasetGeneration) -> str:
    """The resource as the pod gets it; what changes nothing inside the pod is left out."""
    spec = generation.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": generation.metadata.name, "namespace": generation.metadata.namespace},
        "spec": {field: value for field, value in spec.items() if field not in NOT_IN_THE_POD},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _failure_rules() -> list[dict[str, Any]]:
    final = {"containerName": CONTAINER, "operator": "In", "values": [CANNOT_WORK_EXIT, TOO_MANY_FAILURES_EXIT]}
    return [
        {"action": "FailJob", "onExitCodes": final},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]


def _pod_spec(generation: DatasetGeneration, settings: PodSettings) -> dict[str, Any]:
    store = settings.store
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    own_store = generation.spec.output.store
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": settings.temporary_size}}]
    if store.ca_config_map:
        mounts.append({"name": "store-ca", "mountPath": "/etc/seedmill/ca", "readOnly": True})
        volumes.append({"name": "store-ca", "configMap": {"name": store.ca_config_map}})
    if settings.tls_secret:
        mounts.append({"name": "tls", "mountPath": TLS_FOLDER, "readOnly": True})
        volumes.append({"name": "tls", "secret": {"secretName": settings.tls_secret, "defaultMode": OF_THE_GROUP}})
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        "command": ["seedmill"],
        "args": _arguments(store.uri if own_store is None else own_store.uri, settings),
        "env": [
            {"name": RESOURCE_VARIABLE, "value": resource_text(generation)},
            {"name": IMAGE_VARIABLE, "value": settings.image},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108
            {"name": "TMPDIR", "value": "/tmp"},  # noqa: S108
            *(_store_variables(store) if own_store is None else _own_store_variables(own_store)),
            *([{"name": "SSL_CERT_FILE", "value": f"/etc/seedmill/ca/{store.ca_key}"}] if store.ca_config_map else []),
            *([{"name": "SEEDMILL_TLS", "value": TLS_FOLDER}] if settings.tls_secret else []),
        ],
        "ports": [
            {"name": "progress", "containerPort": settings.progress_port},
            {"name": "metrics", "containerPort": settings.metrics_port},
        ],
        "resources": {
            "requests": {"cpu": settings.cpu_request, "memory": settings.memory_request},
            "limits": {"memory": settings.memory_limit},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": mounts,
    }
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": settings.grace_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    }
    if settings.service_account:
        pod["serviceAccountName"] = settings.service_account
    if settings.pull_secrets:
        pod["imagePullSecrets"] = [{"name": secret} for secret in settings.pull_secrets]
    if generation.spec.priority_class_name:
        pod["priorityClassName"] = generation.spec.priority_class_name
    return pod


def _arguments(store: str, settings: PodSettings) -> list[str]:
    addresses = [f"--{service}={address}" for service, given in settings.services.items() for address in given]
    return [
        "dispatch",
        f"--store={store}",
        *addresses,
        f"--progress-address=0.0.0.0:{settings.progress_port}",
        f"--metrics-address=0.0.0.0:{settings.metrics_port}",
        "--termination-log=/dev/termination-log",
    ]


def _store_variables(store: StoreSettings) -> list[dict[str, Any]]:
    plain = {"SEEDMILL_S3_ENDPOINT": store.endpoint, "AWS_REGION": store.region}
    variables: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in plain.items() if value]
    keys = {"AWS_ACCESS_KEY_ID": store.access_key_id_key, "AWS_SECRET_ACCESS_KEY": store.secret_access_key_key}
    if store.secret:
        for name, key in keys.items():
            variables.append({"name": name, "valueFrom": {"secretKeyRef": {"name": store.secret, "key": key}}})
    return variables


def _own_store_variables(store: OutputStore) -> list[dict[str, Any]]:
    if store.secret_ref is None:
        return []
    name = store.secret_ref.name
    return [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": name, "key": key, "optional": optional}}}
        for key, optional in OWN_STORE_VARIABLES.items()
    ]
