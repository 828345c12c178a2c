"""How much of a hostile corpus is looked at before it is left out. Every cap here has a reason in `docs/seeding.md`."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps of one collection. The defaults are what the service uses; tests make them small."""

    document_bytes: int = MIB
    """Largest document; longer ones are data or generated."""
    line_bytes: int = 8 * MIB
    """Longest line of a JSONL file: a document of `document_bytes` with every byte escaped still fits."""
    expansion_ratio: int = 200
    """Decompressed bytes per compressed byte that a container may have in all. Source code stays below 30."""
    expansion_bytes: int = 64 * MIB
    """Decompressed bytes that are always allowed, whatever the ratio."""
    directory_bytes: int = 256 * MIB
    """Largest central directory of a zip archive, which has to be held in memory."""
    header_bytes: int = MIB
    """Largest extended header of a tar member, which has to be held in memory."""
    row_group_bytes: int = 2048 * MIB
    """Largest column chunk of a Parquet row group, uncompressed."""
    context_lines: int = 200
    """Longest context of a function: beyond this, the function is not what the row would be about."""
    snippet_characters: int = 4000
    """Longest snippet: consecutive lines of minified code are not what a prompt can use."""
    parse_cpu_seconds: float = 10.0
    """CPU time for one document; the child that takes longer is killed."""
    worker_memory_bytes: int = 2048 * MIB
    """Data segment of a child that parses documents or checks types."""
    type_check_cpu_seconds: float = 5.0
    """CPU time of a type check, and a hundredth of a second more for each function in it; most need a thousandth."""
    type_check_output_bytes: int = 64 * MIB
    """Longest report of a type check: some hundred bytes for an error."""

    def expansion_cap(self, compressed_bytes: int) -> int:
        """Decompressed bytes after which a container counts as a bomb."""
        return max(self.expansion_bytes, self.expansion_ratio * compressed_bytes)
