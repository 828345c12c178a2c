"""One control plane for all tests of this folder, and a namespace for each."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.api import NAMESPACES, SERVICE_ACCOUNTS, Api
from cluster.control_plane import ControlPlane, running_control_plane
from cluster.waiting import wait_until
from support.requirements import require


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A Kubernetes without nodes that has the CRD."""
    require("openssl")
    with running_control_plane(require("kubernetes"), _folder(tmp_path_factory)) as plane:
        yield plane


@pytest.fixture(scope="session")
def api(control_plane: ControlPlane) -> Iterator[Api]:
    """Its API as the administrator."""
    with control_plane.api() as api:
        yield api


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    """A namespace of the test's own that admits what `restricted` allows alone, and has its ServiceAccount.

    Nobody waits for its end: that takes five seconds by design, and the control plane is about to go anyway.
    """
    name = f"test-{secrets.token_hex(4)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    wait_until(lambda: api.find(SERVICE_ACCOUNTS, name, "default"), "the namespace's ServiceAccount")
    yield name
    api.delete(NAMESPACES, "", name)


def _folder(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("kubernetes") / "control-plane"
