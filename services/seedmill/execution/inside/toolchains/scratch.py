"""The folder that a compiler and the program it makes share. It belongs to their user and is gone after the verdict."""

import os

from .. import confinement
from ..child import SCRATCH

SCRATCH_BYTES = 256 << 20
"""Holds sources, what compilers need beside them, and programs. What lies in it counts as memory of its user."""


OTHERS = SCRATCH[1:]
"""Scratch folders that each of the processes has of its own."""


class Scratch:
    """Where the warden may mount: a `/tmp` of its own for as long as one program is judged. Else a folder in `/tmp`."""

    def __init__(self, processes, visible):
        """`visible` are folders that must be seen at their places. Raises OSError."""
        self.mounted = processes.mounts and processes.root
        self.visible = [path for path in visible if not path.startswith(f"{SCRATCH[0]}/")]
        covered = [path for path in visible if path not in self.visible]
        uid = processes.test_uid if processes.root else os.geteuid()
        if self.mounted:
            self.folder = os.path.join(SCRATCH[0], "program")
            handles = {path: confinement.open_folder(path) for path in covered}
            confinement.mount_scratch(SCRATCH[0], uid, SCRATCH_BYTES)
            os.mkdir(self.folder, 0o700)
            for path, handle in handles.items():
                confinement.mount_again(handle, path)
                os.close(handle)
        else:
            import tempfile  # here, for with them each program would begin as a copy of half a megabyte more

            self.folder = tempfile.mkdtemp(prefix="seedmill-program-")
        if processes.root:
            os.chown(self.folder, uid, uid)

    def close(self):
        """Remove it. Nothing runs in it any more."""
        if self.mounted:
            confinement.unmount(SCRATCH[0])
        else:
            import shutil

            shutil.rmtree(self.folder, ignore_errors=True)
