"""With Spark's encryption and dynamic allocation on, fits are the same and no disk holds a plain feature."""

import re
import time

import pytest
from benchmarks.chaos.application import Application
from benchmarks.chaos.fits import READERS, plain_in

pytestmark = pytest.mark.spark

SECURE = {
    "spark.io.encryption.enabled": "true",
    "spark.dynamicAllocation.enabled": "true",
    "spark.dynamicAllocation.shuffleTracking.enabled": "true",
    "spark.dynamicAllocation.shuffleTracking.timeout": "1s",
    "spark.dynamicAllocation.minExecutors": "0",
    "spark.dynamicAllocation.initialExecutors": "2",
    "spark.dynamicAllocation.executorIdleTimeout": "6s",
    "spark.dynamicAllocation.cachedExecutorIdleTimeout": "6s",
}


@pytest.fixture(scope="module")
def before(cluster, data):
    """Folders that Spark left of applications whose worker was killed."""
    return set(plain_in(cluster.folder, data))


@pytest.fixture(scope="module")
def secure(cluster, data, before):
    with Application(cluster, data, **SECURE) as application:
        yield application


def idle(cluster) -> int:
    """Wait until Spark has removed all executors, which have nothing to do; returns how many are left."""
    deadline = time.monotonic() + 300
    while cluster.executors() and time.monotonic() < deadline:
        time.sleep(0.2)
    return len(cluster.executors())


def test_executors_that_are_removed_are_replaced(cluster, secure, known):
    """All are removed, so that it does not matter which of them had blocks."""
    left = []
    fitted = secure.fit("lbfgs", "parquet", {3: lambda: left.append(idle(cluster))})
    assert left == [0]
    assert re.search("gone with their executor|all of them", " ".join(fitted.lost))
    assert fitted.bits == (known.get(("lbfgs", "parquet")) or secure.fit("lbfgs", "parquet")).bits


@pytest.mark.parametrize("reader", READERS)
def test_no_disk_holds_a_plain_feature(cluster, secure, data, before, known, reader):
    seen = set()
    fitted = secure.fit(
        "sgd", reader, {3: lambda: seen.update([*plain_in(cluster.folder, data), *cluster.block_files()])}
    )
    assert seen - before == set()
    assert fitted.bits == (known.get(("sgd", reader)) or secure.fit("sgd", reader)).bits
