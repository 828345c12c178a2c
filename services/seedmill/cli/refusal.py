"""How an error that is the user's to mend reaches the user: `seedmill: ` and one line, or a line for each problem."""

import errno

from seedmill.serving.errors import ServiceError
from seedmill.spec.errors import RecipeError, SpecError
from seedmill.storage.store import StorageError

PREFIX = "seedmill: "

REFUSALS = (RecipeError, ServiceError, SpecError, StorageError, OSError)
"""What becomes a line and exit status 2; anything else is a mistake of this program and shows its traceback."""

_ADVICE = {
    errno.ENOSPC: "make room there, then run again: what is durable is kept",
    errno.EDQUOT: "make room there, then run again: what is durable is kept",
    errno.EROFS: "mount it writable, or choose another folder",
    errno.EACCES: "change its permissions, or choose another one",
    errno.EPERM: "change its permissions, or choose another one",
    errno.EMFILE: "raise the limit with ulimit -n",
    errno.ENFILE: "this machine has too many files open: end other programs",
    errno.ENOMEM: "free some memory, then run again: what is durable is kept",
}


def refusal(error: Exception) -> str:
    """The text for stderr."""
    said = os_error_words(error) if isinstance(error, OSError) else str(error)
    return "\n".join(PREFIX + line for line in said.splitlines() or [type(error).__name__])


def os_error_words(error: OSError, place: object = "") -> str:
    """What the system said, of which file (or `place`, where it names none), and what to do where that is known."""
    where = error.filename or place
    words = (f"{where}: " if where else "") + (error.strerror or str(error) or type(error).__name__)
    advice = _ADVICE.get(error.errno or 0)
    return f"{words}; {advice}" if advice else words
