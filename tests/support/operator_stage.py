"""A run on the small cluster, and the operator that a test lets act on it."""

from dataclasses import dataclass
from typing import Any

from seedmill.operator.observation import Other, RunProgress
from seedmill.operator.plan import Plan, Rules, plan
from seedmill.operator.reconcile import Reconciler
from seedmill.operator.settings import PodSettings, StoreSettings
from seedmill.records.ledger import Ledger
from support.fake_cluster import KEY, FakeCluster

POD = PodSettings("seedmill:1", StoreSettings("s3://datasets"), {"seeding": ["seeding:50051"]})
GENERATING = RunProgress("generating", Ledger(accepted=10, rejected={"format": 30}, pending=5), 1000, 500, 0.5, 180)


@dataclass
class Stage:
    """A cluster with one run and an operator that a test lets act."""

    cluster: FakeCluster

    async def act(self) -> None:
        """Reconcile until nothing is written any more."""
        reconciler = Reconciler(self.cluster, self.cluster, POD, lambda: self.cluster.now)
        for _ in range(10):
            before = len(self.cluster.writes)
            await reconciler.reconcile(KEY)
            self.cluster.settle()
            if len(self.cluster.writes) == before:
                return
        raise AssertionError(f"the operator does not come to rest: {self.cluster.writes}")

    async def running(self) -> None:
        await self.act()
        self.cluster.start_pods()
        await self.act()

    async def ends(self, exit_code: int, message: str = "") -> None:
        self.cluster.end_pods(exit_code, message)
        self.cluster.settle()
        await self.act()

    @property
    def status(self) -> dict[str, Any]:
        return self.cluster.runs[KEY]["status"]

    def condition(self, name: str) -> tuple[str, str]:
        return self.cluster.conditions()[name]

    def event_reasons(self) -> list[str]:
        return [event.reason for event in self.cluster.events]


def planned(cluster: FakeCluster, **others: Other) -> Plan:
    return plan(cluster.observed(**others), Rules())
