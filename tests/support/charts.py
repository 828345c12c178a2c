"""The chart, rendered by the real helm: manifests as maps, and what tests ask of them."""

import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from support.requirements import ROOT, require

Manifest = dict[str, Any]

CHART = ROOT / "charts" / "seedmill"
RELEASE = "rel"
NAMESPACE = "mill"
SERVICES = ("seeding", "inference", "execution", "aggregation")

CASES: dict[str, tuple[Path, ...]] = {"default": (), **{path.stem: (path,) for path in sorted(CHART.glob("ci/*.yaml"))}}
"""Values to render with, by name: none, and each file of ci/."""


class RenderError(Exception):
    """helm's words when it refuses the values."""


def helm(*arguments: str | Path, stdin: str | None = None) -> str:
    """What helm prints. Raises RenderError."""
    command = [require("helm"), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RenderError(done.stderr)
    return done.stdout


def rendered_text(files: tuple[Path, ...] = (), values: Manifest | None = None) -> str:
    """The chart as YAML. `values` come after the files. Raises RenderError."""
    arguments = [argument for path in files for argument in ("--values", path)]
    if values is None:
        return helm("template", RELEASE, CHART, "--namespace", NAMESPACE, *arguments)
    arguments += ["--values", "-"]
    return helm("template", RELEASE, CHART, "--namespace", NAMESPACE, *arguments, stdin=yaml.safe_dump(values))


def rendered(files: tuple[Path, ...] = (), values: Manifest | None = None) -> list[Manifest]:
    """The objects of the chart. Raises RenderError."""
    return [document for document in yaml.load_all(rendered_text(files, values), _loader()) if document]


@functools.cache
def case(name: str) -> list[Manifest]:
    """The objects of one of CASES; not to be changed."""
    return rendered(CASES[name])


def of_kind(objects: list[Manifest], *kinds: str) -> list[Manifest]:
    """Those of these kinds."""
    return [each for each in objects if each["kind"] in kinds]


def full_name(manifest: Manifest) -> str:
    """`Deployment mill/rel-seedmill-seeding`."""
    metadata = manifest["metadata"]
    return f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def pods(objects: list[Manifest]) -> Iterator[tuple[Manifest, Manifest]]:
    """Every pod, or template of pods, as metadata (with its namespace) and spec."""
    for each in objects:
        match each["kind"]:
            case "Pod":
                yield each["metadata"], each["spec"]
            case "Deployment":
                template = each["spec"]["template"]
                yield {"namespace": each["metadata"]["namespace"], **template["metadata"]}, template["spec"]
            case _:
                pass


def component(manifest: Manifest) -> str:
    """The component label of an object or of a pod's metadata; empty without one."""
    metadata: Manifest = manifest.get("metadata", manifest)
    return metadata.get("labels", {}).get("app.kubernetes.io/component", "")


def containers(spec: Manifest) -> list[Manifest]:
    """All containers of a pod."""
    return [*spec.get("initContainers", []), *spec["containers"]]


def deployment(objects: list[Manifest], name: str) -> Manifest:
    """The one Deployment of a component."""
    (found,) = [each for each in of_kind(objects, "Deployment") if component(each) == name]
    return found


@functools.cache
def default_values() -> Manifest:
    """values.yaml; not to be changed."""
    return yaml.safe_load((CHART / "values.yaml").read_text())


def _loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
