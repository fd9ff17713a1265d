"""What is too much for the driver is combined on the hosts first."""

import pytest
from benchmarks.chaos import faults
from benchmarks.chaos.application import PATIENT, Application

pytestmark = pytest.mark.spark


def test_a_driver_that_takes_little_gets_the_same_bits_also_when_executors_are_killed(cluster, data):
    from random import Random

    with Application(cluster, data, **PATIENT) as application:
        wanted = application.fit("forest", "parquet")
    assert wanted.how == ["flat", "pooled"]
    with Application(cluster, data, **PATIENT, **{"spark.driver.maxResultSize": "200k"}) as application:
        found = application.fit("forest", "parquet")
        assert "tree" in found.how
        assert (found.bits, found.lost) == (wanted.bits, [])
        kill = {2: lambda: faults.kill_executor(cluster, Random(1))}
        found = application.fit("forest", "parquet", kill)
        assert "tree" in found.how
        assert found.bits == wanted.bits
        assert found.lost
