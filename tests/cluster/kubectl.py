"""The real kubectl, as the administrator of the control plane."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cluster.control_plane import ControlPlane
from support.requirements import require

TIMEOUT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Kubectl:
    """In one namespace. `call` fails the test where kubectl fails; `tried` gives what it said."""

    program: Path
    plane: ControlPlane
    namespace: str

    def tried(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        command = [self.program, f"--kubeconfig={self.plane.kubeconfig}", f"--namespace={self.namespace}", *arguments]
        environment = {**os.environ, "KUBECACHEDIR": str(self.plane.folder / "kubectl-cache")}
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, env=environment, check=False
        )

    def call(self, *arguments: str, stdin: str = "") -> str:
        done = self.tried(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout


def kubectl_in(plane: ControlPlane, namespace: str) -> Kubectl:
    """Skips the test where there is no kubectl."""
    return Kubectl(require("kubectl"), plane, namespace)
