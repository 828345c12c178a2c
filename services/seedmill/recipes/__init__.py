"""The methods: how a seed becomes rows. A recipe is data plus pure functions; the pipeline runs it.

A new method is one new module here and one line in `build.py`.
"""
