"""Kinds of synthetic data: columns of rows by their positions, and the true parameters.

A kind is a function ``(spec, draws) -> columns``. Columns are ``(rows,)`` arrays of numbers or text, or a ``csr_array``
for a column of sparse vectors.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.generation.draws import Draws, constants, zipf

Columns = dict[str, Any]


def regression(spec: Any, draws: Draws) -> Columns:
    """Normal features; the label is linear in them, with normal noise."""
    X = _features(spec, draws)
    label = X @ np.array(truth(spec)["coefficients"]) + truth(spec)["intercept"]
    return _named(X) | {"label": label + spec.noise * draws.normal("noise")}


def classification(spec: Any, draws: Draws) -> Columns:
    """Normal features; the class is drawn by the softmax of linear functions of them, flatter with more noise."""
    X = _features(spec, draws)
    margin = X @ np.array(truth(spec)["coefficients"]).T / max(spec.noise, 1e-9)
    gumbel = np.column_stack([-np.log(-np.log(draws.uniform("class", k))) for k in range(spec.classes)])
    return _named(X) | {"label": (margin + gumbel).argmax(axis=1).astype(np.int32)}


def blobs(spec: Any, draws: Draws) -> Columns:
    """Normal clouds around centres; the label is the cloud."""
    centres = np.array(truth(spec)["centres"])
    label = draws.choice("cloud", np.ones(spec.classes))
    return _named(centres[label] + spec.noise * _features(spec, draws)) | {"label": label.astype(np.int32)}


def sparse(spec: Any, draws: Draws) -> Columns:
    """Sparse vectors of counts, frequent features more often; the class is that of a logistic regression."""
    mass = np.cumsum(zipf(spec.features, 1.0))
    index = np.column_stack([draws.uniform("entry", k) for k in range(spec.entries)]) * mass[-1]
    index = np.minimum(np.searchsorted(mass, index), spec.features - 1)
    rows = len(draws.position)
    starts = np.arange(0, index.size + 1, spec.entries)
    X = csr_array((np.ones(index.size), index.ravel(), starts), (rows, spec.features))
    X.sum_duplicates()
    margin = X @ constants(spec.seed, "coefficients", spec.features) / np.sqrt(spec.entries) / max(spec.noise, 1e-9)
    return {"features": X, "label": (draws.uniform("class") < _logistic(margin)).astype(np.int32)}


def clicks(spec: Any, draws: Draws) -> Columns:
    """Text columns of many levels, frequent ones more often, and numbers; few rows are clicks."""
    numbers = spec.features - spec.features // 2
    X = _features(spec, draws, numbers)
    margin = np.full(len(draws.position), spec.intercept)
    margin += X @ constants(spec.seed, "coefficients", numbers) / np.sqrt(numbers)
    found = {f"number_{j}": X[:, j] for j in range(numbers)}
    for j in range(spec.features // 2):
        level = draws.choice("level", zipf(spec.levels, 1.1), j)
        margin += constants(spec.seed, f"levels {j}", spec.levels)[level] / np.sqrt(spec.features)
        found[f"word_{j}"] = np.char.add(f"w{j}_", level.astype(str)).astype(object)
    return found | {"label": (draws.uniform("class") < _logistic(margin)).astype(np.int32)}


KINDS: dict[str, Callable[[Any, Draws], Columns]] = {
    "regression": regression,
    "classification": classification,
    "blobs": blobs,
    "sparse": sparse,
    "clicks": clicks,
}


def truth(spec: Any) -> dict[str, Any]:
    """The true parameters that a model should find: coefficients, an intercept, or centres."""
    if spec.kind == "regression":
        coefficients = constants(spec.seed, "coefficients", spec.features)
        return {"coefficients": coefficients.tolist(), "intercept": spec.intercept}
    if spec.kind == "classification":
        return {"coefficients": constants(spec.seed, "coefficients", spec.classes, spec.features).tolist()}
    if spec.kind == "blobs":
        return {"centres": (10 * constants(spec.seed, "centres", spec.classes, spec.features)).tolist()}
    return {}


def generated(spec: Any, position: NDArray[np.uint64]) -> Columns:
    """All columns of some rows: ``id``, those of the kind, and if asked for ``key`` and ``split``.

    Parameters
    ----------
    spec : treefold.cli.generation_conf.Spec
        Description of the data set.
    position : (rows,) uint64
        Positions of the rows.
    """
    draws = Draws(spec.seed, position)
    found: Columns = {"id": position.astype(np.int64), **KINDS[spec.kind](spec, draws)}
    if spec.missing:
        for number, (name, column) in enumerate(list(found.items())):
            if name not in ("id", "label") and isinstance(column, np.ndarray):
                found[name] = np.ma.array(column, mask=draws.uniform("missing", number) < spec.missing)
    if spec.skew:
        found["key"] = draws.choice("key", zipf(spec.keys, spec.skew)).astype(np.int32)
    if spec.test:
        found["split"] = np.where(draws.uniform("split") < spec.test, "test", "train").astype(object)
    return found


def _features(spec: Any, draws: Draws, number: int | None = None) -> NDArray:
    """Standard normal features, moved by the drift."""
    count = spec.features if number is None else number
    return np.column_stack([draws.normal("feature", j) for j in range(count)]) + spec.drift


def _named(X: NDArray) -> Columns:
    return {f"x{j}": X[:, j] for j in range(X.shape[1])}


def _logistic(margin: NDArray) -> NDArray:
    share: NDArray = 1 / (1 + np.exp(-margin))
    return share
