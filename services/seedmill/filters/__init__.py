"""Decisions about one text against an index: exact and near-duplicates, contamination.

Pure: the same texts in the same order give the same answers. `recipes` and everything above may import this room.
"""
