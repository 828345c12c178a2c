"""One control plane for all tests of this folder, and a namespace for each."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cluster.api import NAMESPACES, SERVICE_ACCOUNTS, Api
from cluster.connections import Watch
from cluster.control_plane import ControlPlane, running_control_plane
from cluster.elsewhere import make_namespace, start_s3, start_teacher, versitygw_image
from cluster.images import product_image
from cluster.installation import Installation
from cluster.waiting import wait_until
from cluster.whole_node import WholeNode, built_programs, running_node
from seedmill.storage.cache import cache_folder
from support.corpora import write_functions
from support.requirements import require

CORPUS_FUNCTIONS = 600
"""Seeds of the whole node's runs."""


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


@pytest.fixture(scope="session")
def whole_node() -> Iterator[WholeNode]:
    """A Kubernetes of one node that has the images of this checkout. Its logs stay in the cache until the next one."""
    require("a node of Kubernetes")
    images = [product_image(name) for name in ("execution", "seedmill")]
    folder = cache_folder() / "whole-node"
    with running_node(built_programs(), folder) as node:
        versitygw_image(require("versitygw"), folder / "versitygw.tar")
        for archive in (*images, folder / "versitygw.tar"):
            node.load(archive)
        yield node


@pytest.fixture(scope="session")
def mill(whole_node: WholeNode) -> Iterator[Installation]:
    """seedmill installed on it, with two stores, a corpus and a teacher."""
    plane = whole_node.plane
    with plane.api() as api, ExitStack() as stack:
        watch = Watch(whole_node.network)
        make_namespace(api)
        store = start_s3(api, "store", plane.folder / "store", secrets.token_hex(16))
        team_store = start_s3(api, "team-store", plane.folder / "team-store", secrets.token_hex(16))
        installation = Installation(api, plane.kubeconfig, store, team_store, start_teacher(api), watch)
        corpus = plane.folder / "functions.jsonl"
        write_functions(corpus, CORPUS_FUNCTIONS)
        for bucket in ("datasets", "corpora"):
            store.client().make_bucket(bucket)
        store.client().fput_object("corpora", corpus.name, str(corpus))
        team_store.client().make_bucket("team-data")
        stack.enter_context(installation.looking())
        installation.install()
        yield installation


def _folder(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("kubernetes") / "control-plane"
