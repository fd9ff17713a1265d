"""Test scores of forests of the same size on real data: the mean of several seeds, side by side."""

import os
import statistics
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pyspark.ml import classification, regression
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.linalg import Vectors
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import accuracy_score, r2_score

from treefold import ml


class Task(NamedTuple):
    """Features, label and test rows of a data set; ``categories`` names the features that are category numbers."""

    data: pd.DataFrame
    features: list[str]
    test: Any
    classes: bool
    categories: list[str]
    trees: int
    depth: int
    bins: int


def tasks(folder: Path) -> dict[str, Task]:
    """The data sets, strings as category numbers by how often they occur in the training rows."""

    def read(name: str) -> pd.DataFrame:
        return pd.read_parquet(folder / name / "parquet")

    letter, cover, adult = read("letter"), read("covertype_100k"), read("adult")
    houses, flights = read("california_housing"), read("nycflights13").dropna(subset=["arr_delay"])
    flights = flights.drop(columns=["tailnum", "late30", "arr_time", "air_time"]).rename(columns={"arr_delay": "label"})
    drawn = np.random.default_rng(0).random(len(houses)) < 0.2
    fifth = np.arange(len(cover)) % 5 == 4
    return {
        "letter": _task(letter, letter["split"] == "test", True, 100, 20, 32),
        "covertype_100k": _task(cover, fifth, True, 50, 20, 128),
        "adult": _task(adult, adult["split"] == "test", True, 100, 15, 64),
        "california_housing": _task(houses, drawn, False, 100, 20, 128),
        "nycflights13": _task(flights, flights["month"] >= 10, False, 20, 15, 128),
    }


def _task(data: pd.DataFrame, test: Any, classes: bool, trees: int, depth: int, bins: int) -> Task:
    data, test = data.drop(columns=["split"], errors="ignore").copy(), np.asarray(test)
    features = [name for name in data if name != "label"]
    strings = [name for name in features if data[name].dtype == object]
    for name in strings:
        order = data.loc[~test, name].value_counts().index
        data[name] = data[name].map({value: float(i) for i, value in enumerate(order)})
    data["label"] = data["label"].astype(float)
    return Task(data, features, test, classes, strings, trees, depth, bins)


def score_table(spark: Any, seeds: int) -> dict[str, dict[str, float]]:
    """Accuracy, or R2, by data set and contender: mean and deviation over the seeds."""
    if "TREEFOLD_DATA" not in os.environ:
        print("TREEFOLD_DATA is not set: no table of scores", file=sys.stderr)
        return {}
    table = {}
    for name, task in tasks(Path(os.environ["TREEFOLD_DATA"])).items():
        runs: dict[str, list[float]] = {"treefold": [], "scikit-learn": [], "MLlib": []}
        for seed in range(seeds):
            for contender, run in (("treefold", _treefold), ("scikit-learn", _scikit_learn), ("MLlib", _mllib)):
                runs[contender].append(_score(task, run(spark, task, seed)))
            print(f"{name} seed {seed}: { ({who: round(s[-1], 4) for who, s in runs.items()}) }", file=sys.stderr)
        table[name] = {who: statistics.mean(s) for who, s in runs.items()} | {
            f"{who}, deviation": statistics.pstdev(s) for who, s in runs.items()
        }
    return table


def _score(task: Task, predicted: Any) -> float:
    label = task.data["label"][task.test]
    return float(accuracy_score(label, predicted) if task.classes else r2_score(label, predicted))


def _treefold(spark: Any, task: Task, seed: int) -> Any:
    kind = ml.RandomForestClassifier if task.classes else ml.RandomForestRegressor
    train = spark.createDataFrame(task.data[~task.test].astype(float))
    forest = kind(
        featuresCol=task.features, categoricalCols=task.categories, numTrees=task.trees, maxDepth=task.depth,
        maxBins=task.bins, seed=seed,
    )  # fmt: skip
    return forest.fit(train).pure.predict(task.data.loc[task.test, task.features].to_numpy(float))


def _filled(task: Task) -> np.ndarray:
    """Features without missing values, for those who have none: a category, or a number, of their own."""
    return task.data[task.features].astype(float).fillna(-1.0).to_numpy()


def _scikit_learn(spark: Any, task: Task, seed: int) -> Any:
    X, train = _filled(task), ~task.test
    kind = RandomForestClassifier if task.classes else RandomForestRegressor
    subset = "sqrt" if task.classes else 1 / 3
    model = kind(task.trees, max_depth=task.depth, max_features=subset, n_jobs=2, random_state=seed)
    return model.fit(X[train], task.data["label"][train]).predict(X[task.test])


def _mllib(spark: Any, task: Task, seed: int) -> Any:
    data = pd.DataFrame(_filled(task), columns=task.features).assign(label=task.data["label"].to_numpy())
    rows = VectorAssembler(inputCols=task.features, outputCol="v").transform(spark.createDataFrame(data[~task.test]))
    room = classification if task.classes else regression
    kind = room.RandomForestClassifier if task.classes else room.RandomForestRegressor
    model = kind(
        featuresCol="v", numTrees=task.trees, maxDepth=task.depth, maxBins=task.bins, seed=seed, maxMemoryInMB=1024
    ).fit(rows)
    test = spark.createDataFrame([(Vectors.dense(row),) for row in _filled(task)[task.test]], ["v"])
    return model.transform(test).select("prediction").toPandas()["prediction"]
