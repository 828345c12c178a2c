"""A real Kubernetes of one node on which pods run, with gVisor: kubelet, containerd, kube-proxy, CoreDNS, ptp network.

The control plane is the one of `control_plane`. All of it is one process tree in PID, mount and network namespaces of
its own; ending its first process ends every program, pod and mount. The machine sees one veth: it reaches pods,
Services and the API server by their addresses, pods reach it at MACHINE, and nothing else. NetworkPolicies are stored,
not enforced. Needs root, nft, runc and openssl.
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.api import NODES, RUNTIME_CLASSES, SERVICE_ACCOUNTS, Api
from cluster.certificates import Authority
from cluster.control_plane import (
    ControlPlane,
    answers,
    api_server_options,
    condition_of,
    controller_manager_options,
    etcd_options,
    wait_for,
)
from cluster.images import write_image
from cluster.node_init import cgroup_roots
from cluster.program import running_program
from support.requirements import require

NAME = "seedmill-test"
"""Of the veth and the cgroup."""
MACHINE, NODE = "198.18.0.1", "198.18.0.2"
_NETWORK, _PODS = "198.18.0.0/15", "198.18.128.0/17"
_API_SERVICE = "198.19.0.1"
_PAUSE = "localhost/pause:1"


@dataclass(frozen=True, slots=True)
class Programs:
    """Folders of what `tools/build` makes, and gVisor's runsc."""

    kubernetes: Path
    node: Path
    containerd: Path
    shim: Path
    runsc: Path


def built_programs() -> Programs:
    """Those of this machine. Skips, or fails, with the command that gets what is missing."""
    return Programs(
        kubernetes=require("kubernetes"),
        node=require("node"),
        containerd=require("containerd"),
        shim=require("gvisor-shim"),
        runsc=require("runsc"),
    )


@dataclass(frozen=True, slots=True)
class WholeNode:
    """A running node. `plane` is its control plane."""

    plane: ControlPlane
    programs: Programs

    @property
    def containerd(self) -> Path:
        """Its socket."""
        return self.plane.folder / "containerd.sock"

    @property
    def network(self) -> Path:
        """Its network namespace."""
        return self.plane.folder / "network"

    def load(self, archive: Path) -> None:
        """Give the node an image (an OCI or Docker archive). Raises RuntimeError with containerd's words."""
        ctr = [str(self.programs.containerd / "ctr"), "--address", str(self.containerd), "--namespace", "k8s.io"]
        done = subprocess.run([*ctr, "images", "import", str(archive)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{archive}: {done.stderr or done.stdout}")


@contextmanager
def running_node(programs: Programs, folder: Path) -> Generator[WholeNode]:
    """Start it with its files in `folder`, which is emptied and must not lie on an overlay; end it at the end.

    There is one on a machine at a time: a second waits. Raises RuntimeError with the end of a log of what failed.
    """
    with _alone():
        _remove_leftovers()
        _unmount(folder / "network")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        (folder / "log").mkdir()
        authority = Authority(folder / "pki")
        administrator = authority.user("administrator", group="system:masters")
        plane = ControlPlane(folder, f"https://{NODE}:6443", authority.pair.certificate, administrator)
        plane.write_kubeconfig(plane.kubeconfig, administrator)
        node = WholeNode(plane, programs)
        processes = _control_plane(plane, programs, authority) | _node(plane, programs, authority)
        (folder / "processes.json").write_text(json.dumps(processes))
        (folder / "node.json").write_text(json.dumps({"address": NODE, "machine": MACHINE, "cgroup": NAME}))
        network = node.network
        with ExitStack() as stack:
            stack.callback(_remove_leftovers)
            _make_network(network)
            stack.callback(_unmount, network)
            namespaces = ["nsenter", f"--net={network}", "unshare", "--pid", "--fork", "--kill-child", "--mount"]
            init = [*namespaces, "--mount-proc", sys.executable, str(Path(__file__).with_name("node_init.py"))]
            path = os.pathsep.join([str(programs.containerd), str(programs.shim), os.environ["PATH"]])
            first = stack.enter_context(
                running_program([*init, folder], plane.logs / "init.log", os.environ | {"PATH": path})
            )
            running = {"init": first}
            api = stack.enter_context(plane.api())
            wait_for("the API server", lambda: answers(api), running, plane.logs)
            runtime_class = {"metadata": {"name": "gvisor"}, "handler": "runsc"}
            api.create(RUNTIME_CLASSES, {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", **runtime_class})
            wait_for("containerd", node.containerd.exists, running, plane.logs)
            node.load(folder / "pause.tar")
            wait_for("the node", lambda: _is_ready(api), running, plane.logs)
            yield node


def _is_ready(api: Api) -> bool:
    if api.find(SERVICE_ACCOUNTS, "default", "default") is None:
        return False
    node = api.find(NODES, "", "node")
    return node is not None and not node["spec"].get("taints") and condition_of(node, "Ready") == "True"


@contextmanager
def _alone() -> Generator[None]:
    with Path("/run/lock" if Path("/run/lock").is_dir() else "/tmp").joinpath(f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_network(network: Path) -> None:
    network.touch()
    _run("unshare", f"--net={network}", "true")
    _run("ip", "link", "add", NAME, "type", "veth", "peer", "name", "eth0", "netns", str(network))
    _run("ip", "address", "add", f"{MACHINE}/30", "dev", NAME)
    _run("ip", "link", "set", NAME, "up")
    _run("ip", "route", "add", _NETWORK, "via", NODE)


def _unmount(network: Path) -> None:
    subprocess.run(["umount", str(network)], check=False, stderr=subprocess.DEVNULL)


def _remove_leftovers() -> None:
    """Of this node, or of one whose tests were killed."""
    subprocess.run(["ip", "link", "delete", NAME], check=False, stderr=subprocess.DEVNULL)
    for root in cgroup_roots(NAME):
        for folder, _, _ in os.walk(root, topdown=False):
            for _ in range(100):  # a cgroup is busy until its last process is gone
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
                    break
                time.sleep(0.05)


def _control_plane(plane: ControlPlane, programs: Programs, authority: Authority) -> dict[str, list[str]]:
    accounts_key = authority.signing_key("accounts")
    administrator = plane.administrator
    bin_folder = programs.kubernetes
    return {
        "etcd": [str(bin_folder / "etcd"), *etcd_options(plane.folder / "etcd", 2379, 2380)],
        "kube-apiserver": [
            str(bin_folder / "kube-apiserver"),
            *api_server_options(plane, authority, 2379, accounts_key, [f"IP:{NODE}", f"IP:{_API_SERVICE}"]),
            f"--advertise-address={NODE}",
            f"--kubelet-client-certificate={administrator.certificate}",
            f"--kubelet-client-key={administrator.key}",
            # By its address: nobody knows the node's name.
            "--kubelet-preferred-address-types=InternalIP",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
            "--allow-privileged",
        ],
        "kube-controller-manager": [
            str(bin_folder / "kube-controller-manager"),
            *controller_manager_options(plane, authority, accounts_key),
            f"--cluster-signing-cert-file={authority.pair.certificate}",
            f"--cluster-signing-key-file={authority.pair.key}",
        ],
    }


def _node(plane: ControlPlane, programs: Programs, authority: Authority) -> dict[str, list[str]]:
    folder = plane.folder

    def kubeconfig(user: str, group: str | None = None) -> Path:
        name = user.rpartition(":")[2]
        return plane.write_kubeconfig(folder / f"{name}.kubeconfig", authority.user(user, group))

    def written(name: str, content: str | dict[str, object]) -> Path:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    write_image(folder / "pause.tar", _PAUSE, {"/pause": programs.node / "pause"}, ["/pause"])
    bin_folder = programs.node
    return {
        "containerd": [
            str(programs.containerd / "containerd"),
            f"--config={written('containerd.toml', _containerd_toml(folder, programs))}",
        ],
        "kubelet": [
            str(bin_folder / "kubelet"),
            f"--config={written('kubelet.json', _kubelet(folder, authority.pair.certificate))}",
            f"--kubeconfig={kubeconfig('system:node:node', 'system:nodes')}",
            "--hostname-override=node",
            f"--node-ip={NODE}",
        ],
        "kube-scheduler": [
            str(bin_folder / "kube-scheduler"),
            f"--kubeconfig={kubeconfig('system:kube-scheduler')}",
            "--leader-elect=false",
            "--secure-port=0",
        ],
        "kube-proxy": [
            str(bin_folder / "kube-proxy"),
            f"--config={written('kube-proxy.json', _kube_proxy(kubeconfig('system:kube-proxy')))}",
            "--hostname-override=node",
        ],
        "coredns": [
            str(bin_folder / "coredns"),
            "-conf",
            str(written("Corefile", _corefile(kubeconfig("coredns", "system:masters")))),
        ],
    }


def _containerd_toml(folder: Path, programs: Programs) -> str:
    (folder / "runsc.toml").write_text(f"binary_name = '{programs.runsc}'\n[runsc_config]\nplatform = 'systrap'\n")
    # Plugins of the network are looked for in one folder with the programs of the node.
    cni = {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni",
                    "ranges": [[{"subnet": _PODS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }
    (folder / "cni").mkdir()
    (folder / "cni" / "10-pods.conflist").write_text(json.dumps(cni))
    plugin = "plugins.'io.containerd.cri.v1"
    return f"""\
version = 3
root = '{folder}/containerd'
state = '/run/containerd'
[grpc]
address = '{folder}/containerd.sock'
[{plugin}.images'.pinned_images]
sandbox = '{_PAUSE}'
[{plugin}.runtime']
# Without CAP_SYS_RESOURCE, which some machines withhold from root, no process can have a lower score.
restrict_oom_score_adj = true
[{plugin}.runtime'.cni]
bin_dirs = ['{programs.node}']
conf_dir = '{folder}/cni'
[{plugin}.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
[{plugin}.runtime'.containerd.runtimes.runsc]
runtime_type = 'io.containerd.runsc.v1'
[{plugin}.runtime'.containerd.runtimes.runsc.options]
TypeUrl = 'io.containerd.runsc.v1.options'
ConfigPath = '{folder}/runsc.toml'
"""


def _kubelet(folder: Path, authority: Path) -> dict[str, object]:
    (folder / "resolv.conf").touch()
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"x509": {"clientCAFile": str(authority)}},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{NAME}",
        "failCgroupV1": False,
        "clusterDNS": [NODE],
        "clusterDomain": "cluster.local",
        "resolvConf": str(folder / "resolv.conf"),
        "containerRuntimeEndpoint": f"unix://{folder}/containerd.sock",
        # Nothing is evicted, and no image removed, for want of disk: the tests own both.
        "evictionHard": {
            "nodefs.available": "0%",
            "imagefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.inodesFree": "0%",
        },
        "imageGCHighThresholdPercent": 100,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
    }


def _kube_proxy(kubeconfig: Path) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "mode": "nftables",
        "clusterCIDR": _PODS,
        # These are the machine's, and cannot be set from a network namespace.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def _corefile(kubeconfig: Path) -> str:
    """Names of the cluster, and none of elsewhere. Two blocks: in one, `template` would answer first."""
    return f"""\
cluster.local in-addr.arpa {{
    bind {NODE}
    errors
    kubernetes {{
        kubeconfig {kubeconfig}
        ttl 1
    }}
}}
. {{
    bind {NODE}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
