"""The first process of a whole node: sets the node up, runs its programs, starts again what ends, reaps the rest.

    python node_init.py FOLDER

It is process 1 of a PID namespace, so with it every program, pod and mount ends. FOLDER/processes.json has the programs
in the order in which they start; FOLDER/node.json has the addresses.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

CGROUPS = Path("/sys/fs/cgroup")
RESTART_SECONDS = 0.5


def main(folder: Path) -> None:
    """Never returns."""
    node: dict[str, str] = json.loads((folder / "node.json").read_text())
    processes: dict[str, list[str]] = json.loads((folder / "processes.json").read_text())
    prepare(folder, node)
    logs: dict[str, IO[bytes]] = {name: (folder / "log" / f"{name}.log").open("ab") for name in processes}
    running = {start(processes[name], logs[name]): name for name in processes}
    while True:
        pid, status = os.wait()
        name = running.pop(pid, None)
        if name is not None:
            print(f"{name} ended with status {status}", flush=True)  # noqa: T201
            time.sleep(RESTART_SECONDS)
            running[start(processes[name], logs[name])] = name


def start(command: list[str], log: IO[bytes]) -> int:
    """Its process id."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log).pid


def prepare(folder: Path, node: dict[str, str]) -> None:
    """What programs write at fixed places goes into the folder; the node gets its address and cgroups."""
    run("mount", "--make-rshared", "/")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for place in ("/var/lib/kubelet", "/var/lib/cni", "/var/log"):
        source = folder / "node" / Path(place).name
        source.mkdir(parents=True)
        Path(place).mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", str(source), place)
    run("ip", "address", "add", f"{node['address']}/30", "dev", "eth0")
    for device in ("lo", "eth0"):
        run("ip", "link", "set", device, "up")
    run("ip", "route", "add", "default", "via", node["machine"])
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for root in cgroup_roots(node["cgroup"]):
        root.mkdir(exist_ok=True)
    controllers = CGROUPS / "cgroup.controllers"
    if controllers.exists():
        for controller in controllers.read_text().split():
            (CGROUPS / "cgroup.subtree_control").write_text(f"+{controller}")


def cgroup_roots(name: str) -> list[Path]:
    """The cgroup of all pods: one, or with cgroups of version 1 one for each controller."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS / name]
    return [controller / name for controller in CGROUPS.iterdir() if controller.is_dir()]


def run(*command: str) -> None:
    """Raises CalledProcessError, which ends the node."""
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
