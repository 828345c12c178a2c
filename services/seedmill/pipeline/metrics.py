"""A run's Prometheus metrics: its last moment, read when they are scraped.

They carry no run label: a process does one run, and whoever scrapes it knows which pod that is. Candidates are a gauge
although they only grow: the ledger goes on from process to process, and a counter would seem to restart.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from seedmill.pipeline.patience import Dependency
from seedmill.pipeline.progress import Snapshot


class RunMetrics(Collector):
    """Whoever drives the run notes moments of it; a scrape, in another thread, reads the last one."""

    def __init__(self) -> None:
        self._moment: Snapshot | None = None

    def note(self, moment: Snapshot) -> None:
        """The run as it is now."""
        self._moment = moment

    @contextmanager
    def registered(self, registry: CollectorRegistry = REGISTRY) -> Generator[None]:
        """Served with the process's other metrics while this is open."""
        registry.register(self)
        try:
            yield
        finally:
            registry.unregister(self)

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks for."""
        moment = self._moment
        if moment is None:
            return
        ledger = moment.ledger
        candidates = GaugeMetricFamily(
            "seedmill_dispatch_candidates",
            "Leaf candidates by outcome (accepted, rejected, failed, pending) and reason, of earlier processes too.",
            labels=("outcome", "reason"),
        )
        candidates.add_metric(("accepted", ""), ledger.accepted)
        candidates.add_metric(("pending", ""), ledger.pending)
        for outcome, reasons in (("rejected", ledger.rejected), ("failed", ledger.failed)):
            for reason, count in reasons.items():
                candidates.add_metric((outcome, reason), count)
        yield candidates
        yield _gauge("target_rows", "Rows to publish.", moment.target)
        yield _gauge("in_flight", "Root samples in flight.", moment.in_flight)
        yield _gauge("window", "Root samples that may be in flight at most.", moment.window)
        paid = CounterMetricFamily(
            "seedmill_dispatch_paid_tokens", "Tokens that this process paid: prompt or completion.", labels=("kind",)
        )
        paid.add_metric(("prompt",), moment.paid.prompt)
        paid.add_metric(("completion",), moment.paid.completion)
        yield paid
        waiting = GaugeMetricFamily(
            "seedmill_dispatch_waiting", "1 while the run waits for this dependency, else 0.", labels=("dependency",)
        )
        away = {each.dependency for each in moment.waiting}
        for dependency in Dependency:
            waiting.add_metric((dependency.service,), dependency in away)
        yield waiting


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"seedmill_dispatch_{name}", words, value)
