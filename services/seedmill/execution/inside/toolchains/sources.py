"""The files of a program: what the language's folder gives, with solution and tests where they belong.

A folder with `assemble.py` says itself how. Its function `assemble(solution, tests, source_text, files)` gives text by
file name, where `solution` and `tests` stand for the names that the manifest gives them; `files` are the folder's own.
It is trusted, but what it reads is not, so it runs in the child that compiles, under its limits.
"""

import os

from . import source_text

LANGUAGES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "languages")
_folders = {}


class Folder:
    """A language's folder, read once: its templates by file name, and its assembler."""

    def __init__(self, path, copied, assembler):
        self.files = {os.path.basename(name): _read(os.path.join(path, name)) for name in copied}
        self.assemble = None
        if assembler:
            assembler = os.path.join(path, assembler)
            namespace = {"__name__": "assemble", "__file__": assembler}
            exec(compile(_read(assembler), assembler, "exec", dont_inherit=True), namespace)
            self.assemble = namespace["assemble"]

    def sources(self, toolchain, solution, tests):
        """Text by file name. Raises ValueError with what is wrong with the program."""
        texts = {"solution": solution, "tests": tests}
        if self.assemble is not None:
            texts = self.assemble(solution, tests, source_text, self.files)
        return {**self.files, **{toolchain.get(name, name): text for name, text in texts.items()}}


def folder(toolchain):
    """The language's folder: one of these here, or where the host says."""
    path = toolchain["folder"] or os.path.join(LANGUAGES, toolchain["name"])
    if path not in _folders:
        _folders[path] = Folder(path, toolchain["copied"], toolchain["assembler"])
    return _folders[path]


def write(texts):
    """Write them into the current folder. Raises OSError."""
    for name, text in texts.items():
        with open(name, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(text)


def _read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()
