"""Full disks, folders that may not be written, and what dead writers leave: a directory store on real file systems.

The file systems are mounted in a mount namespace of the test's own (`unshare`), so nothing stays mounted.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seedmill.storage import StorageError, open_store
from seedmill.storage.keys import TEMPORARY_PREFIX

_SERVICES = Path(__file__).parents[2] / "services"
_NOBODY = 65534


def _unshare() -> list[str]:
    command = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--user", "--map-root-user"]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine allows no mount namespaces: run the test as root, or allow user namespaces")
    return command


def _run_on(mount: str, code: str, folder: Path) -> str:
    """Run Python code with `store` at folder/store, after a shell's `mount` line; its standard output."""
    program = f"from seedmill.storage import *\nstore = open_store({str(folder / 'store')!r})\n{code}"
    script = f"set -e; cd '{folder}'; {mount}; exec '{sys.executable}' -c \"$0\""
    answer = subprocess.run(
        [*_unshare(), "sh", "-c", script, program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(_SERVICES)},
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    said = _run_on(
        "mkdir store; mount -t tmpfs -o size=1m none store",
        """
import os
store.put("a", b"x" * 600_000)
try:
    store.put("b", b"y" * 600_000)
except StoreFull as full:
    print(full)
assert [e.key for e in store.list()] == ["a"] and os.listdir(store.uri) == ["a"]
try:
    store.put("a", b"z" * 600_000)
except StoreFull:
    pass
assert store.get("a") == b"x" * 600_000
store.delete("a")
store.put("b", b"y" * 600_000)
print("again", store.get("b") == b"y" * 600_000)
""",
        tmp_path,
    )
    assert f"{tmp_path}/store/b: No space left on device; make room there" in said
    assert "again True" in said


def test_a_full_target_of_get_file_is_named(tmp_path: Path) -> None:
    said = _run_on(
        "mkdir small; mount -t tmpfs -o size=64k none small",
        """
from pathlib import Path
store.put("a", b"x" * 600_000)
try:
    store.get_file("a", Path("small/copy"))
except StoreFull as full:
    print(full, sorted(p.name for p in Path("small").iterdir()))
""",
        tmp_path,
    )
    assert "small/copy: No space left on device" in said
    assert said.strip().endswith("[]")


def test_a_read_only_file_system_is_said(tmp_path: Path) -> None:
    said = _run_on(
        "mkdir store; echo hello > store/a; mount --bind store store; mount -o remount,ro,bind store",
        """
for write in (lambda: store.put("b", b""), lambda: store.delete("a"), lambda: store.copy("a", "new/folder/b")):
    try:
        write()
    except ReadOnlyStore as refused:
        print(refused)
print(store.get("a"))
""",
        tmp_path,
    )
    assert said.count("Read-only file system; mount it writable, or choose another folder") == 3
    assert "b'hello\\n'" in said


def test_a_folder_of_somebody_else_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "a").write_bytes(b"mine")
    (folder / "a").chmod(0o600)
    folder.chmod(0o555)
    for above in (*folder.parents,):
        if above.owner() == tmp_path.owner() and above not in (Path("/"), Path("/tmp")):
            above.chmod(above.stat().st_mode | 0o055)
    program = f"""
from seedmill.storage import *
store = open_store({str(folder)!r})
for use, kind in ((lambda: store.put("b/c", b""), ReadOnlyStore), (lambda: store.get("a"), StorageError)):
    try:
        use()
    except kind as refused:
        assert type(refused) is kind
        print(refused)
"""
    as_nobody = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    if not as_nobody:
        (folder / "a").chmod(0)
    answer = _as_other_user(program, as_nobody)
    assert "Permission denied; make the folder writable for this user" in answer
    assert f"{folder}/a: Permission denied; make it readable for this user" in answer


def _as_other_user(program: str, options: dict[str, object]) -> str:
    # Interpreter and packages may lie where only root can read, so they are loaded before the user changes.
    drop = "" if not options else f"import os; os.setgroups([]); os.setgid({_NOBODY}); os.setuid({_NOBODY})\n"
    answer = subprocess.run(
        [sys.executable, "-c", f"import seedmill.storage\n{drop}{program}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(_SERVICES)},
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_what_dead_writers_left_is_no_object(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.put("runs/a/1", b"1")
    (tmp_path / "runs" / "a" / f"{TEMPORARY_PREFIX}0123456789abcdef").write_bytes(b"half")
    assert [entry.key for entry in store.list()] == ["runs/a/1"]
    assert [entry.key for entry in store.list("runs/a/")] == ["runs/a/1"]
    store.put("runs/a/1", b"2")
    assert store.get("runs/a/1") == b"2"


def test_an_object_in_the_way_of_a_folder_is_said(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.put("a", b"")
    with pytest.raises(StorageError, match=r"/a/b.*a file stands where a folder is needed"):
        store.put("a/b", b"")
    store.put("c/d", b"")
    with pytest.raises(StorageError, match=r"/c:.*where a folder is needed"):
        store.put("c", b"")
    assert [entry.key for entry in store.list()] == ["a", "c/d"]


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "runs").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "store")
    store = open_store(tmp_path / "store")
    store.put("runs/a", b"1")
    assert [entry.key for entry in store.list()] == ["runs/a"]


def test_deleting_tidies_up_empty_folders(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    store.put("staging/x/y/part", b"")
    store.put("staging/z", b"")
    store.delete("staging/x/y/part")
    assert sorted(path.name for path in (tmp_path / "store").rglob("*")) == ["staging", "z"]
    store.delete("staging/z")
    assert list((tmp_path / "store").iterdir()) == []
