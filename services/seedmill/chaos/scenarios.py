"""The troubles of the scorecard: what the engine does, and what is done to the process, its disk or its store."""

from dataclasses import dataclass
from enum import StrEnum

from seedmill.chaos.script import Fault, Hits, Script

PATIENCE_SECONDS = 15.0
"""How long tools are told to wait for an answer: short, so that an answer that never comes costs seconds."""


class Deed(StrEnum):
    """What is done from outside, beside what the engine does."""

    NOTHING = "nothing"
    KILL = "kill"
    """SIGKILL when 55 % of the rows are paid; then the same command again."""
    FILL_DISK = "fill_disk"
    """The disk with the tool's state is full for some seconds, from 40 % on."""
    STOP_STORE = "stop_store"
    """The S3 server is away for some seconds, from 40 % on."""


AS_IT_SHOULD = Script()


@dataclass(frozen=True, slots=True)
class Scenario:
    """`name` is what `--only` takes, `title` is for people. `capped`: the engine takes only a quarter of the requests.

    `slow_percent` of the rows may be paid twice: an answer that is late may be asked for at once more.
    """

    name: str
    title: str
    script: Script = AS_IT_SHOULD
    deed: Deed = Deed.NOTHING
    capped: bool = False
    slow_percent: int = 0

    def may_pay_twice(self, rows: int, window: int) -> int:
        """How many answers may be paid twice: after a SIGKILL those in flight, else none."""
        at_kill = window if self.deed is Deed.KILL else 0
        return at_kill + rows * self.slow_percent // 100


SCENARIOS = (
    Scenario("kill", "SIGKILL at 55 %", deed=Deed.KILL),
    Scenario("400", "HTTP 400 to 2 %", Script(fault=Fault.BAD_REQUEST, percent=2, hits=Hits.EVERY)),
    Scenario("429", "HTTP 429, a storm", capped=True),
    Scenario("500", "HTTP 500 to 20 %", Script(fault=Fault.SERVER_ERROR, percent=20, hits=Hits.CHANCE)),
    Scenario("hang", "1 % never answered", Script(fault=Fault.HANG, percent=1)),
    Scenario("slow", "5 % are 5 s late", Script(fault=Fault.SLOW, percent=5), slow_percent=5),
    Scenario("html", "a web page to 2 %", Script(fault=Fault.HTML, percent=2)),
    Scenario("truncated", "half the JSON to 5 %", Script(fault=Fault.TRUNCATED, percent=5)),
    Scenario("choices", "no `choices` in 5 %", Script(fault=Fault.NO_CHOICES, percent=5)),
    Scenario("extra", "3 choices in 5 %", Script(fault=Fault.TOO_MANY_CHOICES, percent=5)),
    Scenario("usage", "impossible `usage`", Script(fault=Fault.WRONG_USAGE, percent=100, hits=Hits.EVERY)),
    Scenario("reset", "connection reset, 5 %", Script(fault=Fault.RESET, percent=5)),
    Scenario("disk", "disk full for 6 s", deed=Deed.FILL_DISK),
    Scenario("s3", "S3 away for 6 s", deed=Deed.STOP_STORE),
)


def scenarios_named(names: str | None) -> list[Scenario]:
    """Those of a list like `kill,429`, in its order; all when there is none. Raises ValueError for an unknown name."""
    if names is None:
        return list(SCENARIOS)
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in by_name]
    if unknown or not wanted:
        raise ValueError(f"no scenario {', '.join(unknown) or repr(names)}; there are {', '.join(by_name)}")
    return [by_name[name] for name in wanted]
