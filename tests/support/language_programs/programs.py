"""What the programs of one language are.

`ADD` is a right solution, `TESTS` holds two assertions of it, `FORGERIES` are wrong solutions that try to pass `TESTS`.
The other fields are (solution, tests); the tests call the solution, which does what the field says.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Programs:
    add: str
    wrong: str
    tests: str
    throwing_tests: str
    """Tests without an assertion of the language: conditions that throw, or what test functions are there."""
    empty_tests: str
    leaves: str
    """`add`, which ends the process with status 0."""
    broken: str
    """Its third line is no program."""
    loops: str
    hoards: str
    prints: str
    connects: str
    """`add` gives 3 when it could connect to anything."""
    reads: str
    """`add` gives 3 when it could read what belongs to the warden (its memory, environment, descriptors)."""
    bomb: str
    forgeries: dict[str, str]
    compile_bombs: dict[str, str] = field(default_factory=dict)
