"""Logistic regression, 1 M x 100 from Parquet, 20 iterations: treefold, MLlib, scikit-learn."""

import argparse

import numpy as np
import pandas as pd
from pyspark.ml.classification import LogisticRegression as Theirs
from pyspark.ml.feature import VectorAssembler
from sklearn.linear_model import LogisticRegression as ScikitLearn

from benchmarks.setting import NAMES, generated, pass_and_job, ratio, rounds, session, timed, write
from treefold.algorithms.linear.losses import logistic
from treefold.algorithms.linear.objective import objective
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.engine.open import open_blocks
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.ml import LogisticRegression
from treefold.statistics.moments import moments

ITERATIONS = 20
COLUMNS = Columns(tuple(NAMES), "label")


def treefold(spark, path):
    estimator = LogisticRegression(featuresCol=NAMES, maxIter=ITERATIONS, tol=0.0)
    total, model = timed(lambda: estimator.fit(spark.read.parquet(path)))
    first, *rest = model.summary.passes
    return {"total": total, "read": first.seconds, "fit": total - first.seconds, "passes": len(rest),
            "coef": model.numpy_model.coef[0]}  # fmt: skip


def mllib(spark, path):
    def cache():
        frame = spark.read.parquet(path)
        rows = (
            VectorAssembler(inputCols=NAMES, outputCol="features")
            .transform(frame)
            .select("features", "label")
            .persist()
        )
        rows.count()
        return rows

    read, rows = timed(cache)
    fit, model = timed(lambda: Theirs(maxIter=ITERATIONS, tol=0.0).fit(rows))
    rows.unpersist(blocking=True)
    coef = np.append(model.coefficients.toArray(), model.intercept)
    return {"total": read + fit, "read": read, "fit": fit, "coef": coef}


def scikit_learn(X, y):
    model = ScikitLearn(C=np.inf, max_iter=ITERATIONS, tol=0.0)
    seconds, _ = timed(lambda: model.fit(X, y))
    return {"fit": seconds, "coef": np.append(model.coef_[0], model.intercept_[0])}


def loss_of(coef, X, y) -> float:
    """Mean log-loss in float64."""
    margin = X @ coef[:-1] + coef[-1]
    return float(np.mean(np.logaddexp(0, margin) - y * margin))


def pass_cost(spark, path, X, y, times):
    """A pass among others against an empty two-task job with Python workers, and the kernel alone on one core."""
    coef = np.zeros((1, 1, len(NAMES) + 1))
    local = LocalBlocks.from_arrays(X, y)
    with open_blocks(spark.read.parquet(path), COLUMNS, "benchmark") as blocks:
        moments(blocks)
        kernel = {"kernel": lambda: {"seconds": timed(lambda: local.sum(objective, coef, logistic, None))[0]}}
        return rounds(pass_and_job(blocks, objective, coef, logistic, None) | kernel, times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    path = generated(arguments.rows)
    frame = pd.read_parquet(path)
    X, y = frame[NAMES].to_numpy(), frame["label"].to_numpy()
    del frame
    spark = session()
    losses = {}

    def keeping(name, run):
        def go():
            figures = run()
            losses[name] = loss_of(figures.pop("coef"), X.astype(float), y)
            return figures

        return go

    found = rounds(
        {
            "treefold": keeping("treefold", lambda: treefold(spark, path)),
            "mllib": keeping("mllib", lambda: mllib(spark, path)),
            "scikit-learn": keeping("scikit-learn", lambda: scikit_learn(X, y)),
        },
        arguments.rounds,
    )
    one = pass_cost(spark, path, X, y, 20)
    cores = spark.sparkContext.defaultParallelism
    ours, theirs, local = found["treefold"], found["mllib"], found["scikit-learn"]
    allowed = 2 * one["empty"]["seconds"] + one["kernel"]["seconds"] / cores
    write(
        "logistic",
        {
            "rows": arguments.rows,
            "rounds": arguments.rounds,
            "median_seconds": found | one,
            "objective": losses,
            "ratios": {
                "MLlib / treefold, Parquet to model": ratio(theirs["total"] / ours["total"], ">= 5"),
                "MLlib / treefold, fit alone": ratio(theirs["fit"] / ours["fit"], ">= 4"),
                "treefold fit / scikit-learn fit in memory": ratio(ours["fit"] / local["fit"], "<= 1.3"),
                "a pass / (2 empty jobs + kernel / cores)": ratio(one["pass"]["seconds"] / allowed, "<= 1"),
                "(treefold objective - MLlib's) x 1e6": ratio(1e6 * (losses["treefold"] - losses["mllib"]), "<= 1"),
            },
        },
    )
    spark.stop()


if __name__ == "__main__":
    main()
