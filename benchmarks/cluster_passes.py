"""Passes on a standalone cluster of two workers with one core each: the task pool, jobs and MLlib.

Master, workers and driver are processes of this machine, in network namespaces if root may make them.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.ml.classification import LogisticRegression as Theirs
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession

from benchmarks.chaos.application import SETTINGS
from benchmarks.chaos.cluster import Cluster
from benchmarks.chaos.driver import wait_for_executors
from benchmarks.setting import ratio, rounds, timed, write
from treefold import Block, open_blocks
from treefold.ml import LogisticRegression

ROWS, FEATURES, ITERATIONS = 20_000, 20, 100
NAMES = [f"x{j}" for j in range(FEATURES)]
PROPERTIES = SETTINGS | {"spark.network.crypto.enabled": "false", "spark.default.parallelism": "2"}
GROUP = 20  # passes, then as many jobs; the first group warms up


class Nothing(NamedTuple):
    """A statistic that computes next to nothing."""

    rows: int


def nothing(block: Block) -> Nothing:
    return Nothing(len(block.y))


def write_rows(folder: Path) -> str:
    rng = np.random.default_rng(4)
    mix = rng.standard_normal((FEATURES, FEATURES)) @ np.diag(np.logspace(0, -3, FEATURES))
    X = rng.standard_normal((ROWS, FEATURES)) @ mix @ rng.standard_normal((FEATURES, FEATURES))  # correlated
    label = (X @ rng.standard_normal(FEATURES) + rng.logistic(size=ROWS) > 0).astype(float)
    folder.mkdir(parents=True)
    for i, rows in enumerate(np.array_split(np.arange(ROWS), 2)):
        columns = {name: X[rows, j] for j, name in enumerate(NAMES)}
        pq.write_table(pa.table({**columns, "label": label[rows]}), folder / f"part-{i}.parquet")
    return str(folder)


def empty(spark: SparkSession, path: str, times: int) -> dict:
    """Seconds of empty passes, and of empty jobs of two tasks in Python workers, in turns of some."""
    context = spark.sparkContext
    job = context.parallelize(range(2), 2).mapPartitions(lambda rows: [len(list(rows))])
    seconds: dict[str, list[float]] = {"pass": [], "job": []}
    with open_blocks(spark.read.parquet(path), features=NAMES, label="label") as blocks:
        for i in range(1 + times):
            found = {
                "pass": [timed(lambda: blocks.sum(nothing))[0] for _ in range(GROUP)],
                "job": [timed(job.collect)[0] for _ in range(GROUP)],
            }
            for name in found if i else ():
                seconds[name] += found[name]
        ways = {p.how for p in blocks.passes[GROUP:]}
    if ways != {"pooled"}:
        raise RuntimeError(f"passes were {ways}")
    return {
        name: {"median": statistics.median(all_), "p99": float(np.quantile(all_, 0.99))}
        for name, all_ in seconds.items()
    }


def ours(spark: SparkSession, path: str, pool: bool) -> dict[str, float]:
    """A fit of a hundred iterations, its passes by the pool or by jobs."""
    spark.sparkContext._conf.set("spark.treefold.pool.enabled", str(pool).lower())
    estimator = LogisticRegression(featuresCol=NAMES, maxIter=ITERATIONS, tol=0.0)
    seconds, model = timed(lambda: estimator.fit(spark.read.parquet(path)))
    return {"seconds": seconds, "passes": len(model.summary.passes)}


def mllib(spark: SparkSession, path: str) -> dict[str, float]:
    def fit():
        rows = VectorAssembler(inputCols=NAMES, outputCol="features").transform(spark.read.parquet(path))
        return Theirs(maxIter=ITERATIONS, tol=0.0).fit(rows.select("features", "label"))

    seconds, model = timed(fit)
    return {"seconds": seconds, "passes": len(model.summary.objectiveHistory)}


def driver(master: str, path: str, properties: str, times: int) -> None:
    """The application: prints its figures as JSON."""
    builder = SparkSession.builder.master(master).appName("treefold benchmark")
    for key, value in json.loads(properties).items():
        builder = builder.config(key, value)
    with builder.getOrCreate() as spark:
        spark.sparkContext.setLogLevel("ERROR")
        wait_for_executors(spark, 2)
        fits = rounds(
            {
                "pool": lambda: ours(spark, path, True),
                "jobs": lambda: ours(spark, path, False),
                "mllib": lambda: mllib(spark, path),
            },
            times,
        )
        spark.sparkContext._conf.set("spark.treefold.pool.enabled", "true")
        print(json.dumps({"empty": empty(spark, path, 3 * times), "logistic": fits}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    times = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder, "cluster")) as cluster:
        path, address = write_rows(Path(folder, "rows")), cluster.hosts.address(0)
        own = PROPERTIES | {"spark.driver.host": address, "spark.driver.bindAddress": address}
        arguments = (cluster.url, path, json.dumps(own), times)
        call = f"from benchmarks.cluster_passes import driver; driver(*{arguments!r})"
        run = subprocess.run(
            cluster.hosts.command(0, [sys.executable, "-c", call]), env=cluster.environment(0), check=True, text=True,
            stdout=subprocess.PIPE,
        )  # fmt: skip
    found = json.loads(run.stdout.splitlines()[-1])
    one, fits = found["empty"], found["logistic"]
    write(
        "cluster_passes",
        {
            "rows": ROWS,
            "rounds": times,
            "median_seconds": found,
            "ratios": {
                "empty pass / empty job of two tasks": ratio(one["pass"]["median"] / one["job"]["median"], "<= 0.067"),
                "the same, 99th percentile of passes": ratio(one["pass"]["p99"] / one["job"]["median"], "<= 0.2"),
                "MLlib / treefold, logistic, Parquet to model": ratio(
                    fits["mllib"]["seconds"] / fits["pool"]["seconds"], ">= 20"
                ),
                "MLlib / treefold, every pass a job": ratio(fits["mllib"]["seconds"] / fits["jobs"]["seconds"], "-"),
            },
        },
    )


if __name__ == "__main__":
    main()
