"""Test scores of perceptrons of one size on real data: the mean of several seeds, beside scikit-learn's."""

import argparse
import json
import os
import statistics
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.setting import HERE, ratio, write
from treefold import ml
from treefold.engine.execution.local_blocks import LocalBlocks

RESULTS = HERE / "results" / "perceptron_scores.json"
HIDDEN, BATCH, RATE = 100, 200, 1e-3  # scikit-learn's defaults


class Task(NamedTuple):
    """Standardised features, the label, test rows, and how many epochs a fit has."""

    X: np.ndarray
    y: np.ndarray
    test: np.ndarray
    classes: int
    epochs: int

    @property
    def layers(self) -> list[int]:
        """Sizes of the layers."""
        return [self.X.shape[1], HIDDEN, self.classes or 1]


def tasks(folder: Path) -> dict[str, Callable[[], Task]]:
    """The data sets, each read when it is asked for."""

    def read(name: str) -> pd.DataFrame:
        return pd.read_parquet(folder / name / "parquet")

    def letter() -> Task:
        rows = read("letter")
        return _task(rows, rows["split"] == "test", 26, 40)

    def adult() -> Task:
        rows = read("adult")
        return _task(rows, rows["split"] == "test", 2, 10)

    def houses() -> Task:
        rows = read("california_housing")
        return _task(rows, np.random.default_rng(0).random(len(rows)) < 0.2, 0, 60)

    def cover() -> Task:
        rows = read("covertype_100k")
        return _task(rows, np.arange(len(rows)) % 5 == 4, 7, 20)

    return {"letter": letter, "adult": adult, "california_housing": houses, "covertype_100k": cover}


def _task(data: pd.DataFrame, test: Any, classes: int, epochs: int) -> Task:
    """Strings as indicators, numbers about the mean of the training rows in units of their deviation."""
    test = np.asarray(test)
    rows = pd.get_dummies(data.drop(columns=["split", "label"], errors="ignore"), dummy_na=True, dtype=float)
    X, y = rows.fillna(rows[~test].median()).to_numpy(np.float64), data["label"].to_numpy(np.float64)
    spread = X[~test].std(axis=0)
    X = (X - X[~test].mean(axis=0))[:, spread > 0] / spread[spread > 0]
    if not classes:
        y = (y - y[~test].mean()) / y[~test].std()
    return Task(X.astype(np.float32), y, test, classes, epochs)


def score_table(folder: Path, names: list[str], seeds: int) -> dict[str, dict[str, float]]:
    """Accuracy, or R2, by data set and contender: mean and deviation over the seeds."""
    table = {}
    contenders = {"treefold": _treefold, "scikit-learn": _scikit_learn}
    for name, read in tasks(folder).items():
        if names and name not in names:
            continue
        task, runs = read(), {who: [] for who in contenders}  # type: ignore[var-annotated]
        for seed in range(seeds):
            for who, run in contenders.items():
                runs[who].append(_score(task, run(task, seed)))
            said = {who: f"{scores[-1]:.4f}" for who, scores in runs.items()}
            print(f"{name} seed {seed}: {said}", file=sys.stderr, flush=True)
        table[name] = {who: statistics.mean(scores) for who, scores in runs.items()} | {
            f"{who}, deviation": statistics.pstdev(scores) for who, scores in runs.items()
        }
    return table


def _score(task: Task, predicted: Any) -> float:
    label = task.y[task.test]
    return float(accuracy_score(label, predicted) if task.classes else r2_score(label, predicted))


def _treefold(task: Task, seed: int) -> Any:
    """A fit over blocks of this process; the bits are those of any number of tasks."""
    kind = ml.MultilayerPerceptronClassifier if task.classes else ml.MultilayerPerceptronRegressor
    estimator = kind(
        layers=task.layers, solver="minibatch", batchSize=BATCH, stepSize=RATE, maxEpochs=task.epochs, seed=seed
    )
    train = ~task.test
    blocks = LocalBlocks.from_arrays(task.X[train], task.y[train], dtype="float32")
    (model,) = estimator.fit_batch(blocks, [estimator]).numpy_models
    return model.predict(task.X[task.test])


def _scikit_learn(task: Task, seed: int) -> Any:
    kind = MLPClassifier if task.classes else MLPRegressor
    model = kind(
        hidden_layer_sizes=(HIDDEN,), alpha=0.0, batch_size=BATCH, learning_rate_init=RATE, max_iter=task.epochs,
        tol=0.0, n_iter_no_change=task.epochs, random_state=seed,
    )  # fmt: skip
    train = ~task.test
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(task.X[train], task.y[train]).predict(task.X[task.test])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="names of data sets; all if none is given")
    options = parser.parse_args()
    if "TREEFOLD_DATA" not in os.environ:
        parser.error("set TREEFOLD_DATA to the folder of the data sets")
    scores = score_table(Path(os.environ["TREEFOLD_DATA"]), options.only, options.seeds)
    if options.only and RESULTS.exists():  # those of the other data sets stay
        scores = json.loads(RESULTS.read_text())["scores"] | scores
    ratios = {}
    for name, row in scores.items():
        ratios[f"{name}: score less scikit-learn's"] = ratio(row["treefold"] - row["scikit-learn"], "about 0")
        noise = max(row["treefold, deviation"], row["scikit-learn, deviation"])
        ratios[f"{name}: deviation of a score over the seeds"] = ratio(noise, "reported")
    write("perceptron_scores", {"seeds": options.seeds, "scores": scores, "ratios": ratios})


if __name__ == "__main__":
    main()
