"""Scores of a model in every replicate of a bootstrap, from sums of one pass."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from treefold.metrics import classification
from treefold.metrics.classification import EPS, LabelCounts
from treefold.metrics.predictions import Predictions
from treefold.statistics.bootstrap import Replicates, replicates_of

SCORE_BINS = 256  # of equal width in the probability of class 1; rows of one bin count as ties


@dataclass(frozen=True)
class Plan:
    """Number of bootstrap replicates, and the seed of their weights."""

    replicates: int
    seed: int


class ReplicatedScores(Protocol):
    """Sums of rows, and the scores that the sums have."""

    def sums(self, predictions: Predictions, label: NDArray, weight: NDArray, position: NDArray) -> Replicates:
        """Sums of some rows in every replicate.

        Parameters
        ----------
        predictions : Predictions
            Predictions of the model.
        label, weight : (rows,)
            Labels and weights.
        position : (rows,) uint64
            Positions in the data set, by which replicates are drawn.

        Returns
        -------
        Replicates
        """
        ...

    def scores(self, sums: Replicates) -> dict[str, NDArray]:
        """Scores by name, each ``(1 + replicates,)``; the first is that of the rows themselves."""
        ...


@dataclass(frozen=True)
class ClassScores:
    """Accuracy, log-loss, weighted F-measure and, of two classes, areas under curves."""

    plan: Plan
    classes: int

    def sums(self, predictions: Predictions, label: NDArray, weight: NDArray, position: NDArray) -> Replicates:
        """See :class:`ReplicatedScores`. Cells are hits, labels and predictions by class, then labels by score."""
        known = (weight > 0) & (label >= 0) & (label < self.classes)
        index = np.where(known, label, 0).astype(np.intp)
        chosen = np.where(known, predictions.value[0], 0).astype(np.intp)
        none = 3 * self.classes
        cells = [np.where(chosen == index, index, none), self.classes + index, 2 * self.classes + chosen]
        number = none + 1
        if predictions.score is not None:
            chance = np.where(known, _chance(predictions), 0.0)
            cells.append(number + 2 * np.minimum((chance * SCORE_BINS).astype(np.intp), SCORE_BINS - 1) + index)
            number += 2 * SCORE_BINS
        values = np.empty((0, len(label)))
        if predictions.probability is not None:
            chosen_probability = predictions.probability[0, index, np.arange(len(index))]
            values = -np.log(np.clip(np.where(known, chosen_probability, 1.0), EPS, 1 - EPS))[None]
        return replicates_of(
            position, np.where(known, weight, 0.0), np.column_stack(cells), values, number=number,
            replicates=self.plan.replicates, seed=self.plan.seed,
        )  # fmt: skip

    def scores(self, sums: Replicates) -> dict[str, NDArray]:
        """See :class:`ReplicatedScores`."""
        hits, actual, predicted = (sums.counts[i * self.classes : (i + 1) * self.classes].T for i in range(3))
        weight = actual.sum(axis=1)
        rows = np.zeros(len(weight), int)
        loss = sums.sums[0] if len(sums.sums) else np.full(len(weight), np.nan)
        counts = LabelCounts(rows, rows, weight, loss, hits, actual, predicted)
        found = {"accuracy": classification.accuracy(counts)}
        found["f1"] = classification.weighted(counts, classification.f_measure(counts))
        if len(sums.sums):
            found["log_loss"] = classification.log_loss(counts)
        by_score = sums.counts[3 * self.classes + 1 :]
        if len(by_score):
            negative, positive = by_score[0::2][::-1], by_score[1::2][::-1]
            found["area_under_roc"], found["area_under_pr"] = _areas(negative, positive)
        return found


@dataclass(frozen=True)
class NumberScores:
    """Root of the mean squared error, mean absolute error and R2."""

    plan: Plan

    def sums(self, predictions: Predictions, label: NDArray, weight: NDArray, position: NDArray) -> Replicates:
        """See :class:`ReplicatedScores`."""
        y = label.astype(np.float64)
        off = y - predictions.value[0]
        values = np.where(weight > 0, np.stack([off**2, abs(off), y, y**2]), 0.0)
        cells = np.zeros((len(y), 1), np.intp)
        return replicates_of(
            position, weight, cells, values, number=1, replicates=self.plan.replicates, seed=self.plan.seed
        )

    def scores(self, sums: Replicates) -> dict[str, NDArray]:
        """See :class:`ReplicatedScores`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            squared, absolute, mean, squares = sums.sums / sums.counts
            spread = squares - mean**2
            return {"rmse": np.sqrt(squared), "mae": absolute, "r2": np.where(spread > 0, 1 - squared / spread, np.nan)}


def _chance(predictions: Predictions) -> NDArray:
    """The score in [0, 1] by which rows are ranked: the probability of class 1, or the logistic of the score."""
    if predictions.probability is not None:
        return predictions.probability[0, 1]
    assert predictions.score is not None
    return expit(predictions.score[0])


def _areas(negative: NDArray, positive: NDArray) -> tuple[NDArray, NDArray]:
    """Areas under the ROC and the precision-recall curve of weights by score, ``(bins, replicates)``, best first."""
    above = [np.cumsum(np.vstack([np.zeros(part.shape[1]), part]), axis=0) for part in (negative, positive)]
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = above[0] / above[0][-1], above[1] / above[1][-1]
        roc = np.trapezoid(y, x, axis=0)
        precision = above[1][1:] / (above[0][1:] + above[1][1:])
    # Bins before the first row have no precision: the curve begins with the first that has one.
    precision = np.where(np.isnan(precision), 1.0, precision)
    first = (above[1] + above[0] > 0).argmax(axis=0)
    start = precision[np.maximum(first - 1, 0), np.arange(precision.shape[1])]
    precision = np.where(np.arange(1, len(y))[:, None] < first, start, precision)
    return roc, np.trapezoid(np.vstack([start, precision]), y, axis=0)
