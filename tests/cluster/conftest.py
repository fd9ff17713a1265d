"""One cluster for all: hosts in network namespaces of their own, where root and iproute2 are there to make them."""

import pytest
from benchmarks.chaos.application import PATIENT, Application
from benchmarks.chaos.cluster import Cluster
from benchmarks.chaos.fits import write_rows
from benchmarks.chaos.hosts import Namespaces


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster") / "of") as cluster:
        yield cluster


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("cluster") / "rows")


@pytest.fixture(scope="session")
def known():
    """Results of fits without faults, by fit and reader."""
    return {}


@pytest.fixture(scope="module")
def application(cluster, data):
    with Application(cluster, data, **PATIENT) as application:
        yield application


@pytest.fixture
def expected(application, known):
    """A function that returns the result of a fit without faults."""

    def of(fit, reader):
        if (fit, reader) not in known:
            known[fit, reader] = application.fit(fit, reader)
        assert known[fit, reader].lost == []
        return known[fit, reader]

    return of


@pytest.fixture
def apart(cluster):
    if not cluster.hosts.apart:
        pytest.skip(f"no host can be cut off here: {Namespaces.missing()}")
