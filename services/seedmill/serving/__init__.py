"""What every server and client shares: bootstrap, drain, health, interceptors, channels, metrics, logs, errors."""

import os

# gRPC's core writes its own lines to stderr, among them one for each connection that a stopping server closes. What
# matters to a person comes out as an error; whoever looks for a fault in gRPC sets the variable.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
