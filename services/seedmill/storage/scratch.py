"""Where files without a name lie that this process needs while it works."""

import tempfile
from pathlib import Path


def scratch_place(folder: Path | None = None) -> Path:
    """The folder, or the system's temporary one ($TMPDIR): it should be a disk, not memory."""
    return Path(tempfile.gettempdir()) if folder is None else folder
