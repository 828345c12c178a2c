"""Journals to datasets (AggregationService): selection, Parquet and messages, card, report, manifest, publication.

`dataset.DatasetWriter` makes the files of a dataset from rows, the same bytes for the same rows; `publish` finds those
rows in a journal and puts the files where HEAD.json points. Others come in through `client` or `replay`.
"""
