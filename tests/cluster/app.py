"""An application on a standalone cluster that harms itself: ``app.py MASTER DATA DOOR HARM``; prints what came out.

HARM is ``none``, ``task`` (a task fails once), ``straggler`` (a task hangs until its speculative copy has won) or
``executor`` (an executor is killed between two iterations).
"""

import hashlib
import json
import os
import signal
import sys
import time
from itertools import chain

import numpy as np
from pyspark import TaskContext
from pyspark.sql import SparkSession

from treefold import block as block_module
from treefold.algorithms import forest, kmeans
from treefold.algorithms.forest import growth
from treefold.algorithms.linear import fit
from treefold.algorithms.linear.objective import objective
from treefold.algorithms.survey import survey
from treefold.engine.columns import Columns
from treefold.engine.sources import open_blocks
from treefold.losses import logistic

COEF = np.linspace(-1, 1, 7).reshape(1, 1, 7)


def attempt() -> int:
    return TaskContext.get().attemptNumber()


def failing_once(block, *args):
    if block.id == 0 and attempt() == 0:
        raise RuntimeError("a task fails once")
    return objective(block, *args)


def hanging_once(block, *args):
    if block.id == 0 and attempt() == 0:
        time.sleep(60)
    return objective(block, *args)


class FailingOnce:
    """A statistic whose task fails once, at block 0."""

    def __init__(self, stat):
        self.stat, self.__name__ = stat, stat.__name__

    def __call__(self, block, *args):
        if block.id == 0 and attempt() == 0:
            raise RuntimeError("a task fails once")
        return self.stat(block, *args)


class FailingTally(FailingOnce):
    """The same for a statistic of all blocks of a task."""

    def __call__(self, blocks, *args):
        first = next(blocks)
        if first.id == 0 and attempt() == 0:
            raise RuntimeError("a task fails once")
        return self.stat(chain([first], blocks), *args)


class Failing:
    """Blocks in whose every pass a task fails once."""

    def __init__(self, blocks):
        self.blocks, self.features, self.passes = blocks, blocks.features, blocks.passes
        self.close = blocks.close

    def map(self, fn, *args):
        return Failing(self.blocks.map(FailingOnce(fn), *args))

    def tally(self, stat, *args, merge):
        return self.blocks.tally(FailingTally(stat), *args, merge=merge)

    def sum(self, stat, *args):
        return self.blocks.sum(FailingOnce(stat), *args)

    def fold(self, stat, *args, merge):
        return self.blocks.fold(FailingOnce(stat), *args, merge=merge)


def winners(block, harm):
    """Which attempt of its task handed in a block; the first attempt at block 0 hangs if a straggler is wanted."""
    if harm == "straggler" and block.id == 0 and attempt() == 0:
        time.sleep(60)
    return {block.id: attempt()}


def executors(block):
    """Process of the executor that holds a block: the parent of the daemon that forked this worker."""
    with open(f"/proc/{os.getppid()}/stat") as file:
        return {block.id: int(file.read().split(")")[1].split()[1])}


def union(left, right):
    return left | right


def digest(*arrays) -> str:
    return hashlib.sha256(b"".join(np.asarray(a, float).tobytes() for a in arrays)).hexdigest()


def main(master: str, data: str, door: str, harm: str) -> None:
    block_module.BLOCK_BYTES = 1  # blocks of 64 rows
    growth.CHEAPER = 0.1  # trees grow in passes
    spark = (
        SparkSession.builder.master(master)
        .config("spark.executor.memory", "512m")
        .config("spark.executorEnv.PYTHONPATH", os.environ["PYTHONPATH"])
        .config("spark.python.unix.domain.socket.enabled", "true")
        .config("spark.ui.enabled", "false")
        .config("spark.speculation", str(harm == "straggler").lower())
        .config("spark.speculation.interval", "100ms")
        .config("spark.speculation.quantile", "0.5")
        .config("spark.speculation.minTaskRuntime", "200ms")
        .config("spark.sql.shuffle.partitions", "4")
        # Otherwise Spark brings all parts of a DataFrame of one partition to the executor that made it.
        .config("spark.shuffle.reduceLocality.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    deadline = time.time() + 60
    while spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() < 3 and time.time() < deadline:
        time.sleep(0.1)
    frame = spark.read.parquet(data)
    if door == "dataframe":
        frame = frame.coalesce(1).orderBy("x0").where("weight > 0")
    columns = Columns(tuple(f"x{j}" for j in range(6)), "label", "weight")
    killed = {}

    def kill(iteration, fits, at):
        moment = fits, int(iteration)
        if harm == "executor" and moment[1] in at and moment not in killed:
            killed[moment] = sorted(set(blocks.fold(executors, merge=union).values()))[0]
            os.kill(killed[moment], signal.SIGKILL)

    with open_blocks(frame, columns, "cluster", tasks=4) as blocks:
        found = survey(blocks, classification=True)
        stat = {"task": failing_once, "straggler": hanging_once}.get(harm, objective)
        total = blocks.sum(stat, COEF, logistic, None)
        fitted = fit(
            blocks, logistic, found, ridge=np.array([0.01]), on_step=lambda s: kill(s.iteration[0], "linear", (2, 4))
        )
        trials = kmeans.fit(
            Failing(blocks) if harm == "task" else blocks,
            [3, 5],
            restarts=2,
            tol=0.0,
            max_iter=5,
            on_step=lambda s: kill(s.iteration[0], "k-means", (2,)),
        )
        grown = forest.fit(
            Failing(blocks) if harm == "task" else blocks,
            forest.Settings("gini", trees=3, max_depth=4, oob=True),
            lambda step, last: kill(step.depth, "forest", (2,)),
        )
        winner = blocks.fold(winners, harm, merge=union)[0]
        rows = {p.rows for p in blocks.passes}
        used = len(set(blocks.fold(executors, merge=union).values()))
    trees = (grown.model.feature, grown.model.threshold[grown.model.feature >= 0], grown.model.value, grown.oob_score)
    of_trials = (array for some in trials for t in some for array in (t.centres, t.costs))
    bits = digest(*total, fitted.coef, *of_trials, *trees)
    found = {"bits": bits, "rows": sorted(rows), "killed": list(killed.values()), "executors": used, "winner": winner}
    print(json.dumps(found))
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
