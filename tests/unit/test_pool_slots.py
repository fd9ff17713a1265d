"""What the task pool leaves of an executor's slots."""

import math

import pytest

from treefold.engine.execution.partials import Account
from treefold.engine.execution.pass_history import LEAST, PATIENCE, PassHistory
from treefold.engine.execution.pool_slots import SHARE, local_slots, spare


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 8, 16, 32, 64])
@pytest.mark.parametrize("cpus", [0.5, 0.9, 0.95, 0.99, 1.0, 2.0])
def test_slots_are_spare_exactly_if_spark_has_as_many_beside_the_pool(cores, cpus):
    slots = math.floor(cores / cpus)
    if math.ceil(slots * cpus) != cores:  # a core that no task uses is one more for the pool
        return
    for tasks in range(1, slots + 1):
        assert spare(slots, cpus, tasks) == (math.floor((cores - SHARE * tasks) / cpus) == slots)


def test_there_is_a_local_pool_in_local_mode_only():
    assert [local_slots(f"local{n}", 9) for n in ("", "[3]", "[4,2]", "[*]", "[*,2]")] == [1, 3, 4, 9, 9]
    others = ("spark://host:7077", "yarn", "local-cluster[2,1,1024]", "")
    assert [local_slots(master, 9) for master in others] == [0] * 4


def took(*seconds: float) -> list[Account]:
    return [Account(each, 10, 2, 100, 1, [], []) for each in seconds]


def test_a_pass_is_late_after_a_multiple_of_the_median_of_its_slowest_tasks():
    history = PassHistory()
    assert history.patience("objective") is None
    for slowest in (1.0, 9.0, 2.0):
        history.note("objective", took(0.1, slowest))
    assert history.patience("objective") == PATIENCE * 2.0
    assert history.patience("moments") is None
    history.note("moments", took(1e-3, 2e-3))
    assert history.patience("moments") == LEAST
