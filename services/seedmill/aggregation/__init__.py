"""Journals to datasets (AggregationService): selection, Parquet and messages, card, report, manifest, publication.

`dataset.write_dataset` makes the files of a dataset from rows, as a pure function of its input; `publish` finds those
rows in a journal and puts the files where HEAD.json points. Others come in through `client` or `replay`.
"""
