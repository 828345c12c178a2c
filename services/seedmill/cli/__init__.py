"""The `seedmill` command. One module a command; `main.py` mounts them. Heavy imports stay inside the commands."""

import os

# gRPC writes lines of its own to stderr, among them one for each connection that a stopping server closes; it
# reads this once, when it is imported. What matters to a person comes out as an error.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
