"""The Kubernetes operator: it looks after DatasetGenerations, each of which is one Job of one pod, `seedmill dispatch`.

    watch (kopf) -> queue of keys -> reconcile: observe -> plan (pure) -> act -> one status write -> events

It may be killed at any line, and two copies may run at once: whatever it does can be done again, everything it
decides follows from the resource, its Jobs and their pods, and the status is a report that could be lost. It never sees
a sample and reads no store. `plan.py` is the place to start reading; only `seedmill.cli` may import this room.
"""
