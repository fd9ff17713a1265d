"""Under any fault of the cluster, a fit ends with the bits that it has without faults, and counts no row twice.

``Application.fit`` raises where a pass does not see all rows once.
"""

import os
import re
import signal
import threading
from contextlib import suppress
from random import Random

import pytest
from benchmarks.chaos import faults
from benchmarks.chaos.cluster import descendants
from benchmarks.chaos.fits import FITS, READERS, plain_in
from benchmarks.chaos.trial import Trial

pytestmark = pytest.mark.spark


class Killed(Exception):
    """The application is gone, and its fit with it."""


@pytest.mark.parametrize("fit", FITS)
def test_both_readers_give_the_same_bits(expected, fit):
    assert len({expected(fit, reader).bits for reader in READERS}) == 1


ELSEWHERE = "gone with their executor|all of them"  # made again in place or all together, as Spark sends the tasks
CASES = [
    (faults.kill_executor, "lbfgs", "parquet", "gone with their executor"),
    (faults.kill_executor, "k-means", "dataframe", ELSEWHERE),
    (faults.kill_executor, "forest", "parquet", "gone with their executor"),
    (faults.kill_worker, "cross-validation", "parquet", "gone with their executor"),
    (faults.kill_worker, "gd", "dataframe", ELSEWHERE),
    (faults.kill_python, "sgd", "parquet", ""),
    (faults.kill_python, "cross-validation", "dataframe", ""),
    (faults.kill_python, "mini-batches", "parquet", ""),
    (faults.kill_executor, "mini-batches", "dataframe", ELSEWHERE),
    (faults.delete_file, "mini-batches", "parquet", "whose file was not found"),
    (faults.delete_file, "k-means", "parquet", "whose file was not found"),
    (faults.delete_file, "sgd", "dataframe", "all of them"),
    (faults.truncate_file, "gd", "parquet", "whose file was not found"),
    (faults.flip_bit, "cross-validation", "parquet", "whose file was damaged"),
    (faults.flip_bit, "lbfgs", "dataframe", "all of them"),
]


@pytest.mark.parametrize(("fault", "fit", "reader", "told"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_faults_between_passes(cluster, application, expected, fault, fit, reader, told):
    wanted, draw, done = expected(fit, reader), Random(f"{fit} {reader}"), []
    numbers = (2, 3) if fit == "forest" else (3,) if fault is faults.kill_worker else (3, 7)
    fitted = application.fit(fit, reader, {number: lambda: done.append(fault(cluster, draw)) for number in numbers})
    assert len(done) == len(numbers)
    assert all(done)
    assert fitted.bits == wanted.bits
    assert re.search(told, " ".join(fitted.lost))
    assert bool(fitted.lost) == bool(told)


def test_a_fit_ends_while_a_host_is_cut_off(cluster, application, expected, apart):
    wanted = expected("lbfgs", "parquet")
    try:
        assert application.fit("lbfgs", "parquet", {4: lambda: cluster.hosts.cut(1)}).bits == wanted.bits
    finally:
        cluster.hosts.mend(1)


@pytest.mark.parametrize(("fit", "reader"), [("k-means", "parquet"), ("lbfgs", "dataframe")])
def test_a_fit_ends_while_packets_are_lost(cluster, application, expected, apart, fit, reader):
    wanted, draw = expected(fit, reader), Random(0)
    try:
        cluster.hosts.lose(1, "8mbit")
        fitted = application.fit(fit, reader, {3: lambda: faults.kill_executor(cluster, draw)})
        assert cluster.hosts.dropped(1) > 0
    finally:
        cluster.hosts.mend(1)
    assert fitted.bits == wanted.bits


def test_faults_at_any_moment(cluster, application, expected):
    trial = Trial(cluster, seed=5)
    trial.known = {(fit, reader): expected(fit, reader) for fit in FITS for reader in READERS}
    trial.run(application, kills=5)
    assert trial.passed, (trial.wrong, trial.failed, trial.faults)
    assert len(trial.faults) == 5


def test_nothing_is_left_when_the_driver_is_killed(cluster, application, data):
    reached, over = threading.Event(), threading.Event()

    def wait():
        reached.set()
        over.wait()
        raise Killed

    def fit():
        with suppress(Killed):
            application.fit("lbfgs", "parquet", {3: wait})

    fitting = threading.Thread(target=fit, daemon=True)
    fitting.start()
    assert reached.wait(300)
    assert plain_in(cluster.folder, data), "unencrypted rows must be found, or they would not be missed"
    for pid in (application.process.pid, *descendants(application.process.pid)):
        os.kill(pid, signal.SIGKILL)
    over.set()
    fitting.join()
    trial = Trial(cluster, seed=0)
    trial.look_for_orphans()
    assert trial.orphans == []
