"""The task pool: the same bits as jobs, whatever happens to its tasks, and slots for other jobs."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from rows import write_parquet
from treefold.algorithms.linear.losses import logistic
from treefold.algorithms.linear.objective import objective
from treefold.dataset.block import Block
from treefold.engine.execution import pooled_passes, task_pool
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.engine.execution.pool_slots import other_jobs, slots_of
from treefold.engine.open import open_blocks
from treefold.engine.reading.arrow_to_numpy import Columns

pytestmark = pytest.mark.spark

ROWS, FEATURES = 3000, 6
RNG = np.random.default_rng(8)
X = RNG.standard_normal((ROWS, FEATURES)).astype("f4")
Y = (X[:, 0] > 0).astype(float)
COLUMNS = Columns(tuple(f"x{j}" for j in range(FEATURES)), "label", "weight")


class Seen(NamedTuple):
    rows: int


def seen(block: Block) -> Seen:
    return Seen(len(block.y))


def after(block: Block, seconds: float) -> Seen:
    time.sleep(seconds * (block.id == 0))
    return Seen(len(block.y))


def dying(block: Block, mark: str) -> Seen:
    """End the first process that calls this."""
    if Path(mark).exists():
        Path(mark).unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return Seen(len(block.y))


def failing(block: Block, mark: str) -> Seen:
    raise ValueError(f"no {mark}")


@pytest.fixture
def data(spark, tmp_path, small_blocks):
    return spark.read.parquet(write_parquet(tmp_path / "data", X, Y, np.ones(ROWS), [100, 2000], "float32"))


@pytest.fixture
def blocks(data):
    with open_blocks(data, COLUMNS, "test") as opened:
        opened.sum(seen)
        yield opened


def gradient(blocks, k: int) -> bytes:
    """The exact gradient at the k-th of some coefficients."""
    coef = np.random.default_rng(k).standard_normal((1, 1, FEATURES + 1))
    return b"".join(np.asarray(part, float).tobytes() for part in blocks.sum(objective, coef, logistic, None))


def active(spark) -> list[int]:
    return list(spark.sparkContext.statusTracker().getActiveJobsIds())


def ways(blocks) -> list[str]:
    return [p.how for p in blocks.passes]


@pytest.mark.parametrize("reader", ["parquet", "dataframe"])
def test_the_pool_serves_from_the_second_pass_with_the_bits_of_the_local_engine(data, reader):
    order = np.arange(ROWS)
    if reader == "dataframe":
        data, order = data.coalesce(1).orderBy("x0").where("weight > 0"), np.argsort(X[:, 0], kind="stable")
    local = LocalBlocks.from_arrays(X[order], Y[order])
    with open_blocks(data, COLUMNS, "test") as blocks:
        for k in range(5):
            assert gradient(blocks, k) == gradient(local, k)
        assert ways(blocks) == ["flat"] + 4 * ["pooled"]
        last = blocks.passes[-1]
        assert (last.name, last.rows, last.tasks, last.source, last.lost) == ("objective", ROWS, 2, reader, ())
        assert last.bytes_up > 0


def test_one_job_serves_many_passes_and_ends_with_the_blocks(spark, data):
    with open_blocks(data, COLUMNS, "test") as blocks:
        blocks.sum(seen)
        assert active(spark) == []
        jobs = set()
        for _ in range(5):
            blocks.sum(seen)
            jobs.update(active(spark))
        assert len(jobs) == 1
    assert active(spark) == []


def test_the_pool_ends_when_no_pass_comes_and_starts_again_for_the_next(spark, blocks):
    blocks.sum(seen)
    (first,) = active(spark)
    deadline = time.monotonic() + 60
    while (active(spark) or pooled_passes.PooledPasses._pool_lock.locked()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert active(spark) == []
    assert blocks.sum(seen).rows == ROWS
    (second,) = active(spark)
    assert second != first
    assert ways(blocks) == ["flat", "pooled", "pooled"]


def test_tasks_wait_for_one_that_is_slower_than_the_idle_limit(blocks, monkeypatch):
    monkeypatch.setattr(pooled_passes, "IDLE", 0.05)
    for _ in range(3):
        assert blocks.sum(after, 0.3).rows == ROWS
    assert ways(blocks) == ["flat"] + 3 * ["pooled"]


def test_the_pool_starts_again_after_a_while(blocks, monkeypatch, spark):
    blocks.sum(seen)
    (first,) = active(spark)
    monkeypatch.setattr(pooled_passes, "HOLD", 0.0)
    blocks.sum(seen)
    assert first not in active(spark)
    assert ways(blocks)[-1] == "pooled"


def test_a_worker_that_dies_costs_a_job_and_no_result(blocks, tmp_path, caplog):
    caplog.set_level("INFO", "treefold")
    mark = tmp_path / "mark"
    blocks.sum(seen)
    mark.touch()
    assert blocks.sum(dying, str(mark)).rows == ROWS
    assert not mark.exists()
    assert blocks.sum(seen).rows == ROWS
    assert ways(blocks) == ["flat", "pooled", "flat", "pooled"]
    assert "the pass runs as a job: a task of the pool has ended" in caplog.text


def test_an_error_of_a_statistic_is_reported_as_by_a_job(blocks):
    blocks.sum(seen)
    with pytest.raises(Exception, match="ValueError: no luck"):
        blocks.sum(failing, "luck")
    assert blocks.sum(seen).rows == ROWS


def test_a_pass_that_is_cancelled_is_not_made_again(spark, blocks):
    blocks.sum(seen)
    timer = threading.Timer(0.5, spark.sparkContext.cancelAllJobs)
    timer.start()
    with pytest.raises(Exception, match="cancelled"):
        blocks.sum(after, 30.0)
    timer.join()
    assert blocks.sum(seen).rows == ROWS


def test_an_interrupted_pass_leaves_no_answer_for_the_next(blocks, monkeypatch):
    blocks.sum(seen)
    ask = task_pool.TaskPool.ask

    def interrupted(pool, payload, patience=None):
        for line in pool._lines.values():
            line.send(payload)
        raise KeyboardInterrupt

    monkeypatch.setattr(task_pool.TaskPool, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gradient(blocks, 1)
    monkeypatch.setattr(task_pool.TaskPool, "ask", ask)
    assert gradient(blocks, 2) == gradient(LocalBlocks.from_arrays(X, Y), 2)


def test_two_sets_of_blocks_in_turn_do_not_wait_for_each_others_slots(data, monkeypatch):
    monkeypatch.setattr(pooled_passes, "IDLE", 600.0)  # tasks that are not sent away stay
    monkeypatch.setattr(pooled_passes, "HOLD", 600.0)
    with open_blocks(data, COLUMNS, "one") as one, open_blocks(data, COLUMNS, "other") as other:
        for _ in range(2):
            assert [one.sum(seen).rows for _ in range(3)] == 3 * [ROWS]
            assert [other.sum(seen).rows for _ in range(3)] == 3 * [ROWS]
    assert ways(one) == ways(other) == 2 * ["flat", "pooled", "pooled"]


def test_partials_that_a_job_combines_do_not_wait_for_the_slots(blocks, monkeypatch):
    monkeypatch.setattr(pooled_passes, "IDLE", 600.0)
    blocks.sum(seen)
    monkeypatch.setattr(blocks.jobs, "_combined_before", lambda parts, name: True)
    assert blocks.sum(seen).rows == ROWS
    assert ways(blocks) == ["flat", "pooled", "flat"]


def test_jobs_of_other_threads_run_between_passes(spark, blocks, monkeypatch):
    monkeypatch.setattr(pooled_passes, "HOLD", 0.2)
    counted: list[int] = []
    blocks.sum(seen)
    other = threading.Thread(target=lambda: counted.append(spark.sparkContext.range(0, 100, 1, 2).count()))
    other.start()
    deadline = time.monotonic() + 60
    while other.is_alive() and time.monotonic() < deadline:
        blocks.sum(seen)
    assert counted == [100]


def test_blocks_whose_pool_is_incomplete_are_read_by_jobs(blocks, monkeypatch, caplog):
    caplog.set_level("INFO", "treefold")
    monkeypatch.setattr(pooled_passes, "ARRIVAL", 0.0)
    assert [blocks.sum(seen).rows for _ in range(3)] == 3 * [ROWS]
    assert ways(blocks) == 4 * ["flat"]
    assert "every further pass is a job: not all tasks connected" in caplog.text


def test_more_tasks_than_slots_make_no_pool(data, caplog):
    caplog.set_level("INFO", "treefold")
    with open_blocks(data, COLUMNS, "test", 3) as blocks:
        assert [blocks.sum(seen).rows for _ in range(3)] == 3 * [ROWS]
        assert ways(blocks) == 3 * ["flat"]
    assert caplog.text.count("passes run as jobs, without the task pool: 3 tasks for 2 slots") == 1


def test_every_pool_that_is_lost_leaves_twice_as_many_passes_to_jobs(blocks, tmp_path):
    mark = tmp_path / "mark"
    for jobs in (0, 1, 3):
        mark.touch()
        assert blocks.sum(dying, str(mark)).rows == ROWS
        for _ in range(jobs + 1):
            blocks.sum(seen)
    assert ways(blocks) == ["flat", "flat", "pooled", *2 * ["flat"], "pooled", *4 * ["flat"], "pooled"]


def test_a_job_whose_result_has_come_does_not_count_as_running(spark, caplog):
    caplog.set_level("INFO", "treefold")
    for _ in range(20):
        assert spark.sparkContext.range(0, 4, 1, 2).count() == 4
        assert not other_jobs(spark.sparkContext)
    assert "out of date" not in caplog.text  # Spark still has the method that waits for its listeners


@pytest.mark.parametrize(("cpus", "slots"), [(None, 2), ("2", 1), ("3", 0)])
def test_slots_are_those_that_spark_fills(spark, cpus, slots):
    conf = spark.sparkContext._conf
    try:
        if cpus:
            conf.set("spark.task.cpus", cpus)
        assert slots_of(spark.sparkContext) == slots
    finally:
        conf.set("spark.task.cpus", "1")
