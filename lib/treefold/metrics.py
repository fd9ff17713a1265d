"""Evaluation of predictions: statistics again, one pass."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.block import Block


class ClassificationCounts(NamedTuple):
    """Sums over rows: rows, weight, log-loss and the confusion matrix ``(label, prediction)``, weighted.

    ``bad_labels`` counts the rows whose label is no class of the model.
    """

    rows: int
    weight: float
    log_loss: float
    confusion: NDArray
    bad_labels: int


def classification_counts(block: Block, model: Any) -> ClassificationCounts:
    """Counts of one block under a classifier with ``classes``, ``probability`` and ``class_of``."""
    classes = model.classes
    bad = (block.y < 0) | (block.y >= classes) | (block.y != np.floor(block.y))
    label = np.where(bad, 0, block.y).astype(np.intp)
    weight = np.where(bad, 0, block.weight).astype(np.float64)
    probability = model.probability(block.X)
    chosen = probability[np.arange(len(label)), label]
    predicted = model.class_of(probability).astype(np.intp)
    confusion = np.bincount(label * classes + predicted, weight, minlength=classes * classes)
    return ClassificationCounts(
        len(label),
        weight.sum(),
        -(weight @ np.log(np.maximum(chosen, np.finfo(float).tiny))),
        confusion.reshape(classes, classes),
        int(bad.sum()),
    )


class RegressionSums(NamedTuple):
    """Sums over rows: rows, weight, label, its square about ``shift``, error, absolute and squared error, weighted."""

    rows: int
    weight: float
    label: float
    label_square: float
    absolute: float
    square: float


def regression_sums(block: Block, model: Any, shift: float) -> RegressionSums:
    """Sums of one block under a regression with ``predict``; labels are taken about ``shift``, near their mean."""
    weight = block.weight.astype(np.float64)
    label = block.y.astype(np.float64)
    error = model.predict(block.X) - label
    label -= shift
    sums = (float(weight @ term) for term in (np.ones_like(label), label, label**2, abs(error), error**2))
    return RegressionSums(len(label), *sums)


def classification_scores(counts: ClassificationCounts) -> dict[str, Any]:
    """Log-loss, accuracy, precision and recall by label, confusion matrix.

    Precision of a class never predicted and recall of a class that does not occur are 0, as in MLlib.
    """
    confusion = counts.confusion
    hits, actual, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        "rows": int(counts.rows),
        "log_loss": float(counts.log_loss / counts.weight),
        "accuracy": float(hits.sum() / counts.weight),
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, actual),
        "confusion": confusion.tolist(),
    }


def regression_scores(sums: RegressionSums) -> dict[str, Any]:
    """Root mean squared error, mean absolute error and R2, which is None where the label does not vary."""
    total = sums.label_square - sums.label**2 / sums.weight
    return {
        "rows": int(sums.rows),
        "rmse": float(np.sqrt(sums.square / sums.weight)),
        "mae": float(sums.absolute / sums.weight),
        "r2": float(1 - sums.square / total) if total > 0 else None,
    }


def _ratio(part: NDArray, whole: NDArray) -> list[float]:
    return [float(a / b) if b > 0 else 0.0 for a, b in zip(part, whole, strict=True)]
