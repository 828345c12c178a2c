"""What a person sees while a run goes on: a live panel in a terminal, plain lines elsewhere."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seedmill.pipeline.progress import Phase, Snapshot
from seedmill.pipeline.rates import rates_of

LIVE_SECONDS = 0.5
WAITING = "waiting (goes on by itself, Ctrl-C stops)"
NEWS_SECONDS = 5.0
"""At most so often a plain line tells of new figures; a new phase, or something new to wait for, is told at once."""
SILENCE_SECONDS = 30.0
"""After so long a plain line says that nothing has changed."""


@dataclass(slots=True)
class Display:
    """Shows snapshots until cancelled. `take` gives the present one."""

    console: Console
    title: str
    take: Callable[[], Snapshot]

    async def show(self) -> None:
        """Show until cancelled."""
        if self.console.is_terminal:
            await self._show_live()
        else:
            await self._show_lines()

    async def _show_live(self) -> None:
        with Live(console=self.console, refresh_per_second=4, transient=True) as live:
            while True:
                snapshot = self.take()
                live.update(self._panel(snapshot))
                await asyncio.sleep(LIVE_SECONDS)

    async def _show_lines(self) -> None:
        said: Snapshot | None = None
        said_at = 0.0
        while True:
            snapshot = self.take()
            if said is None or is_due(snapshot, said, time.monotonic() - said_at):
                said, said_at = snapshot, time.monotonic()
                self.console.print(self._line(snapshot), highlight=False, soft_wrap=True)
            await asyncio.sleep(LIVE_SECONDS)

    def _line(self, snapshot: Snapshot) -> str:
        if snapshot.phase in (Phase.STARTING, Phase.COLLECTING):
            text = f"{snapshot.phase}{_collected(snapshot)}"
        else:
            parts = [f"{name} {value}" for name, value in self._figures(snapshot)]
            text = f"{snapshot.phase}: {snapshot.ledger.accepted}/{snapshot.target} rows, " + ", ".join(parts)
        return text + (f"; {WAITING}: {'; '.join(map(str, snapshot.waiting))}" if snapshot.waiting else "")

    def _figures(self, snapshot: Snapshot) -> list[tuple[str, str]]:
        rates, ledger = rates_of(snapshot), snapshot.ledger
        percent = rates.yield_percent
        figures = [
            ("yield", "-" if percent is None else f"{percent:.0f} %"),
            ("rejected", str(sum(ledger.rejected.values()))),
            ("failed", str(sum(ledger.failed.values()))),
            ("in flight", str(snapshot.in_flight)),
        ]
        if snapshot.paid.total:
            figures.append(("tokens/s", f"{rates.tokens_per_second:,.0f}"))
        if rates.eta_seconds is not None:
            figures.append(("ETA", duration(rates.eta_seconds)))
        return figures

    def _panel(self, snapshot: Snapshot) -> RenderableType:
        lines: list[RenderableType] = [Text.assemble((self.title, "bold"), f"  {snapshot.phase}{_collected(snapshot)}")]
        if snapshot.phase not in (Phase.STARTING, Phase.COLLECTING):
            bar = Table.grid(padding=(0, 1))
            rows = f"{snapshot.ledger.accepted}/{snapshot.target} rows"
            bar.add_row(ProgressBar(total=snapshot.target, completed=snapshot.ledger.accepted, width=40), rows)
            figures = Table.grid(padding=(0, 2))
            figures.add_row(*(Text.assemble((f"{name} ", "dim"), value) for name, value in self._figures(snapshot)))
            lines += [bar, figures]
            reasons = sorted(snapshot.ledger.rejected.items(), key=lambda item: -item[1])[:4]
            if reasons:
                lines.append(Text("rejected: " + ", ".join(f"{name} {count}" for name, count in reasons), "dim"))
            for row in list(snapshot.recent)[-3:]:
                lines.append(Text("  + " + " ".join(row.instruction.split())[: self.console.width - 6], "green"))
        lines += [Text(f"{WAITING}: {each}", "yellow") for each in snapshot.waiting]
        return Group(*lines)


def is_due(now: Snapshot, said: Snapshot, silent_seconds: float) -> bool:
    """Whether a plain line is to be printed, so long after the last one, which told of `said`."""
    if (now.phase, now.waiting) != (said.phase, said.waiting):
        return True
    is_new = (now.ledger, now.collection) != (said.ledger, said.collection)
    return silent_seconds >= (NEWS_SECONDS if is_new else SILENCE_SECONDS)


def duration(seconds: float) -> str:
    """`42 s`, `3 min`, `2 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _collected(snapshot: Snapshot) -> str:
    found = snapshot.collection
    if found is None or snapshot.phase is not Phase.COLLECTING:
        return ""
    total = f" of {found.files_total:,}" if found.files_total else ""
    return f": {found.files_read:,}{total} files read, {found.seeds:,} seeds"
