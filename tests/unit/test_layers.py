"""Which room may import which: the contracts in pyproject.toml hold."""

import os
import subprocess
import sys

from support.requirements import ROOT


def test_rooms_import_only_what_stands_below_them() -> None:
    # By its console function, because the script is not on the PATH when pytest is run by path.
    command = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    roots = os.pathsep.join([str(ROOT / "services"), str(ROOT / "operator")])
    done = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": roots},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
