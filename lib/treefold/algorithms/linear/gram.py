"""All that least squares need of the data, in one pass: moments, and products of all columns about their means.

Products of a block are taken about its own means, to the precision of the data and then corrected by what those are
off, and merged as moments are (Chan, Golub & LeVeque 1979), so that neither columns far from zero nor labels cost
digits.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear.quadratic import Quadratic, dense
from treefold.algorithms.moments import Moments, rough_mean
from treefold.algorithms.survey import Survey, block_survey, checked, merge_survey
from treefold.algorithms.wide import extremes, less
from treefold.block import Block
from treefold.blocks import Blocks

TILE = 100 << 10  # float64 numbers that stay in a core's cache until they are multiplied


class Gram(NamedTuple):
    """Survey of rows, and ``products`` ``(features + 1, features + 1)``: the label is the last column.

    ``products`` are ``sum_i w_i (z_i - mean) (z_i - mean)'`` in float64; empty where there are too many features.
    """

    survey: Survey
    products: NDArray


def block_gram(block: Block, most: int) -> Gram:
    """Survey of one block, and products for up to ``most`` features."""
    kept, columns = block.weight > 0, block.X.shape[1] + 1
    if columns > most + 1:
        return Gram(block_survey(block, False), np.zeros((0, 0)))
    if not kept.any():
        return Gram(block_survey(block, False), np.zeros((columns, columns)))
    X, y, weight = block[:3] if kept.all() else (column[kept] for column in block[:3])
    X, w = dense(X), weight.astype(np.float64)
    low, high, centre = (np.append(*pair) for pair in zip(_place(X, w), _place(y[:, None], w), strict=True))
    sums, total = _sums(X, y, w, centre), float(w.sum())
    off = sums[-1, :-1] / total
    products = sums[:-1, :-1] - total * np.outer(off, off)
    squares = np.maximum(0.0, np.diag(products))  # rounding can go below zero where nothing varies
    return Gram(Survey(Moments(len(y), total, centre + off, squares, low, high), np.zeros(0), None), products)


def _place(X: NDArray, w: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Least and greatest value of each column, and its mean to the precision of ``X``, in float64."""
    low, high = extremes(X)
    return low.astype(np.float64), high.astype(np.float64), rough_mean(X, w, low, high).astype(np.float64)


def _sums(X: NDArray, y: NDArray, w: NDArray, centre: NDArray) -> NDArray:
    """Weighted sums of products of the columns less ``centre``, the label, and ones."""
    features, rows = X.shape[1], min(len(y), max(TILE // max(X.shape[1], 1), 1))
    Z, others = np.empty((rows, features)), np.empty((rows, 2))
    inner, outer, last = np.zeros((features, features)), np.zeros((features, 2)), np.zeros((2, 2))
    root = None if (w == 1).all() else np.sqrt(w)[:, None]
    for begin in range(0, len(y), rows):
        part = slice(begin, begin + rows)
        z, rest = Z[: len(y[part])], others[: len(y[part])]
        less(X[part], centre[:-1], z)
        rest[:, 0], rest[:, 1] = y[part] - centre[-1], 1.0
        if root is not None:
            z *= root[part]
            rest *= root[part]
        inner += z.T @ z  # BLAS makes one half and copies it
        outer += z.T @ rest
        last += rest.T @ rest
    return np.block([[inner, outer], [outer.T, last]])


def merge_gram(left: Gram, right: Gram) -> Gram:
    """Survey and products of the union of two sets of rows."""
    a, b = left.survey.moments, right.survey.moments
    if not left.products.size:
        return Gram(merge_survey(left.survey, right.survey), left.products)
    gap, weight = b.mean - a.mean, a.weight + b.weight
    share = a.weight * b.weight / weight if weight > 0 else 0.0
    products = left.products + right.products + np.outer(gap, gap * share)
    return Gram(merge_survey(left.survey, right.survey), products)


def gram(blocks: Blocks, most: int) -> Gram | Survey:
    """Survey and products of a data set, or the survey alone if there are more than ``most`` features: one pass.

    The number of features need not be known before.

    Raises
    ------
    InputError
        If all weights are zero.
    """
    found: Gram = blocks.fold(block_gram, most, merge=merge_gram)
    checked(found.survey)
    return found if found.products.size else found.survey


def quadratic_of(products: NDArray, moments: Moments, coef: NDArray, centre: NDArray, inverse: NDArray) -> Quadratic:
    """What :func:`~treefold.algorithms.linear.quadratic.quadratic` would sum up of squared errors, without a pass.

    A residual is what the columns' deviations from their means leave, and what the means leave; the products of the two
    add up to nothing.
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
