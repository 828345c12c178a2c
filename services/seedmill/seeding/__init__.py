"""Corpora to seeds: the seeding service.

Everything that enters here is hostile: archives that explode, files that are no text, code that no parser survives.
So readers stream with caps (`limits.py`), every document is parsed in a child process that may die (`worker.py`), and
whatever is left out is counted by reason. `collect.py` is the whole of it as one function, `server.py` and `client.py`
make a service of that. Callers outside this room use `client.py` only; what the seeds look like in the store is
`seedmill.storage.seeds`.
"""
