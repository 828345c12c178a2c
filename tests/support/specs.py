"""DatasetGenerations for tests that run commands, and the corpus they name (`functions.jsonl` beside them)."""

from pathlib import Path

from support.corpora import write_functions
from support.teacher import MODEL

RUN = """\
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {name: mine}
spec:
  recipe:
    commentFunction: {}
  seeds:
    corpus: {uri: functions.jsonl, licenses: {allow: [MIT]}}
  execution: {isolation: Process}
  target: {acceptedSamples: 3}
"""
"""Without a teacher and without a sandbox."""

TAUGHT = f"""\
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {{name: taught}}
spec:
  recipe:
    ossInstruct: {{}}
  seeds:
    corpus: {{uri: functions.jsonl, licenses: {{allow: [MIT]}}}}
  teacher: {{model: {MODEL}}}
  target: {{acceptedSamples: 3}}
  maxInFlight: 8
"""
"""With the scripted teacher; nothing is executed."""


def write_spec(folder: Path, text: str, functions: int = 40) -> Path:
    """The spec in a file of this folder, with a corpus of so many functions."""
    write_functions(folder / "functions.jsonl", functions)
    file = folder / "run.yaml"
    file.write_text(text)
    return file
