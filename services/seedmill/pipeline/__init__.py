"""Moves samples through a recipe: a window of samples in flight, the journal's one writer, budget, stop.

Knows no Kubernetes and, but for `server.py`, no transport: the services stand behind the protocols in `ports.py`.
`run.py` is the way in; `progress.py` is what a run says of itself, `server.py` and `metrics.py` tell it to programs.
"""
