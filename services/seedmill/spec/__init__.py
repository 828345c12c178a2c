"""DatasetGeneration: what a user writes. Every other room may read it; it knows none of them, and does no I/O but to
read the file it is asked for.

`model` holds the types (with `rules` over several fields and `shapes` of texts), `parse` makes them from YAML with
errors that name line and field, `digest` names the run, `crd` and `reference` derive the CRD and its page in docs/.
"""
