"""A row of the dataset, as a recipe makes it, before lineage is added."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Row:
    """One instruction and its verified response.

    `response` is what a model is trained to answer (prose and code); `code` is its code alone, `tests` what it was
    verified with (empty for recipes that do not execute). `properties` are the recipe's own columns, flat text.
    """

    instruction: str
    response: str
    code: str
    tests: str
    language: str
    properties: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def id(self) -> str:
        """32 hex digits; two rows with the same instruction, response and tests are the same row."""
        text = "\0".join((self.instruction, self.response, self.tests))
        return sha256(text.encode()).hexdigest()[:32]
