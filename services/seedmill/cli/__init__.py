"""The `seedmill` command. One module a command; `main.py` mounts them. Heavy imports stay inside the commands."""
