"""Correct and wrong labels, and log-loss. Definitions are those of pyspark.ml's evaluators.

Scores take :class:`LabelCounts` and return ``(models,)``; scores by label return ``(models, classes)``.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.metrics.predictions import Predictions, weights_of

EPS = 1e-15


class LabelCounts(NamedTuple):
    """Weighted sums over rows; a row of weight 0 is absent.

    Attributes
    ----------
    rows, unknown : (models,) int
        Number of rows, and of those whose label is not a class of the model; the other fields leave these out.
    weight, log_loss : (models,)
        Log-loss is NaN if the model has no probabilities.
    hits, actual, predicted : (models, classes)
        Weight of the rows of each class that were predicted correctly, of the rows of the class, and of the rows
        predicted to be of the class.
    """

    rows: NDArray
    unknown: NDArray
    weight: NDArray
    log_loss: NDArray
    hits: NDArray
    actual: NDArray
    predicted: NDArray


class Confusion(NamedTuple):
    """Confusion matrix.

    Attributes
    ----------
    table : (models, classes, classes)
        Weight of the rows by label and prediction.
    """

    table: NDArray


def label_counts(predictions: Predictions, label: NDArray, weight: NDArray, eps: float = EPS) -> LabelCounts:
    """Counts of one block.

    Parameters
    ----------
    predictions : Predictions
        Predictions of the models.
    label : (rows,)
        Labels.
    weight : (rows,)
        Weights of the rows.
    eps : float
        Probabilities are clipped to ``[eps, 1 - eps]`` for the log-loss.

    Returns
    -------
    LabelCounts
    """
    known, index, w = _known(predictions, label, weight)
    present, chosen = weights_of(predictions, weight) > 0, _chosen(predictions, w)
    classes = predictions.classes
    return LabelCounts(
        present.sum(axis=1),
        (present & ~known).sum(axis=1),
        w.sum(axis=1),
        _log_loss(predictions, index, w, eps),
        _by_class(index, np.where(chosen == index, w, 0.0), classes),
        _by_class(index, w, classes),
        _by_class(chosen, w, classes),
    )


def confusion(predictions: Predictions, label: NDArray, weight: NDArray) -> Confusion:
    """Confusion matrix of one block.

    Parameters
    ----------
    predictions : Predictions
        Predictions of all models.
    label, weight : (rows,)
        Labels and weights.

    Returns
    -------
    Confusion
        ``(models, classes, classes)``: rows are labels, columns are predictions.
    """
    _, index, w = _known(predictions, label, weight)
    classes = predictions.classes
    cell = index * classes + _chosen(predictions, w)
    return Confusion(_by_class(cell, w, classes * classes).reshape(-1, classes, classes))


def log_loss(counts: LabelCounts) -> NDArray:
    """``-sum_i w_i log p_i(y_i) / sum_i w_i``."""
    return _ratio(counts.log_loss, counts.weight)


def accuracy(counts: LabelCounts) -> NDArray:
    """Share of the weight that is predicted correctly."""
    return _ratio(counts.hits.sum(axis=1), counts.weight)


def hamming_loss(counts: LabelCounts) -> NDArray:
    """Share of the weight that is predicted wrongly."""
    return _ratio(counts.weight - counts.hits.sum(axis=1), counts.weight)


def precision(counts: LabelCounts) -> NDArray:
    """By label, ``hits / predicted``; 0 for a class never predicted."""
    return _ratio(counts.hits, counts.predicted, nothing=0.0)


def recall(counts: LabelCounts) -> NDArray:
    """By label, ``hits / actual``, the true positive rate; 0 for a class that does not occur."""
    return _ratio(counts.hits, counts.actual, nothing=0.0)


def false_positive_rate(counts: LabelCounts) -> NDArray:
    """By label, the share of the other classes that is predicted to be the label; NaN if there are no others."""
    return _ratio(counts.predicted - counts.hits, counts.weight[:, None] - counts.actual)


def f_measure(counts: LabelCounts, beta: float = 1.0) -> NDArray:
    """By label, ``(1 + beta^2) precision recall / (beta^2 precision + recall)``; 0 if both are 0."""
    p, r = precision(counts), recall(counts)
    return _ratio((1 + beta**2) * p * r, beta**2 * p + r, nothing=0.0)


def weighted(counts: LabelCounts, by_label: NDArray) -> NDArray:
    """Mean of a score by label, weighted by the weight of each label."""
    occurs = counts.actual > 0
    return _ratio((np.where(occurs, by_label, 0.0) * counts.actual).sum(axis=1), counts.weight)


def _known(predictions: Predictions, label: NDArray, weight: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Which labels are classes, their index (0 for others), and the weights with 0 for other rows."""
    known = (label >= 0) & (label < predictions.classes) & (label == np.floor(label))
    index = np.where(known, label, 0).astype(np.intp)
    return known, index, np.where(known, weights_of(predictions, weight), 0.0)


def _chosen(predictions: Predictions, weight: NDArray) -> NDArray:
    """Predicted classes, ``(models, rows)``; 0 for rows without weight, whose prediction may be NaN."""
    return np.where(weight > 0, predictions.value, 0).astype(np.intp)


def _log_loss(predictions: Predictions, index: NDArray, weight: NDArray, eps: float) -> NDArray:
    if predictions.probability is None:
        return np.full(len(weight), np.nan)
    chosen = predictions.probability[:, index, np.arange(len(index))]
    loss = -np.log(np.clip(chosen, eps, 1 - eps))
    total: NDArray = np.where(weight > 0, weight * loss, 0.0).sum(axis=1)
    return total


def _by_class(index: NDArray, weight: NDArray, classes: int) -> NDArray:
    """Sums of ``weight`` ``(models, rows)`` by class: ``(models, classes)``."""
    cell = np.arange(len(weight))[:, None] * classes + index
    return np.bincount(cell.ravel(), weight.ravel(), len(weight) * classes).reshape(-1, classes)


def _ratio(part: NDArray, whole: NDArray, nothing: float = np.nan) -> NDArray:
    return np.divide(part, whole, out=np.full(np.shape(part), nothing), where=whole > 0)
