"""Linear models against MLlib, scikit-learn and GEMM: support vectors, least squares, sparse rows, local descent."""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.ml import classification, regression
from pyspark.ml.feature import VectorAssembler
from scipy.sparse import csr_array
from sklearn.linear_model import SGDClassifier
from threadpoolctl import threadpool_limits

from benchmarks.setting import HERE, NAMES, generated, ratio, rounds, session, timed, write
from treefold import ml
from treefold.statistics.moments import moments

FEATURES, ENTRIES, GROUP = 47_236, 94, 20_000
SAME = {"maxIter": 20, "tol": 0.0}
SVC, SQUARES, WORDS = SAME | {"regParam": 0.01}, {"regParam": 0.01}, SAME | {"regParam": 1e-3}
SLICE = 4096  # rows of a product that stay in a core's cache


def sparse_rows(rows: int) -> str:
    """Parquet files of sparse vectors, ``ENTRIES`` words of 47,236 a row, frequent ones more often, made once."""
    folder = HERE / "data" / f"{rows}x{FEATURES}"
    if not (folder / "_SUCCESS").exists():
        print(f"making {folder}", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        vector = pa.struct([("type", pa.int8()), ("size", pa.int32()), ("indices", pa.list_(pa.int32())),
                            ("values", pa.list_(pa.float64()))])  # fmt: skip
        coef = np.random.default_rng(0).standard_normal(FEATURES)
        for i in range(-(-rows // GROUP)):
            rng = np.random.default_rng([1, i])
            count = min(GROUP, rows - i * GROUP)
            word = (FEATURES ** rng.random((count, ENTRIES)) - 1).astype(np.int32)
            X = csr_array((np.ones(word.size), word.ravel(), np.arange(0, word.size + 1, ENTRIES)), (count, FEATURES))
            X.sum_duplicates()
            X.data = np.log1p(X.data)
            label = (X @ coef + rng.logistic(size=count) > 0).astype(np.float64)
            ends = pa.array(X.indptr.astype(np.int32))
            features = pa.StructArray.from_arrays(
                [pa.array(np.zeros(count, np.int8)), pa.array(np.full(count, FEATURES, np.int32)),
                 pa.ListArray.from_arrays(ends, pa.array(X.indices.astype(np.int32))),
                 pa.ListArray.from_arrays(ends, pa.array(X.data))], fields=list(vector)
            )  # fmt: skip
            pq.write_table(pa.table({"features": features, "label": label}), folder / f"part-{i:05d}.parquet")
        (folder / "_SUCCESS").touch()
    return str(folder)


def vectors(spark, path):
    """The rows of a folder of sparse vectors, as Spark knows vectors."""
    from pyspark.ml.linalg import VectorUDT
    from pyspark.sql.types import StructType

    return spark.read.schema(StructType().add("features", VectorUDT()).add("label", "double")).parquet(path)


def ours(frame, estimator, score=lambda model: {}):
    """Seconds from Parquet to model, and without the pass that reads: MLlib's rows are cached."""
    total, model = timed(lambda: estimator.fit(frame))
    first, *rest = model.training_summary.passes
    return {"total": total, "fit": total - first.seconds, "passes": len(rest), **score(model)}


def theirs(rows, estimator, score=lambda model: {}):
    seconds, model = timed(lambda: estimator.fit(rows))
    return {"fit": seconds, **score(model)}


def squares(frame):
    """``normal``: all of a fit from Parquet, and its pass over stored blocks, as MLlib's rows are in its cache."""
    estimator = ml.LinearRegression(featuresCol=NAMES, **SQUARES)
    total, _ = timed(lambda: estimator.fit(frame))
    with estimator.open(frame) as blocks:
        moments(blocks)
        fit, _ = timed(lambda: estimator.fit_batch(blocks, [estimator]))
        return {"total": total, "fit": fit, "passes": len(blocks.passes) - 1}


def gemm(X, cores):
    """Seconds of the same products by NumPy in float64, one thread a slice, on all cores."""

    def product(begin):
        Z = X[begin : begin + SLICE].astype(np.float64)
        return Z.T @ Z

    with threadpool_limits(1), ThreadPoolExecutor(cores) as pool:
        return {"seconds": timed(lambda: sum(pool.map(product, range(0, len(X), SLICE))))[0]}


def hinge(X, y):
    """The objective of a support vector classifier whose penalty is on standardised coefficients."""
    sign, deviation = (2 * y - 1).astype(np.float32), X.std(axis=0, dtype=np.float64)

    def score(model):
        coef = model.coefficients.toArray()
        margin = X @ coef.astype(np.float32) + np.float32(model.intercept)
        loss = np.maximum(0, 1 - sign * margin).mean(dtype=np.float64)
        return {"objective": float(loss + SVC["regParam"] / 2 * ((coef * deviation) ** 2).sum())}

    return score


def local_epochs(frame, epochs):
    """Seconds of one epoch of local descent, from the passes."""
    model = ml.LinearSVC(featuresCol=NAMES, solver="localsgd", stepSize=0.05, maxIter=epochs, tol=0.0).fit(frame)
    walks = [p.seconds for p in model.training_summary.passes if p.name == "local_epoch"]
    return {"epoch": float(np.median(walks))}


def scikit_epoch(X, y):
    one = SGDClassifier(max_iter=1, tol=None, learning_rate="constant", eta0=0.01)
    return {"epoch": timed(lambda: one.fit(X, y))[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sparse-rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    path = generated(arguments.rows)
    words = sparse_rows(arguments.sparse_rows)
    spark = session()
    dense = spark.read.parquet(path)
    assembled = VectorAssembler(inputCols=NAMES, outputCol="features").transform(dense).select("features", "label")
    cores = spark.sparkContext.defaultParallelism
    # MLlib's rows are cached, ours are read from the files.
    assembled, sparse = assembled.persist(), vectors(spark, words).repartition(cores).persist()
    assembled.count(), sparse.count()
    frame = pd.read_parquet(path)
    X, y = frame[NAMES].to_numpy(), frame["label"].to_numpy()
    empty = spark.sparkContext.parallelize(range(cores), cores).mapPartitions(lambda part: [len(list(part))])
    found = rounds(
        {
            "svc": lambda: ours(dense, ml.LinearSVC(featuresCol=NAMES, **SVC), hinge(X, y)),
            "mllib svc": lambda: theirs(assembled, classification.LinearSVC(**SVC), hinge(X, y)),
            "squares": lambda: squares(dense),
            "mllib squares": lambda: theirs(assembled, regression.LinearRegression(**SQUARES)),
            "gemm": lambda: gemm(X, cores),
            "logistic": lambda: ours(vectors(spark, words), ml.LogisticRegression(**WORDS)),
            "mllib logistic": lambda: theirs(sparse, classification.LogisticRegression(**WORDS)),
            "local sgd": lambda: local_epochs(dense, 5),
            "scikit-learn sgd": lambda: scikit_epoch(X, y),
            "empty": lambda: {"seconds": timed(empty.collect)[0]},
        },
        arguments.rounds,
    )
    allowed = found["scikit-learn sgd"]["epoch"] / cores + found["empty"]["seconds"]
    write(
        "linear",
        {
            "rows": arguments.rows,
            "sparse_rows": arguments.sparse_rows,
            "rounds": arguments.rounds,
            "median_seconds": found,
            "ratios": {
                "MLlib / treefold, LinearSVC, fit": ratio(found["mllib svc"]["fit"] / found["svc"]["fit"], ">= 4"),
                "MLlib / treefold, LinearRegression, fit": ratio(
                    found["mllib squares"]["fit"] / found["squares"]["fit"], ">= 4"
                ),
                "pass of normal / (its products by NumPy + an empty job)": ratio(
                    found["squares"]["fit"] / (found["gemm"]["seconds"] + found["empty"]["seconds"]), "<= 2"
                ),
                "hinge: objective / MLlib's": ratio(
                    found["svc"]["objective"] / found["mllib svc"]["objective"], "<= 1"
                ),
                "MLlib / treefold, sparse logistic, fit": ratio(
                    found["mllib logistic"]["fit"] / found["logistic"]["fit"], ">= 3"
                ),
                "epoch of local descent / (scikit-learn's / cores + an empty job)": ratio(
                    found["local sgd"]["epoch"] / allowed, "<= 1"
                ),
            },
        },
    )
    spark.stop()


if __name__ == "__main__":
    main()
