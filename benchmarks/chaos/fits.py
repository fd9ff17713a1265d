"""The fits that are disturbed: a few thousand rows in many small blocks, every kind of algorithm, both readers."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.tuning import ParamGridBuilder
from pyspark.sql import DataFrame, SparkSession

from benchmarks.chaos.disk_files import bytes_of, files_below
from treefold.ml import (
    CrossValidator,
    KMeans,
    LogisticRegression,
    MultilayerPerceptronClassifier,
    RandomForestClassifier,
)

ROWS, FEATURES = 3000, 6
READERS = ("parquet", "dataframe")
COLUMNS = {"featuresCol": ["x*"], "weightCol": "weight"}


def write_rows(folder: Path) -> str:
    """Three Parquet files of very different sizes."""
    rng = np.random.default_rng(8)
    X = rng.standard_normal((ROWS, FEATURES))
    label = (X[:, 0] + rng.standard_normal(ROWS) > 0).astype(float)
    columns = {f"x{j}": X[:, j] for j in range(FEATURES)}
    table = pa.table({"row": np.arange(ROWS), **columns, "label": label, "weight": 1.0 + np.arange(ROWS) % 2})
    folder.mkdir(parents=True)
    for i, (start, stop) in enumerate([(0, 10), (10, 2000), (2000, ROWS)]):
        pq.write_table(table[start:stop], folder / f"part-{i}.parquet", row_group_size=150)
    return str(folder)


def rows(spark: SparkSession, path: str, reader: str) -> DataFrame:
    """The same rows in the same order, through either reader."""
    stored = spark.read.parquet(path)
    return stored if reader == "parquet" else stored.where("weight > 0").orderBy("row")


def logistic(**params: Any) -> LogisticRegression:
    return LogisticRegression(**COLUMNS, regParam=0.01, tol=0.0, **params)


def perceptron() -> MultilayerPerceptronClassifier:
    """By mini-batches: two steps in each epoch, each of rows of four lanes."""
    layers = [FEATURES, 5, 2]
    return MultilayerPerceptronClassifier(**COLUMNS, layers=layers, solver="minibatch", batchSize=1500, maxEpochs=8)


def cross_validation() -> CrossValidator:
    estimator = logistic(maxIter=6)
    grid = ParamGridBuilder().addGrid(estimator.regParam, [0.01, 1.0]).build()
    select = BinaryClassificationEvaluator(weightCol="weight")
    return CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator=select, numFolds=3)


FITS: dict[str, Callable[[], Any]] = {
    "lbfgs": lambda: logistic(maxIter=10),
    "gd": lambda: logistic(solver="gd", maxIter=10),
    "sgd": lambda: logistic(solver="sgd", maxIter=12),
    "k-means": lambda: KMeans(**COLUMNS, k=5, nInit=2, tol=0.0, maxIter=8, seed=1),
    "mini-batches": perceptron,
    "cross-validation": cross_validation,
    "forest": lambda: RandomForestClassifier(**COLUMNS, numTrees=3, maxDepth=4, seed=1),
}


def bits(model: Any) -> str:
    """Digest of all that a model has learnt."""
    scores = getattr(model, "avgMetrics", [])
    _, arrays = getattr(model, "bestModel", model).numpy_model.save_state()
    found = hashlib.sha256(json.dumps([float(score).hex() for score in scores]).encode())
    for name in sorted(arrays):
        found.update(
            f"{name}{arrays[name].dtype}{arrays[name].shape}".encode() + np.ascontiguousarray(arrays[name]).tobytes()
        )
    return found.hexdigest()


def plain_in(folder: Path, data: str) -> list[Path]:
    """Files below a folder that hold features as they are: those of a row side by side, or one of consecutive rows."""
    table = pq.read_table(data)
    X = np.column_stack([table[f"x{j}"].to_numpy() for j in range(FEATURES)])
    traces = [
        part.astype(dtype).tobytes()
        for i in range(0, ROWS - 4, 50)
        for dtype in ("f4", "f8")
        for part in (X[i], X[i : i + 4, 0])
    ]
    held = ((file, bytes_of(file)) for file in files_below(folder))
    return [file for file, stored in held if any(trace in stored for trace in traces)]
