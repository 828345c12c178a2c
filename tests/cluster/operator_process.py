"""The real operator as a process, with the rights that the chart gives it and no others."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cluster.api import SERVICE_ACCOUNTS, Api, Kind, Object
from cluster.control_plane import ControlPlane
from cluster.program import running_program
from cluster.waiting import wait_until
from support.charts import of_kind, rendered
from support.requirements import ROOT

START_SECONDS = 60.0
ACCOUNT = "operator"
STORE = "s3://datasets/team-a"
IMAGE = "registry.example.org/seedmill:1"

ROLES = Kind("rbac.authorization.k8s.io/v1", "roles")
_ROLE_BINDINGS = Kind("rbac.authorization.k8s.io/v1", "rolebindings")
_VALUES = {
    "operator": {"enabled": True},
    "store": {"uri": STORE, "endpoint": "https://s3.example.org", "existingSecret": "store"},
    "inference": {"endpoints": ["openai:https://teacher.example.org/v1"]},
}


class Operator:
    """Watches one namespace. Started and killed as often as a test likes; all of them write into one log."""

    def __init__(self, kubeconfig: Path, namespace: str, log: Path) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(kubeconfig),
            "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("services", "operator")),
            "HOME": str(log.parent),
        }
        self._command = [sys.executable, "-m", "seedmill.cli", *arguments(namespace)]
        self._running = ExitStack()
        self.log = log

    def start(self) -> None:
        """Until it says that it works. Fails the test when it does not."""
        said_before = self.log.read_text() if self.log.exists() else ""
        process = self.begin()

        def works() -> bool:
            said = self.log.read_text().removeprefix(said_before)
            assert process.poll() is None, f"the operator ended: {said[-2000:]}"
            return '"event":"ready"' in said.replace(" ", "")

        wait_until(works, f"the operator's start; see {self.log}", START_SECONDS)

    def begin(self) -> "subprocess.Popen[bytes]":
        """Without waiting for it."""
        return self._running.enter_context(running_program(self._command, self.log, self._environment))

    def kill(self) -> None:
        """SIGKILL; fine when it does not run."""
        self._running.close()


def arguments(namespace: str) -> list[str]:
    """Its command line after `seedmill`."""
    services = [f"--{name}=127.0.0.1:1" for name in ("seeding", "inference", "execution", "aggregation")]
    return [
        "operator",
        "--log-format=json",
        f"--namespace={namespace}",
        f"--image={IMAGE}",
        f"--store={STORE}",
        *services,
    ]


@contextmanager
def running_operator(plane: ControlPlane, api: Api, namespace: str, folder: Path) -> Generator[Operator]:
    """Start it as a ServiceAccount of this namespace; kill it at the end."""
    operator = Operator(let_in(plane, api, namespace, folder), namespace, folder / "operator.log")
    operator.start()
    try:
        yield operator
    finally:
        operator.kill()


def let_in(plane: ControlPlane, api: Api, namespace: str, folder: Path) -> Path:
    """A kubeconfig of a ServiceAccount that has the role of the chart in this namespace, and nothing besides."""
    group = "rbac.authorization.k8s.io"
    metadata = {"name": ACCOUNT}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    rules = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": role_rules()}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": ACCOUNT},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
    }
    for kind, manifest in ((SERVICE_ACCOUNTS, account), (ROLES, rules), (_ROLE_BINDINGS, binding)):
        api.create(kind, manifest, namespace=namespace)
    token = api.call("POST", SERVICE_ACCOUNTS.path(namespace, ACCOUNT, "token"), {"spec": {}})["status"]["token"]
    return plane.write_kubeconfig(folder / "operator.kubeconfig", token, namespace)


def role_rules() -> list[Object]:
    """What the chart lets the operator do in a namespace of runs."""
    (role,) = [each for each in of_kind(rendered(values=_VALUES), "Role") if each["metadata"]["name"].endswith(ACCOUNT)]
    return role["rules"]
