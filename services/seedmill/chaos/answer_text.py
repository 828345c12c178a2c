"""What the scripted engine writes: an OSS-Instruct answer of a given size, no two alike, the same for the same prompt.

It must pass the gates that stand before a row by default: sections, Python that parses, unlike all others, and no
benchmark task.
"""

from seedmill.records.randomness import Draw

_SYLLABLES = (
    "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "we", "xi", "yo",
    "zu", "bra", "cle", "dri", "flo", "gru", "pla", "spe", "tri", "sko", "stu", "ther", "mon",
)  # fmt: skip
_FRAME_TOKENS = 40
"""Tokens of the answer's fixed parts and its code, roughly."""


def answer_text(prompt_key: str, tokens: int) -> str:
    """About so many tokens (a word is counted as two), never fewer than the frame needs."""
    draw = Draw("answer", prompt_key)
    name, item, total = (_word(draw) for _ in range(3))
    factor, offset = 2 + draw.below(97), draw.below(9_000)
    story = " ".join(_word(draw) for _ in range(max(5, (tokens - _FRAME_TOKENS) // 2)))
    return (
        f"[Problem Description]\nWrite {name}({total}), which scales and shifts each number: {story}.\n\n"
        f"[Solution]\n```python\ndef {name}({total}):\n"
        f"    return [{item} * {factor} + {offset} for {item} in {total}]\n```"
    )


def _word(draw: Draw) -> str:
    bits = draw.bits64()
    return "".join(_SYLLABLES[bits >> shift & 31] for shift in (0, 5, 10))
