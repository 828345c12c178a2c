"""Exact duplicates: texts that are equal once all white space is taken out (Magicoder `clean_data`, SelfCodeAlign
`sanitize_data`). Case counts: `Sum` and `sum` are different programs."""

from xxhash import xxh3_128_intdigest


def exact_key(text: str) -> int | None:
    """128 bits that stand for the text without white space; None when nothing else is in it."""
    squeezed = "".join(text.split())
    return xxh3_128_intdigest(squeezed.encode()) if squeezed else None


class ExactIndex:
    """Texts seen so far, each with the number of the row that brought it first."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def find(self, text: str) -> int | None:
        """The number of the first row with this text, or None."""
        key = exact_key(text)
        return None if key is None else self._first.get(key)

    def add(self, text: str, row_number: int) -> None:
        key = exact_key(text)
        if key is not None:
            self._first.setdefault(key, row_number)
