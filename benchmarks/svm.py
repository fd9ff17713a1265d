"""Support vector machines with a kernel on real data: treefold and scikit-learn (LIBSVM), both from arrays in memory.

``TREEFOLD_DATA`` names the folder of the data sets. Both stop at the same violation, 1e-3.
"""

import argparse
import os
from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.svm import SVC

from benchmarks.setting import ratio, rounds, timed, write
from treefold.algorithms.svm import Kernel, Machine, SvmModel, Task, fit
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.runtime.blas_threads import one


class Data(NamedTuple):
    """Rows to fit and to predict, and the params."""

    X: NDArray
    y: NDArray
    test: NDArray
    cost: float
    gamma: float


def table(name: str) -> Any:
    """The table of a data set, with its vectors as rows of numbers."""
    return pq.read_table(Path(os.environ["TREEFOLD_DATA"]) / name / "parquet")


def columns(read: Any) -> NDArray:
    """The features of a table of numbers."""
    names = [name for name in read.column_names if name not in ("label", "split")]
    return np.column_stack([read[name].to_numpy().astype(np.float64) for name in names])


@cache
def a9a() -> Data:
    read = table("a9a")
    vectors = read["features"].combine_chunks()
    entries, values = vectors.field("indices"), vectors.field("values")
    X = np.zeros((len(read), 123))
    X[np.repeat(np.arange(len(X)), np.diff(entries.offsets)), entries.values] = values.values
    train = np.array(read["split"].to_pylist()) == "train"
    return Data(X[train], read["label"].to_numpy()[train].astype(float), X[~train], 1.0, 1 / 123)


@cache
def higgs() -> Data:
    read = table("higgs_lgbm")
    X = columns(read)
    train = np.array(read["split"].to_pylist()) == "train"
    X = (X - X[train].mean(axis=0)) / X[train].std(axis=0)
    return Data(X[train], read["label"].to_numpy()[train].astype(float), X[~train], 1.0, 1 / 28)


@cache
def covertype() -> Data:
    read = table("covertype_100k").slice(0, 12_000)
    X = columns(read)
    X = (X - X.min(axis=0)) / np.maximum(np.ptp(X, axis=0), 1e-300)
    y = (read["label"].to_numpy() == 1).astype(float)
    return Data(X[:10_000], y[:10_000], X[10_000:], 32.0, 2.0)


@cache
def letter() -> Data:
    read = table("letter")
    X = columns(read) / 15
    train = np.array(read["split"].to_pylist()) == "train"
    return Data(X[train], read["label"].to_numpy()[train].astype(float), X[~train], 16.0, 0.5)


SETS: dict[str, tuple[Callable[[], Data], str]] = {
    "a9a": (a9a, "at most 0.1"),
    "higgs": (higgs, "at most 0.4"),
    "covertype": (covertype, "at most 0.5"),
    "letter": (letter, "at most 1"),
}


def treefold(data: Data) -> dict[str, float]:
    """Seconds of the fit, and of the predictions."""
    classes = int(data.y.max()) + 1
    kernel = Kernel("rbf", data.gamma)
    machines = [Machine(Task(), kernel, data.cost, negative=a, positive=b) for a, b in combinations(range(classes), 2)]

    def fitted() -> SvmModel:
        return SvmModel.of(fit(LocalBlocks.from_arrays(data.X, data.y), machines), classes)

    with one():
        seconds, model = timed(fitted)
        predicting, _ = timed(lambda: model.predict(data.test))
    return {"fit": seconds, "predict": predicting, "support vectors": len(model.support)}


def scikit_learn(data: Data) -> dict[str, float]:
    seconds, model = timed(lambda: SVC(C=data.cost, gamma=data.gamma, cache_size=200).fit(data.X, data.y))
    predicting, _ = timed(lambda: model.predict(data.test))
    return {"fit": seconds, "predict": predicting, "support vectors": len(model.support_)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sets", nargs="*", default=list(SETS), choices=SETS)
    options.add_argument("--times", type=int, default=3)
    chosen = options.parse_args()
    results: dict[str, Any] = {"ratios": {}}
    for name in chosen.sets:
        load, aim = SETS[name]
        data = load()
        found = rounds(
            {"treefold": lambda d=data: treefold(d), "scikit-learn": lambda d=data: scikit_learn(d)}, chosen.times
        )
        results[name] = found
        ours, theirs = found["treefold"], found["scikit-learn"]
        results["ratios"][f"{name}: fit over scikit-learn's"] = ratio(ours["fit"] / theirs["fit"], aim)
        wanted = "at most 0.125" if name == "a9a" else "none"
        results["ratios"][f"{name}: predictions"] = ratio(ours["predict"] / theirs["predict"], wanted)
    write("svm", results)


if __name__ == "__main__":
    main()
