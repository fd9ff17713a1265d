"""An executor is stopped: the driver gives its task pool up, and with speculation on a job does not wait for it."""

import pytest
from benchmarks.chaos import faults
from benchmarks.chaos.application import SPECULATION, Application

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def application(cluster, data):
    with Application(cluster, data, **SPECULATION) as application:
        yield application


@pytest.mark.parametrize(("fit", "reader"), [("gd", "parquet"), ("sgd", "dataframe")])
def test_a_fit_ends_while_an_executor_is_stopped(cluster, application, expected, fit, reader):
    wanted, stopped = expected(fit, reader), []
    at = {wanted.passes - 2: lambda: stopped.extend(faults.stop(cluster.executors()[0].pid))}
    try:
        fitted = application.fit(fit, reader, at)
    finally:
        faults.go_on(stopped)
    assert fitted.bits == wanted.bits
    assert fitted.how == ["flat", "pooled"]
