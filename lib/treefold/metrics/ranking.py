"""The ranking of rows by a binary classifier: ROC and precision-recall curves and their areas, in one pass.

Every point of a curve is exact: its threshold is the least score of a bin of the sketch, so no bin is split. Up to
``limit`` distinct scores, the bins are the scores and the areas are exact. Beyond that, rows of a bin count as ties,
and each area has a bound of its error.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.metrics.predictions import Predictions, weights_of
from treefold.statistics.histogram_sketch import LIMIT, Sketch, sketches


class Ranking(NamedTuple):
    """Weight of the rows of class 0 and of class 1 by score.

    Attributes
    ----------
    sketch : (models,) of Sketch
    """

    sketch: NDArray


class Curve(NamedTuple):
    """Counts of a binary classifier by threshold.

    Attributes
    ----------
    threshold : (points,)
        Scores, descending; rows of at least that score are predicted to be of class 1.
    positive, negative : (points,)
        Weight of the rows of class 1, and of class 0, that are predicted to be of class 1.
    exact : bool
        Whether every score has a point of its own.
    """

    threshold: NDArray
    positive: NDArray
    negative: NDArray
    exact: bool

    @property
    def recall(self) -> NDArray:
        """Share of class 1 that is predicted to be of class 1; 0 without rows of class 1."""
        return _share(self.positive, self.positive[-1:], 0.0)

    @property
    def fall_out(self) -> NDArray:
        """Share of class 0 that is predicted to be of class 1; 0 without rows of class 0."""
        return _share(self.negative, self.negative[-1:], 0.0)

    @property
    def precision(self) -> NDArray:
        """Share of class 1 among the rows that are predicted to be of class 1."""
        return _share(self.positive, self.positive + self.negative, 1.0)

    def f_measure(self, beta: float = 1.0) -> NDArray:
        """``(1 + beta^2) precision recall / (beta^2 precision + recall)``; 0 if both are 0."""
        p, r = self.precision, self.recall
        return _share((1 + beta**2) * p * r, beta**2 * p + r, 0.0)

    @property
    def roc(self) -> tuple[NDArray, NDArray]:
        """False positive rates and true positive rates, from (0, 0) to (1, 1)."""
        return np.concatenate([[0.0], self.fall_out, [1.0]]), np.concatenate([[0.0], self.recall, [1.0]])

    @property
    def pr(self) -> tuple[NDArray, NDArray]:
        """Recalls and precisions; the first point has recall 0 and the first precision of the curve."""
        return np.append(0.0, self.recall), np.append(self.precision[:1], self.precision)


class Area(NamedTuple):
    """An area under a curve, and a bound of its difference from the area without bins; NaN if only one class occurs."""

    value: float
    error: float


def ranking(predictions: Predictions, label: NDArray, weight: NDArray, limit: int = LIMIT) -> Ranking:
    """Ranking of one block.

    Parameters
    ----------
    predictions : Predictions
        Predictions of all models, with scores.
    label, weight : (rows,)
        Labels 0 or 1, and weights.
    limit : int, default LIMIT
        Greatest number of bins of a sketch.

    Returns
    -------
    Ranking

    Raises
    ------
    TypeError
        If the predictions have no scores.
    """
    if predictions.score is None:
        raise TypeError("only the rows of a binary classifier have a score")
    w = weights_of(predictions, weight)
    return Ranking(sketches(predictions.score, np.stack([w * (label <= 0.5), w * (label > 0.5)]), limit))


def curve(sketch: Sketch) -> Curve:
    """Curve of a sketch of both classes by score."""
    negative, positive = np.cumsum(sketch.weight[:, ::-1], axis=1)
    return Curve(sketch.value[::-1], positive, negative, sketch.level == 0)


def area_under_roc(of: Curve) -> Area:
    """Area under the ROC curve.

    It is the probability that a row of class 1 has a higher score than a row of class 0; a tie counts half. Pairs in
    one bin may be ranked either way, so the error is at most half their share of all pairs.
    """
    if not _both(of):
        return Area(np.nan, np.nan)
    x, y = of.roc
    tied = float((np.diff(of.recall, prepend=0.0) * np.diff(of.fall_out, prepend=0.0)).sum())
    return Area(float(np.trapezoid(y, x)), 0.0 if of.exact else tied / 2)


def area_under_pr(of: Curve) -> Area:
    """Area under the precision-recall curve by the trapezoidal rule, as in MLlib.

    Within a bin the precision lies between those of the two orders in which its rows of class 0 come first or last.
    """
    if not _both(of):
        return Area(np.nan, np.nan)
    x, y = of.pr
    return Area(float(np.trapezoid(y, x)), _precision_error(of))


def average_precision(of: Curve) -> Area:
    """``sum_k (recall_k - recall_k-1) precision_k``, as in scikit-learn: the area under a step function."""
    if not _both(of):
        return Area(np.nan, np.nan)
    return Area(float((np.diff(of.recall, prepend=0.0) * of.precision).sum()), _precision_error(of))


def _precision_error(of: Curve) -> float:
    if of.exact:
        return 0.0
    before = np.append(0.0, of.positive[:-1]), np.append(0.0, of.negative[:-1])
    least = _share(before[0], before[0] + of.negative, 0.0)
    most = _share(of.positive, of.positive + before[1], 1.0)
    return float((np.diff(of.recall, prepend=0.0) * (most - least)).sum())


def _both(of: Curve) -> bool:
    return bool(len(of.positive) and of.positive[-1] > 0 and of.negative[-1] > 0)


def _share(part: NDArray, whole: NDArray, nothing: float) -> NDArray:
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.full(part.shape, nothing), where=whole > 0)
