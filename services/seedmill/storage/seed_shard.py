"""The seeds of one run: all of a collection's, or the part that `seeds.shard` names."""

from dataclasses import dataclass

from seedmill.records.seed import Seed
from seedmill.storage.seeds import SeedReader


@dataclass(frozen=True, slots=True)
class SeedShard:
    """`count` of the reader's seeds from `first` on; seeds are in the order of their digests."""

    reader: SeedReader
    first: int
    count: int

    @staticmethod
    def of(reader: SeedReader, shard: str | None) -> "SeedShard":
        """`2/8` is the second eighth; None is everything."""
        count = len(reader)
        if shard is None:
            return SeedShard(reader, 0, count)
        number, parts = map(int, shard.split("/"))
        first, behind = count * (number - 1) // parts, count * number // parts
        return SeedShard(reader, first, behind - first)

    def get(self, index: int) -> Seed:
        """The run's seed at an index from 0."""
        return self.reader.get(self.first + index)
