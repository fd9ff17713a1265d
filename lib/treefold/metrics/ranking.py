"""How a binary classifier ranks rows: ROC and precision-recall curves and the areas under them, in one pass.

Every point of a curve is exact: its threshold is the least score of a bin of the sketch, so no bin is cut. Up to
``limit`` different scores the bins are the scores and the areas exact. Above, rows that share a bin count as ties, and
each area says by how much it can be off.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.metrics.predictions import Predictions, weights_of
from treefold.metrics.sketch import LIMIT, Sketch, sketches


class Ranking(NamedTuple):
    """``sketch`` is ``(models,)`` of Sketch: weight of the rows of class 0 and of class 1 by score."""

    sketch: NDArray


class Curve(NamedTuple):
    """What a threshold makes of the rows.

    Attributes
    ----------
    threshold : (points,)
        Scores, descending; rows of at least that score are predicted to be of class 1.
    positive, negative : (points,)
        Weight of the rows of class 1, and of class 0, so predicted.
    exact : bool
        Whether every score has its own point.
    """

    threshold: NDArray
    positive: NDArray
    negative: NDArray
    exact: bool

    @property
    def recall(self) -> NDArray:
        """Share of class 1 that is found; 0 where there is none."""
        return _share(self.positive, self.positive[-1:], 0.0)

    @property
    def fall_out(self) -> NDArray:
        """Share of class 0 taken for class 1; 0 where there is none."""
        return _share(self.negative, self.negative[-1:], 0.0)

    @property
    def precision(self) -> NDArray:
        """Share of the rows found that are of class 1."""
        return _share(self.positive, self.positive + self.negative, 1.0)

    def f_measure(self, beta: float = 1.0) -> NDArray:
        """``(1 + beta^2) precision recall / (beta^2 precision + recall)``; 0 where both are."""
        p, r = self.precision, self.recall
        return _share((1 + beta**2) * p * r, beta**2 * p + r, 0.0)

    @property
    def roc(self) -> tuple[NDArray, NDArray]:
        """False positive rates and true positive rates, from (0, 0) to (1, 1)."""
        return np.concatenate([[0.0], self.fall_out, [1.0]]), np.concatenate([[0.0], self.recall, [1.0]])

    @property
    def pr(self) -> tuple[NDArray, NDArray]:
        """Recalls and precisions, from recall 0 with the first precision there is."""
        return np.append(0.0, self.recall), np.append(self.precision[:1], self.precision)


class Area(NamedTuple):
    """An area under a curve, and the most that it can differ from the one without bins; NaN of one class only."""

    value: float
    error: float


def ranking(predictions: Predictions, label: NDArray, weight: NDArray, limit: int = LIMIT) -> Ranking:
    """Ranking of one block, by at most ``limit`` bins."""
    if predictions.score is None:
        raise TypeError("only the rows of a binary classifier have a score")
    w = weights_of(predictions, weight)
    return Ranking(sketches(predictions.score, np.stack([w * (label <= 0.5), w * (label > 0.5)]), limit))


def curve(sketch: Sketch) -> Curve:
    """Curve of a sketch of both classes by score."""
    negative, positive = np.cumsum(sketch.weight[:, ::-1], axis=1)
    return Curve(sketch.value[::-1], positive, negative, sketch.level == 0)


def area_under_roc(of: Curve) -> Area:
    """Area under the ROC curve: the chance that a row of class 1 outranks one of class 0, a tie half.

    Pairs in one bin may be ranked either way, so it is off by at most half their share of all pairs.
    """
    if not _both(of):
        return Area(np.nan, np.nan)
    x, y = of.roc
    tied = float((np.diff(of.recall, prepend=0.0) * np.diff(of.fall_out, prepend=0.0)).sum())
    return Area(float(np.trapezoid(y, x)), 0.0 if of.exact else tied / 2)


def area_under_pr(of: Curve) -> Area:
    """Area under the precision-recall curve by trapezia, as in MLlib.

    Within a bin the precision lies between those of its rows of class 0 all first and all last.
    """
    if not _both(of):
        return Area(np.nan, np.nan)
    x, y = of.pr
    return Area(float(np.trapezoid(y, x)), _precision_error(of))


def average_precision(of: Curve) -> Area:
    """``sum_k (recall_k - recall_k-1) precision_k``, as in scikit-learn: the curve in steps."""
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
