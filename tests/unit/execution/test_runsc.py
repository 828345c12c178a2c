"""What is asked of the runsc that is found, before anything runs in it."""

from pathlib import Path

import pytest

from seedmill.execution.sandboxes.runsc_build import runsc_version
from seedmill.serving.errors import Misconfigured


def program(folder: Path, says: str, status: int = 0) -> Path:
    path = folder / "runsc"
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def test_verdicts_name_the_version_that_runsc_says(tmp_path: Path) -> None:
    assert runsc_version(program(tmp_path, "runsc version release-20251110.0")) == "release-20251110.0"


@pytest.mark.parametrize(("says", "status"), [("something else", 0), ("runsc version 1", 1)])
def test_a_program_that_is_no_runsc_is_refused(tmp_path: Path, says: str, status: int) -> None:
    with pytest.raises(Misconfigured, match="does not say its version"):
        runsc_version(program(tmp_path, says, status))
