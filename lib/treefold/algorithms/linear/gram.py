"""All that least squares need of the data, in one pass: moments, and products of all columns about their means.

Products of a block are taken about its own means, and merged as moments are (Chan, Golub & LeVeque 1979), so that
neither columns far from zero nor labels cost digits.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear.quadratic import Quadratic, dense
from treefold.algorithms.moments import Moments
from treefold.algorithms.survey import Survey, block_survey, checked, merge_survey
from treefold.block import Block
from treefold.blocks import Blocks


class Gram(NamedTuple):
    """Survey of rows, and ``products`` ``(features + 1, features + 1)``: the label is the last column.

    ``products`` are ``sum_i w_i (z_i - mean) (z_i - mean)'`` in float64; empty where there are too many features.
    """

    survey: Survey
    products: NDArray


def block_gram(block: Block, most: int) -> Gram:
    """Survey of one block, and products for up to ``most`` features."""
    found = block_survey(block, False)
    if block.X.shape[1] > most:
        return Gram(found, np.zeros((0, 0)))
    kept, mean = block.weight > 0, found.moments.mean
    X, y, weight = block[:3] if kept.all() else (column[kept] for column in block[:3])
    Z = np.empty((len(y), len(mean)))
    np.subtract(dense(X), mean[:-1], out=Z[:, :-1])
    np.subtract(y, mean[-1], out=Z[:, -1])
    total = weight @ Z  # nothing, but for the rounding of the means
    if not (weight == 1).all():
        Z *= np.sqrt(weight.astype(np.float64))[:, None]
    return Gram(found, Z.T @ Z - np.outer(total, total / (found.moments.weight or 1.0)))


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
