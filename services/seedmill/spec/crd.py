"""The CustomResourceDefinition, made from the models: what `seedmill crd` prints and the chart ships.

One version is served and stored; within it fields are only added (a conversion webhook would mean that the API is down
when we are).
"""

from typing import Any

import yaml

from seedmill.spec.model import API_VERSION, KIND, MAX_NAME_LENGTH, Spec
from seedmill.spec.shapes import LABEL
from seedmill.spec.status import Status
from seedmill.spec.structural import Schema, structural_schema

GROUP, VERSION = API_VERSION.split("/")
PLURAL = "datasetgenerations"

_COLUMNS = (
    # name, type, path, shown only with -o wide
    ("State", "string", ".status.state", False),
    ("Accepted", "integer", ".status.ledger.accepted", False),
    ("Target", "integer", ".spec.target.acceptedSamples", False),
    ("Yield", "string", ".status.progress.yield", False),
    ("Rate", "string", ".status.progress.rate", False),
    ("ETA", "string", ".status.progress.eta", False),
    ("Age", "date", ".metadata.creationTimestamp", False),
    ("Tokens", "integer", ".status.tokens.total", True),
    ("Rejected", "integer", ".status.ledger.rejectedTotal", True),
    ("Failed", "integer", ".status.ledger.failedTotal", True),
    ("Dataset", "string", ".status.dataset.uri", True),
)

_NAME_RULES = (
    {
        "rule": f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
        "message": f"metadata.name must have at most {MAX_NAME_LENGTH} characters: the names of its Jobs are longer",
    },
    {
        "rule": f"self.metadata.name.matches('{LABEL}')",
        "message": "metadata.name must be lower-case letters, digits and '-', a letter or digit first and last",
    },
)

_CHANGE_RULES = (
    {
        "rule": "has(self.managedBy) == has(oldSelf.managedBy) && "
        "(!has(self.managedBy) || self.managedBy == oldSelf.managedBy)",
        "message": "managedBy cannot be changed: delete the resource and make it again",
    },
)


def custom_resource_definition() -> dict[str, Any]:
    """The CRD as plain values."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["dsg"],
                "categories": ["seedmill"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _root_schema()},
                    "subresources": {"status": {}},
                    "selectableFields": [{"jsonPath": ".spec.queueName"}],
                    "additionalPrinterColumns": [_column(*column) for column in _COLUMNS],
                }
            ],
        },
    }


def crd_yaml() -> str:
    """The CRD as YAML; the same text for the same models."""
    head = "# Made by `seedmill crd` from services/seedmill/spec; do not edit.\n"
    return head + yaml.dump(
        custom_resource_definition(), Dumper=_PlainDumper, sort_keys=False, width=120, allow_unicode=True
    )


class _PlainDumper(yaml.SafeDumper):
    """Writes equal parts out each time: anchors in a manifest surprise people."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _root_schema() -> Schema:
    spec = structural_schema(Spec)
    spec["x-kubernetes-validations"] = [*spec["x-kubernetes-validations"], *_CHANGE_RULES]
    return {
        "type": "object",
        "description": "A dataset to make, and how.",
        "required": ["spec"],
        "x-kubernetes-validations": list(_NAME_RULES),
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": structural_schema(Status),
        },
    }


def _column(name: str, kind: str, path: str, wide: bool) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "type": kind, "jsonPath": path}
    return {**column, "priority": 1} if wide else column
