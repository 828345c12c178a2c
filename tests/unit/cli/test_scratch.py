"""Temporary folders of commands, and what becomes of those whose owner was killed."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from seedmill.cli.scratch import scratch_folder
from support.cli import environment

HOLDS_A_FOLDER = """
import sys, time
from seedmill.cli.scratch import scratch_folder
with scratch_folder("test") as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def owner(temporary: Path):
    """Another process that holds a folder; `folder` is which."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_FOLDER],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(temporary)),
    )
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    yield process, folder
    process.kill()
    process.communicate()


def test_a_folder_is_private_and_goes_with_its_context() -> None:
    with scratch_folder("test") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "socket").touch()
    assert not folder.exists()


def test_the_folder_of_a_killed_process_is_removed_by_the_next_one(owner) -> None:
    process, folder = owner
    (folder / "inference.sock").touch()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert folder.is_dir()
    with scratch_folder("test"):
        assert not folder.exists()


def test_the_folder_of_a_living_process_stays(owner) -> None:
    _, folder = owner
    with scratch_folder("test"):
        assert folder.is_dir()


def test_what_is_not_ours_stays(temporary: Path) -> None:
    (temporary / "seedmill-notes").mkdir()
    (temporary / "seedmill-notes" / "todo.txt").touch()
    (temporary / "seedmill-file").touch()
    (temporary / "other").mkdir()
    (temporary / "other" / ".owner").touch()
    (temporary / "seedmill-link").symlink_to(temporary / "other")
    (temporary / "seedmill-linked-lock").mkdir()
    (temporary / "seedmill-linked-lock" / ".owner").symlink_to(temporary / "other" / ".owner")
    with scratch_folder("test"):
        pass
    assert sorted(os.listdir(temporary)) == [
        "other", "seedmill-file", "seedmill-link", "seedmill-linked-lock", "seedmill-notes",
    ]  # fmt: skip
    assert (temporary / "seedmill-notes" / "todo.txt").exists()
    assert (temporary / "other" / ".owner").exists()
