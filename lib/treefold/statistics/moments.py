"""Weighted moments of every feature and of the label, in one pass."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks
from treefold.statistics.columnwise import column_min_max, subtract_row

CONSTANT = 1e-12  # ratio of deviation to mean up to which a column counts as constant


class Moments(NamedTuple):
    """Moments of ``columns`` columns over the rows of positive weight.

    Attributes
    ----------
    rows : int
        Rows of positive weight.
    weight : float
        Sum of weights.
    mean : (columns,)
        ``sum_i w_i x_i / sum_i w_i``
    squares : (columns,)
        ``sum_i w_i (x_i - mean)^2``
    low, high : (columns,)
        Least and greatest value.
    """

    rows: int
    weight: float
    mean: NDArray
    squares: NDArray
    low: NDArray
    high: NDArray

    @property
    def variance(self) -> NDArray:
        """Population variance ``squares / weight``, so that weight 2 equals the row twice."""
        return self.squares / self.weight

    @property
    def varies(self) -> NDArray:
        """Whether each column varies by more than the rounding of its values."""
        return np.sqrt(self.variance) > CONSTANT * abs(self.mean)

    @property
    def label_deviation(self) -> float:
        """Population deviation of the label; 1 if it does not vary."""
        return float(np.sqrt(self.variance[-1])) if self.varies[-1] else 1.0


def block_moments(block: Block) -> Moments:
    """Moments of the block's features and, as the last column, of its label."""
    kept = block.weight > 0
    X, y, weight = block[:3] if kept.all() else (a[kept] for a in block[:3])
    columns = X.shape[1] + 1
    if not len(y):
        empty = np.full(columns, np.inf)
        return Moments(0, 0.0, np.zeros(columns), np.zeros(columns), empty, -empty)
    w = weight.astype(np.float64)
    both = (_sparse_columns(X, w) if isinstance(X, csr_array) else _columns(X, w), _columns(y[:, None], w))
    mean, squares, low, high = (np.concatenate(pair) for pair in zip(*both, strict=True))
    return Moments(len(y), float(w.sum()), mean, squares, low, high)


def _columns(X: NDArray, w: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Mean, weighted squares about it, least and greatest value of each column.

    The squares are taken about a mean in the precision of ``X`` and then corrected for the error of that mean. They are
    computed in units of the column's range, so that none overflows.
    """
    low, high = column_min_max(X)
    share, rough = (w / w.sum()).astype(X.dtype), rough_mean(X, w, low, high)
    half = high / 2 - low / 2  # the range itself may be beyond float32
    inverse = np.divide(1, half, out=np.zeros_like(half), where=half > 0)
    centred = np.empty(X.shape, X.dtype)
    subtract_row(X, rough, centred)
    centred *= inverse
    off, unit = (share @ centred).astype(np.float64), half.astype(np.float64)
    centred *= centred
    squares = np.maximum(0.0, (share @ centred) - off**2)  # rounding can go below zero where nothing varies
    return rough + off * unit, w.sum() * squares * unit**2, low.astype(np.float64), high.astype(np.float64)


def rough_mean(X: NDArray, w: NDArray, low: NDArray, high: NDArray) -> NDArray:
    """Mean of each column in the precision of ``X``, within ``[low, high]``.

    Parameters
    ----------
    X : (rows, features)
        Rows.
    w : (rows,)
        Weights, not all 0.
    low, high : (features,)
        Least and greatest value of each column.

    Returns
    -------
    (features,)
    """
    return np.clip((w / w.sum()).astype(X.dtype) @ X, low, high)


def _sparse_columns(X: csr_array, w: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """The same from stored entries; the others of a column count as one row of value 0 with their weight."""
    rows, features = X.shape
    x, total = X.data.astype(np.float64), w.sum()
    each = np.repeat(w, np.diff(X.indptr))

    def by_column(values: NDArray) -> NDArray:
        return np.bincount(X.indices, values, features)

    mean = by_column(each * x) / total
    gap = x - mean[X.indices]
    squares = by_column(each * gap * gap) + np.maximum(0.0, total - by_column(each)) * mean**2
    whole = np.bincount(X.indices, minlength=features) == rows
    low, high = np.where(whole, np.inf, 0.0), np.where(whole, -np.inf, 0.0)
    np.minimum.at(low, X.indices, x)
    np.maximum.at(high, X.indices, x)
    return mean, squares, low, high


def merge_moments(left: Moments, right: Moments) -> Moments:
    """Moments of the union of two sets of rows.

    No difference of large sums is taken, so there is no cancellation.

    References
    ----------
    Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979, eq. 2.1.
    """
    weight = left.weight + right.weight
    share = right.weight / weight if weight > 0 else 0.0
    gap = right.mean - left.mean
    return Moments(
        left.rows + right.rows,
        weight,
        left.mean + gap * share,
        left.squares + right.squares + gap * gap * (left.weight * share),
        np.minimum(left.low, right.low),
        np.maximum(left.high, right.high),
    )


def moments(blocks: Blocks) -> Moments:
    """Moments of all features, and of the label as the last column: one pass."""
    return blocks.reduce(block_moments, merge=merge_moments)


def feature_moments(blocks: Blocks) -> Moments:
    """Moments of the features alone, for data without a label: one pass."""
    both = moments(blocks)
    return Moments(both.rows, both.weight, *(values[:-1] for values in both[2:]))
