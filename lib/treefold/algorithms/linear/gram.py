"""The statistic of least squares: moments, and products of all columns about their means, in one pass.

The products of a block are taken about the block's own means in the precision of the data, corrected for the error of
those means, and merged as moments are. Neither columns nor labels that lie far from zero then lose digits.

References
----------
Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear.quadratic import Quadratic, dense
from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks
from treefold.statistics.columnwise import column_min_max, subtract_row
from treefold.statistics.label_summary import DataSummary, block_summary, checked, merge_summaries
from treefold.statistics.moments import Moments, rough_mean

TILE = 100 << 10  # float64 numbers that stay in a core's cache between their conversion and the product


class Gram(NamedTuple):
    """Summary of rows, and the products of their columns.

    Attributes
    ----------
    data_summary : DataSummary
    products : (features + 1, features + 1) float64
        ``sum_i w_i (z_i - mean) (z_i - mean)'``, where the label is the last column of z. Empty if there are too many
        features.
    """

    data_summary: DataSummary
    products: NDArray


def block_gram(block: Block, most: int) -> Gram:
    """Summary of one block, and its products if it has at most ``most`` features."""
    kept, columns = block.weight > 0, block.X.shape[1] + 1
    if columns > most + 1:
        return Gram(block_summary(block, False), np.zeros((0, 0)))
    if not kept.any():
        return Gram(block_summary(block, False), np.zeros((columns, columns)))
    X, y, weight = block[:3] if kept.all() else (column[kept] for column in block[:3])
    X, w = dense(X), weight.astype(np.float64)
    low, high, centre = (np.append(*pair) for pair in zip(_place(X, w), _place(y[:, None], w), strict=True))
    sums, total = _sums(X, y, w, centre), float(w.sum())
    off = sums[-1, :-1] / total
    products = sums[:-1, :-1] - total * np.outer(off, off)
    squares = np.maximum(0.0, np.diag(products))  # rounding can go below zero where nothing varies
    return Gram(DataSummary(Moments(len(y), total, centre + off, squares, low, high), np.zeros(0), None), products)


def _place(X: NDArray, w: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Least and greatest value of each column, and its mean in the precision of ``X``, as float64."""
    low, high = column_min_max(X)
    return low.astype(np.float64), high.astype(np.float64), rough_mean(X, w, low, high).astype(np.float64)


def _sums(X: NDArray, y: NDArray, w: NDArray, centre: NDArray) -> NDArray:
    """Weighted sums of products of the columns minus ``centre``, the label, and a column of ones."""
    features, rows = X.shape[1], min(len(y), max(TILE // max(X.shape[1], 1), 1))
    Z, others = np.empty((rows, features)), np.empty((rows, 2))
    inner, outer, last = np.zeros((features, features)), np.zeros((features, 2)), np.zeros((2, 2))
    root = None if (w == 1).all() else np.sqrt(w)[:, None]
    for begin in range(0, len(y), rows):
        part = slice(begin, begin + rows)
        z, rest = Z[: len(y[part])], others[: len(y[part])]
        subtract_row(X[part], centre[:-1], z)
        rest[:, 0], rest[:, 1] = y[part] - centre[-1], 1.0
        if root is not None:
            z *= root[part]
            rest *= root[part]
        inner += z.T @ z  # BLAS computes one half of a symmetric product
        outer += z.T @ rest
        last += rest.T @ rest
    return np.block([[inner, outer], [outer.T, last]])


def merge_gram(left: Gram, right: Gram) -> Gram:
    """Summary and products of the union of two sets of rows."""
    a, b = left.data_summary.moments, right.data_summary.moments
    if not left.products.size:
        return Gram(merge_summaries(left.data_summary, right.data_summary), left.products)
    gap, weight = b.mean - a.mean, a.weight + b.weight
    share = a.weight * b.weight / weight if weight > 0 else 0.0
    products = left.products + right.products + np.outer(gap, gap * share)
    return Gram(merge_summaries(left.data_summary, right.data_summary), products)


def gram(blocks: Blocks, most: int) -> Gram | DataSummary:
    """Summary and products of a data set: one pass.

    The number of features need not be known beforehand.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    most : int
        Largest number of features for which products are computed.

    Returns
    -------
    Gram or DataSummary
        The summary alone if there are more than ``most`` features.

    Raises
    ------
    InputError
        If all weights are zero.
    """
    found: Gram = blocks.reduce(block_gram, most, merge=merge_gram)
    checked(found.data_summary)
    return found if found.products.size else found.data_summary


def quadratic_of(products: NDArray, moments: Moments, coef: NDArray, centre: NDArray, inverse: NDArray) -> Quadratic:
    """The sum of :func:`~treefold.algorithms.linear.quadratic.quadratic` for squared errors, without a pass.

    A residual is the sum of a part from the columns' deviations from their means and a part from the means; the cross
    products of the two parts sum to zero.

    Parameters
    ----------
    products : (features + 1, features + 1)
        Products of the columns about their means, of a :class:`Gram`.
    moments : Moments
        Of the features and the label.
    coef : (models, 1, features + 1)
        Coefficients for features ``(x - centre) * inverse``.
    centre, inverse : (features,)
        Standardisation of the features.

    Returns
    -------
    Quadratic
    """
    weight, shift = moments.weight, (moments.mean[:-1] - centre) * inverse
    inner = products[:-1, :-1] * inverse[:, None] * inverse
    outer = products[:-1, -1] * inverse
    w = coef[:, 0, :-1]
    means = w @ shift + coef[:, 0, -1] - moments.mean[-1]
    turned = w @ inner
    loss = (np.einsum("mj,mj->m", turned - 2 * outer, w) + products[-1, -1] + weight * means**2) / 2
    gradient = np.column_stack([turned - outer + weight * np.outer(means, shift), weight * means])
    last = np.append(shift, 1.0)
    hessian = weight * np.outer(last, last)
    hessian[:-1, :-1] += inner
    return Quadratic(loss, gradient[:, None], hessian[None, None], weight)
