"""Generated from `protos/`; do not edit. `make protos` makes it anew, a test says when it is stale."""
