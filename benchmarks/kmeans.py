"""k-means: 1 M x 100, k = 20, 10 iterations, and 100 k x 784 pixels, k = 10 and 1000: treefold, MLlib, scikit-learn."""

import argparse
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from pyspark.ml.clustering import KMeans as Theirs
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import array_to_vector
from pyspark.sql.functions import col
from sklearn.cluster import KMeans as ScikitLearn
from threadpoolctl import threadpool_limits

from benchmarks.setting import NAMES, generated, pixels, ratio, rounds, session, timed, write
from treefold.algorithms.kmeans.centres import Centres
from treefold.algorithms.kmeans.clusters import clusters
from treefold.dataset.block import Block
from treefold.ml import KMeans


def treefold(frame, iterations, **params):
    """Seconds from Parquet to model, and of the fit: all but the pass that reads."""
    total, model = timed(lambda: KMeans(maxIter=iterations, tol=0.0, **params).fit(frame()))
    fit = total - model.summary.passes[0].seconds
    return {"total": total, "fit": fit, "passes": len(model.summary.passes), "cost": model.summary.trainingCost}


def mllib(rows, iterations, k, mode):
    """Seconds of the fit on cached vectors."""
    fit, model = timed(lambda: Theirs(k=k, maxIter=iterations, tol=0.0, initMode=mode, seed=1).fit(rows))
    return {"fit": fit, "cost": model.summary.trainingCost}


def scikit_learn(X, start, iterations, algorithm="lloyd"):
    model = ScikitLearn(len(start), init=start, n_init=1, max_iter=iterations, tol=0.0, algorithm=algorithm)
    seconds, _ = timed(lambda: model.fit(X))
    return {"fit": seconds, "cost": float(model.inertia_)}


def cached(frame):
    rows = frame.select("features").persist()
    rows.count()
    return rows


def narrow(spark, times):
    """1 M x 100, k = 20, 10 iterations."""
    path = generated(1_000_000)
    X = pq.read_table(path, columns=NAMES).to_pandas().to_numpy(np.float32)
    start = X[np.random.default_rng(0).choice(len(X), 20, replace=False)]
    rows = cached(VectorAssembler(inputCols=NAMES, outputCol="features").transform(spark.read.parquet(path)))

    def frame():
        return spark.read.parquet(path)

    return rounds(
        {
            "treefold, given start": lambda: treefold(frame, 10, initialCenters=start.tolist(), featuresCol=NAMES),
            "scikit-learn, given start": lambda: scikit_learn(X, start, 10),
            "treefold, random": lambda: treefold(frame, 10, k=20, initMode="random", featuresCol=NAMES),
            "MLlib, random": lambda: mllib(rows, 10, 20, "random"),
            "treefold, k-means||": lambda: treefold(frame, 10, k=20, featuresCol=NAMES),
            "MLlib, k-means||": lambda: mllib(rows, 10, 20, "k-means||"),
        },
        times,
    )


def wide(spark, k, iterations, times):
    """100 k pictures of 784 pixels."""
    path = pixels(100_000)
    table = pq.read_table(path)["pixels"].combine_chunks()
    X = table.flatten().to_numpy().reshape(-1, 784).astype(np.float32)
    start = X[np.random.default_rng(0).choice(len(X), k, replace=False)]
    vectors = array_to_vector(col("pixels").cast("array<double>")).alias("features")
    rows = cached(spark.read.parquet(path).select(vectors))

    def frame():
        return spark.read.parquet(path)

    return rounds(
        {
            "treefold": lambda: treefold(frame, iterations, initialCenters=start.tolist(), featuresCol="pixels"),
            "scikit-learn": lambda: scikit_learn(X, start, iterations),
            "scikit-learn, elkan": lambda: scikit_learn(X, start, iterations, "elkan"),
            "MLlib, random": lambda: mllib(rows, iterations, k, "random"),
        },
        times,
    )


def rates(times):
    """Single-precision GFLOP/s of one core: NumPy's product of 2048 x 2048, and an assignment with k = 1000."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((2048, 2048), np.float32)
    X = rng.standard_normal((512, 784), np.float32)
    centres = Centres.of([rng.standard_normal((1000, 784))], cosine=False)
    block = Block(X, np.zeros(512, np.float32), np.ones(512, np.float32), 0)

    def rate(work, flop, repeats):
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        return {"rate": flop * repeats / (time.perf_counter() - start) / 1e9}

    with threadpool_limits(1):
        return rounds(
            {
                "product": lambda: rate(lambda: A @ A, 2 * 2048**3, 5),
                "assignment": lambda: rate(lambda: clusters(block, centres), 2 * 512 * 784 * 1000, 20),
            },
            times,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--wide-rounds", type=int, default=3)
    options = parser.parse_args()
    pd.options.mode.copy_on_write = True
    rate = rates(9)
    spark = session()
    one = narrow(spark, options.rounds)
    spark.catalog.clearCache()
    ten = wide(spark, 10, 10, options.wide_rounds)
    spark.catalog.clearCache()
    thousand = wide(spark, 1000, 3, options.wide_rounds)

    def fits(of, ours, theirs):
        return of[theirs]["fit"] / of[ours]["fit"]

    ratios = {
        "MLlib / treefold, fit from a random start": ratio(fits(one, "treefold, random", "MLlib, random"), ">= 12"),
        "MLlib / treefold, fit from k-means||": ratio(fits(one, "treefold, k-means||", "MLlib, k-means||"), ">= 12"),
        "treefold / scikit-learn, fit from the same start": ratio(
            1 / fits(one, "treefold, given start", "scikit-learn, given start"), "<= 1"
        ),
        "cost from k-means||, treefold / MLlib": ratio(
            one["treefold, k-means||"]["cost"] / one["MLlib, k-means||"]["cost"], "about 1"
        ),
        "assignment / product rate, k = 1000": ratio(rate["assignment"]["rate"] / rate["product"]["rate"], ">= 0.6"),
    }
    for k, of in ((10, ten), (1000, thousand)):
        name = f"100 k x 784, k = {k}"
        ratios[f"MLlib / treefold, {name}"] = ratio(fits(of, "treefold", "MLlib, random"), "reported")
        ratios[f"treefold / scikit-learn, {name}"] = ratio(1 / fits(of, "treefold", "scikit-learn"), "reported")
        ratios[f"scikit-learn's elkan / lloyd, {name}"] = ratio(
            1 / fits(of, "scikit-learn, elkan", "scikit-learn"), "reported"
        )
    medians = {"rates": rate, "1 M x 100, k = 20": one, "100 k x 784, k = 10": ten, "100 k x 784, k = 1000": thousand}
    write(
        "kmeans", {"rounds": options.rounds, "wide_rounds": options.wide_rounds, "medians": medians, "ratios": ratios}
    )
    spark.stop()


if __name__ == "__main__":
    main()
