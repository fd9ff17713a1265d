"""Passes to convergence over sorted rows, over those it takes over the same rows shuffled, on real data."""

import argparse
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import monotonically_increasing_id, xxhash64

from benchmarks.setting import ratio, session, write
from treefold import ml

SHUFFLES = 3
FLIGHTS = ["month", "day", "dep_delay", "distance", "sched_dep_time", "sched_arr_time"]


def data_sets(spark: SparkSession, folder: Path) -> dict[str, DataFrame]:
    """Rows of numbers and a label, in the worst order: all of a class, or of a carrier, one after the other."""
    cover = spark.read.parquet(str(folder / "covertype_100k/parquet_skew"))
    adult = spark.read.parquet(str(folder / "adult/parquet")).orderBy("label")
    flights = spark.read.parquet(str(folder / "nycflights13/parquet_by_carrier"))
    names = [name for name, kind in adult.dtypes if kind != "string" and name != "label"]
    named = [name for name in FLIGHTS if name in flights.columns]
    return {
        "covertype_100k, a class a file": cover,
        "adult, by label": adult.select("label", *names).dropna(),
        "nycflights13, by carrier": flights.selectExpr("late30 as label", *named).dropna(),
    }


def estimators(data: DataFrame) -> dict[str, Any]:
    """Solvers that begin with a sample of the rows, to convergence, which rounding in float32 could end early."""
    to_the_end = {
        "featuresCol": [name for name in data.columns if name != "label"], "maxIter": 1000, "dtype": "float64",
    }  # fmt: skip
    return {
        "lbfgs": ml.LogisticRegression(**to_the_end, regParam=1e-3),
        "lbfgs with L1": ml.LogisticRegression(**to_the_end, regParam=1e-3, elasticNetParam=0.5),
    }


def passes(estimator: Any, data: DataFrame) -> int:
    """Passes of a fit that converges."""
    summary = estimator.fit(data).training_summary
    assert summary.outcome == "converged", summary.outcome
    return len(summary.passes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("TREEFOLD_DATA"), help="by default TREEFOLD_DATA")
    folder, found, counts, spark = parser.parse_args().data, {}, {}, session()
    if not folder:
        sys.exit("set TREEFOLD_DATA to the folder of the real data sets")
    for name, data in data_sets(spark, Path(folder)).items():
        cached = data.persist()
        shuffled = [
            cached.orderBy(xxhash64(monotonically_increasing_id() + seed * 10**15)).persist()
            for seed in range(SHUFFLES)
        ]
        for solver, estimator in estimators(data).items():
            by_order = passes(estimator, cached)
            by_chance = [passes(estimator, rows) for rows in shuffled]
            counts[f"{name}, {solver}"] = {"sorted": by_order, "shuffled": by_chance}
            found[f"{name}, {solver}"] = ratio(by_order / statistics.median(by_chance), "<= 1.2")
        for rows in [*shuffled, cached]:
            rows.unpersist()
    write("row_order", {"shuffles": SHUFFLES, "passes": counts, "ratios": found})


if __name__ == "__main__":
    main()
