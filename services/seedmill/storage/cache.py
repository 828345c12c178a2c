"""Where what was built or fetched once for this user is kept: the sandbox's program, the embedded model."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """$SEEDMILL_CACHE, or seedmill/ in the user's cache."""
    named = os.environ.get("SEEDMILL_CACHE")
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "seedmill"
