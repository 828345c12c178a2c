"""S: the solution alone. It loads the text and then answers the tests' calls; it never sees the tests."""

from ..reasons import why
from .lending import SolutionPolicy
from .mirrors import Mirrors
from .programs import add_exit, load, new_main
from .remote import Endpoint, PeerGone, Unsupported
from .wire import WireError

LOADED = b"L"
FAILED = b"X"


def main(socket_fd, solution):
    """Serve until the tests' process hangs up."""
    add_exit()
    module = new_main()
    endpoint = Endpoint(socket_fd, socket_fd, SolutionPolicy(module.__dict__), Mirrors(trusting=True))
    try:
        load(solution, module)
    except BaseException as error:
        kind = b"memory\n" if isinstance(error, MemoryError) else b"error\n"
        endpoint.send(FAILED, kind + why(error).encode("utf-8", "replace"))
        return
    # Read when asked for: a global that a function changes is seen as it is now.
    endpoint.policy.exports = module.__dict__
    endpoint.send(LOADED, b"")
    while True:
        kind, data = endpoint.receive()
        if kind != b"?":
            return
        try:
            endpoint.answer(data)
        except Unsupported as error:  # from a call of the tests' objects: the tests' call that led to it is refused
            endpoint.refuse(error)
        except (WireError, PeerGone):
            return
