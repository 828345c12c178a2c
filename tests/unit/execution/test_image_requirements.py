"""The image of the execution service holds what images/execution/requirements.txt names, and nothing besides."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

STARTED_WITHOUT = """
import importlib.abc, json, sys

class Missing(importlib.abc.MetaPathFinder):
    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, Missing(set(json.loads(sys.argv.pop(1)))))
from seedmill.cli.entry import main
main()
"""


def test_the_execution_service_starts_with_what_its_image_holds(tmp_path: Path):
    lines = (ROOT / "images/execution/requirements.txt").read_text().splitlines()
    held = {line.strip().lower() for line in lines if line.strip() and not line.startswith("#")} | {"seedmill"}
    missing = [
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if not held.intersection(name.lower().replace("_", "-") for name in distributions)
    ]
    assert "pyarrow" in missing
    command = ["serve", "execution", "--address", f"unix:{tmp_path}/e.sock", "--isolation", "process"]
    started = subprocess.Popen(
        [sys.executable, "-c", STARTED_WITHOUT, json.dumps(missing), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert started.stdout is not None
        said: list[str] = []
        for line in started.stdout:
            said.append(line)
            if '"event": "ready"' in line:
                return
        raise AssertionError("".join(said))
    finally:
        started.terminate()
        started.wait(20)
