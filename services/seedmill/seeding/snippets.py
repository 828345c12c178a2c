"""Snippets: consecutive lines of a file, as OSS-Instruct draws them (Magicoder §3.1, `generate_data.py`).

One snippet per document; its start is uniform over the lines, its length uniform in 1..max_lines, shorter at the end of
the file. The draw is keyed by the document's content, so batches, order and process count do not enter it, as they do
in the reference. Where this deviates: a metadata line of StarCoder's data is removed first, and a snippet without any
letter, or of overlong lines, is drawn again a few times before the document is given up.
"""

from dataclasses import dataclass
from hashlib import sha256

from seedmill.records.randomness import Draw
from seedmill.seeding.documents import without_metadata_line

_TRIES = 8


@dataclass(frozen=True, slots=True)
class Snippet:
    """`line` is the 1-based first line in the document as it was read; `redrawn` how often the draw was repeated."""

    text: str
    line: int
    redrawn: int
    metadata_removed: bool


def snippet_of(text: str, max_lines: int, random_seed: int, max_characters: int) -> Snippet | str:
    """The document's snippet, without its last line end; or why it has none (`no_letters`, `overlong_lines`)."""
    body, removed = without_metadata_line(text)
    lines = body.removesuffix("\n").split("\n")
    digest = sha256(text.encode()).hexdigest()
    reason = "no_letters"
    for attempt in range(_TRIES):
        draw = Draw(random_seed, "snippet", digest, attempt)
        start = draw.below(len(lines))
        snippet = "\n".join(lines[start : start + 1 + draw.below(max_lines)])
        if len(snippet) > max_characters:
            reason = "overlong_lines"
        elif any(character.isalpha() for character in snippet):
            return Snippet(snippet, start + 1 + removed, attempt, removed)
        else:
            reason = "no_letters"
    return reason
