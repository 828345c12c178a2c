"""The generated code in services/seedmill/v1alpha1 is what the protos say."""

import subprocess
import sys
from pathlib import Path

from support.requirements import ROOT

COMMITTED = ROOT / "services" / "seedmill" / "v1alpha1"


def test_the_generated_code_is_fresh(tmp_path: Path) -> None:
    subprocess.run([ROOT / "tools" / "generate-protos", tmp_path, sys.executable], check=True)
    generated = {path.name: path.read_text() for path in (tmp_path / "seedmill" / "v1alpha1").iterdir()}
    committed = {path.name: path.read_text() for path in COMMITTED.glob("*_pb2*.py*")}
    stale = sorted(name for name in generated.keys() | committed if generated.get(name) != committed.get(name))
    assert not stale, f"stale: {', '.join(stale)}; run: make protos"
