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

    ``products`` are ``sum_i w_i (z_i - mean) (z_i - mean)'`` in float64.
    """

    survey: Survey
    products: NDArray


def block_gram(block: Block) -> Gram:
    """Survey and products of one block."""
    found = block_survey(block, False)
    kept, mean = block.weight > 0, found.moments.mean
    Z = np.empty((int(kept.sum()), len(mean)))
    np.subtract(dense(block.X)[kept], mean[:-1], out=Z[:, :-1])
    np.subtract(block.y[kept], mean[-1], out=Z[:, -1])
    weight = block.weight[kept].astype(np.float64)
    off = weight @ Z / (found.moments.weight or 1.0)  # by which the means are rounded
    Z -= off
    Z *= np.sqrt(weight)[:, None]
    return Gram(found, Z.T @ Z)


def merge_gram(left: Gram, right: Gram) -> Gram:
    """Survey and products of the union of two sets of rows."""
    a, b = left.survey.moments, right.survey.moments
    gap, weight = b.mean - a.mean, a.weight + b.weight
    share = a.weight * b.weight / weight if weight > 0 else 0.0
    products = left.products + right.products + np.outer(gap, gap * share)
    return Gram(merge_survey(left.survey, right.survey), products)


def gram(blocks: Blocks) -> Gram:
    """Survey and products of a data set: one pass.

    Raises
    ------
    InputError
        If all weights are zero.
    """
    found: Gram = blocks.fold(block_gram, merge=merge_gram)
    checked(found.survey)
    return found


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
