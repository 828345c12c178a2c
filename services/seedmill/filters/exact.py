"""Exact duplicates: texts that are equal once all white space is taken out (Magicoder `clean_data`, SelfCodeAlign
`sanitize_data`). Case counts: `Sum` and `sum` are different programs."""

from xxhash import xxh3_128_intdigest


def exact_key(text: str) -> int | None:
    """128 bits that stand for the text without white space; None when nothing else is in it."""
    squeezed = "".join(text.split())
    return xxh3_128_intdigest(squeezed.encode()) if squeezed else None
