"""The commands that docs/operations.md prints for a cluster, as they stand there."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.api import GENERATIONS, Api
from cluster.control_plane import ControlPlane
from cluster.ends import DATASET, published
from cluster.generations import generation, spec_with
from cluster.operator_process import running_operator
from cluster.pod_player import PodPlayer
from support.requirements import ROOT, require

PAGE = (ROOT / "docs" / "operations.md").read_text()
NAME = "a-run"


def commands(heading: str) -> list[str]:
    """Those of kubectl under a heading."""
    part = re.split(r"^### ", PAGE, flags=re.MULTILINE)
    (found,) = [each for each in part if each.startswith(f"{heading}\n")]
    return re.findall(r"^ *\$ (kubectl .+)$", found, re.MULTILINE)


class Shell:
    """A person's, in this namespace; commands that go over all namespaces stay in it."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        config = plane.write_kubeconfig(folder / "mine", plane.administrator, namespace)
        self._folder = folder
        self._environment = {**os.environ, "KUBECONFIG": str(config), "KUBECACHEDIR": str(folder / "cache")}

    def __call__(self, command: str) -> str:
        command = re.sub(r"\bNAME\b", NAME, command).replace(" --all-namespaces", "")
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout


@pytest.fixture
def shell(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Shell:
    require("kubectl")
    return Shell(control_plane, namespace, tmp_path)


@pytest.fixture
def player(control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path) -> Iterator[PodPlayer]:
    """Of a namespace that an operator watches."""
    with running_operator(control_plane, api, namespace, tmp_path):
        yield PodPlayer(api, namespace)


def test_a_backup_brings_runs_back_and_they_find_what_they_published(
    shell: Shell, player: PodPlayer, api: Api, namespace: str
) -> None:
    spec = spec_with({"target.acceptedSamples": 7, "queueName": None})
    with player.playing(lambda pod: published()):
        api.create(GENERATIONS, generation(NAME, spec), namespace=namespace)
        shell(f"kubectl wait dsg/{NAME} --for=condition=Succeeded --timeout=60s")
        save, restore = commands("Back up")
        shell(save)
        before = api.get(GENERATIONS, namespace, NAME)
        (delete, *_) = commands("Uninstall")
        shell(delete)
        assert api.find(GENERATIONS, namespace, NAME) is None
        assert "created" in shell(restore)
        shell(f"kubectl wait dsg/{NAME} --for=condition=Succeeded --timeout=60s")
    after = api.get(GENERATIONS, namespace, NAME)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"] == before["spec"]
    assert after["status"]["dataset"] == before["status"]["dataset"]
    assert after["status"]["dataset"]["uri"] == DATASET.uri


def test_what_one_looks_at_and_how_a_run_is_suspended(
    shell: Shell, player: PodPlayer, api: Api, namespace: str
) -> None:
    running = f"kubectl wait dsg/{NAME} --for=jsonpath='{{.status.state}}'=Running --timeout=60s"
    with player.playing(lambda pod: published(after_seconds=600)):
        api.create(GENERATIONS, generation(NAME), namespace=namespace)
        shell(running)
        describe, pods, _ = commands("What a reason asks for")  # logs need a kubelet
        assert "The run's pod runs." in shell(describe)
        assert f"Name:             {player.pods()[0]['metadata']['name']}" in shell(pods)
        for command in commands("Suspend and resume"):
            shell(command)
        shell(running)


def test_the_page_names_what_is_there() -> None:
    for heading in ("Install", "Upgrade", "Uninstall", "Back up", "What a reason asks for", "Suspend and resume"):
        assert f"\n### {heading}\n" in PAGE
    for chart in re.findall(r"charts/[\w-]+", PAGE):
        assert (ROOT / chart / "Chart.yaml").is_file()
