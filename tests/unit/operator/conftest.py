"""What the tests of the operator's decisions begin with: a cluster with one run."""

import pytest

from support.fake_cluster import FakeCluster
from support.operator_stage import Stage


@pytest.fixture
def stage() -> Stage:
    cluster = FakeCluster()
    cluster.create()
    return Stage(cluster)
