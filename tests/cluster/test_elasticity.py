"""A fit that began on one executor is spread over those that come."""

import time

import pytest
from benchmarks.chaos.application import Application
from benchmarks.chaos.fits import READERS

pytestmark = pytest.mark.spark


@pytest.fixture
def application(cluster, data):
    """An application that begins on one worker."""
    cluster.kill_worker(2)
    with Application(cluster, data, executors="1") as application:
        yield application


def start_second(cluster):
    """Start the second worker, and wait until its executor has registered with the driver."""
    folder = cluster.folder / "work2"
    before = set(folder.glob("app-*/*/stderr"))
    cluster.start_worker(2)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if any("registered with driver" in log.read_text() for log in {*folder.glob("app-*/*/stderr")} - before):
            return
        time.sleep(0.2)
    raise AssertionError("the second executor did not come")


@pytest.mark.parametrize("reader", READERS)
def test_a_fit_is_spread_over_executors_that_come(cluster, application, reader):
    fitted = application.fit("lbfgs", reader, {3: lambda: start_second(cluster)})
    assert sum("more executors" in loss for loss in fitted.lost) == 1
    again = application.fit("lbfgs", reader)
    assert (again.bits, again.lost) == (fitted.bits, [])
