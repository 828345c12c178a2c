"""A cache of a few values, for readers that go through something in about its order."""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LatestUsed(Generic[K, V]):
    """The values that were used last, at most `held` of them."""

    def __init__(self, held: int) -> None:
        self._held = held
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: K, value: V) -> None:
        self._values[key] = value
        if len(self._values) > self._held:
            self._values.popitem(last=False)
