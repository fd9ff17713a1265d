"""Test scores of forests of the same size on real data: the mean of several seeds, side by side."""

import argparse
import json
import os
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pyspark.ml import classification, regression
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.linalg import Vectors
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import accuracy_score, r2_score

from benchmarks.setting import HERE, ratio, session, timed, write
from treefold import ml

RESULTS = HERE / "results" / "forest_scores.json"
AS_IS = "treefold, categories and missing values as they are"


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
        "letter": _task(letter, letter["split"] == "test", True, 30, 15, 32),
        "covertype_100k": _task(cover, fifth, True, 20, 15, 128),
        "adult": _task(adult, adult["split"] == "test", True, 50, 12, 64),
        "california_housing": _task(houses, drawn, False, 50, 15, 255),
        "nycflights13": _task(flights, flights["month"] >= 10, False, 20, 12, 1024),
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


def score_table(spark: Any, folder: Path, names: list[str], seeds: int) -> dict[str, dict[str, float]]:
    """Accuracy, or R2, by data set and contender: mean and deviation over the seeds."""
    table = {}
    for name, task in tasks(folder).items():
        if names and name not in names:
            continue
        contenders = {"treefold": _treefold, "scikit-learn": _scikit_learn, "MLlib": _mllib}
        if task.categories or task.data[task.features].isna().to_numpy().any():
            contenders[AS_IS] = _as_is
        runs: dict[str, list[float]] = {name: [] for name in contenders}
        for seed in range(seeds):
            took = {}
            for contender, run in contenders.items():
                took[contender], predicted = timed(partial(run, spark, task, seed))
                runs[contender].append(_score(task, predicted))
            said = {who: f"{scores[-1]:.4f} ({took[who]:.1f} s)" for who, scores in runs.items()}
            print(f"{name} seed {seed}: {said}", file=sys.stderr, flush=True)
        table[name] = {who: statistics.mean(s) for who, s in runs.items()} | {
            f"{who}, deviation": statistics.pstdev(s) for who, s in runs.items()
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="names of data sets; all if none is given")
    options = parser.parse_args()
    if "TREEFOLD_DATA" not in os.environ:
        parser.error("set TREEFOLD_DATA to the folder of the data sets")
    spark = session()
    seconds, scores = timed(lambda: score_table(spark, Path(os.environ["TREEFOLD_DATA"]), options.only, options.seeds))
    spark.stop()
    print(f"{seconds:.0f} s in all", file=sys.stderr)
    if options.only and RESULTS.exists():  # those of the other data sets stay
        scores = json.loads(RESULTS.read_text())["scores"] | scores
    ratios = {}
    for name, row in scores.items():
        ratios[f"{name}: score less scikit-learn's"] = ratio(row["treefold"] - row["scikit-learn"], "about 0")
        ratios[f"{name}: score less MLlib's"] = ratio(row["treefold"] - row["MLlib"], ">= 0")
        if AS_IS in row:
            ratios[f"{name}: as they are less scikit-learn's"] = ratio(row[AS_IS] - row["scikit-learn"], "reported")
        noise = max(row["treefold, deviation"], row["scikit-learn, deviation"])
        ratios[f"{name}: deviation of a score over the seeds"] = ratio(noise, "reported")
    write("forest_scores", {"seeds": options.seeds, "scores": scores, "ratios": ratios})


def _score(task: Task, predicted: Any) -> float:
    label = task.data["label"][task.test]
    return float(accuracy_score(label, predicted) if task.classes else r2_score(label, predicted))


def _treefold(spark: Any, task: Task, seed: int) -> Any:
    """Of the same numbers as the others."""
    return _grown(spark, task, seed, _filled(task), [])


def _as_is(spark: Any, task: Task, seed: int) -> Any:
    """Of categories and missing values as what they are."""
    return _grown(spark, task, seed, task.data[task.features].astype(float).to_numpy(), task.categories)


def _grown(spark: Any, task: Task, seed: int, X: np.ndarray, categories: list[str]) -> Any:
    kind = ml.RandomForestClassifier if task.classes else ml.RandomForestRegressor
    rows = pd.DataFrame(X, columns=task.features).assign(label=task.data["label"].to_numpy())
    forest = kind(
        featuresCol=task.features, categoricalCols=categories, numTrees=task.trees, maxDepth=task.depth,
        maxBins=task.bins, seed=seed,
    )  # fmt: skip
    return forest.fit(spark.createDataFrame(rows[~task.test])).numpy_model.predict(X[task.test])


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


if __name__ == "__main__":
    main()
