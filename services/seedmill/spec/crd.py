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

_NAME = {"type": "string", "description": "Its Jobs are named after it.", "maxLength": 253}
"""Said here so that the rules can name the field; how long it may be is theirs."""

_NAME_RULES = (
    {
        "rule": f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
        "message": f"metadata.name must have at most {MAX_NAME_LENGTH} characters: the names of its Jobs are longer",
        "fieldPath": ".metadata.name",
    },
    {
        "rule": f"self.metadata.name.matches('{LABEL}')",
        "message": "metadata.name must be lower-case letters, digits and '-', a letter or digit first and last",
        "fieldPath": ".metadata.name",
    },
)

_CHANGE_RULES = (
    {
        "rule": "has(self.managedBy) == has(oldSelf.managedBy) && "
        "(!has(self.managedBy) || self.managedBy == oldSelf.managedBy)",
        "message": "managedBy cannot be changed: delete the resource and make it again",
    },
)

_BEGUN = "has(oldSelf.status) && has(oldSelf.status.ledger) && oldSelf.status.ledger.requested > 0"
"""Whether the run has data: before that a wrong spec may be mended in place. What is kept in the status alone may be
lost; then the edit makes another run under the same name, and the old one stays in the store."""

_FIXED = ("recipe", "randomSeed", "seeds", "teacher", "execution", "decontamination", "reuse", "output.formats")
"""What changes data (`digest.py`), and cannot be changed once candidates were begun."""


def _fixed_rule(field: str, path: str, old: str) -> dict[str, str]:
    same = f"has({path}) == has({old}) && (!has({path}) || {path} == {old})"
    return {
        "rule": f"!({_BEGUN}) || ({same})",
        "message": f"{field} cannot be changed once candidates were begun: make a {KIND} with another name",
    }


_FIXED_RULES = (
    *(_fixed_rule(f"spec.{field}", f"self.spec.{field}", f"oldSelf.spec.{field}") for field in _FIXED),
    # Of another store nothing that was made would be found. Its Secret may be another one.
    {
        "rule": f"!({_BEGUN}) || (has(self.spec.output.store) == has(oldSelf.spec.output.store) && "
        "(!has(self.spec.output.store) || self.spec.output.store.uri == oldSelf.spec.output.store.uri))",
        "message": "spec.output.store.uri cannot be changed once candidates were begun: "
        f"make a {KIND} with another name",
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


def crd_yaml(*, keep: bool = False) -> str:
    """The CRD as YAML; the same text for the same models. `keep`: for a chart whose removal must delete no run."""
    head = f"# Made by `seedmill crd{' --keep' if keep else ''}` from services/seedmill/spec; do not edit.\n"
    crd = custom_resource_definition()
    if keep:
        crd["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    return head + yaml.dump(crd, Dumper=_PlainDumper, sort_keys=False, width=120, allow_unicode=True)


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
        "x-kubernetes-validations": [*_NAME_RULES, *_FIXED_RULES],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object", "properties": {"name": _NAME}},
            "spec": spec,
            "status": structural_schema(Status),
        },
    }


def _column(name: str, kind: str, path: str, wide: bool) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "type": kind, "jsonPath": path}
    return {**column, "priority": 1} if wide else column
