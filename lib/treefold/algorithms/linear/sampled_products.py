"""Products of the columns of sampled rows, in the same pass as the objective.

Rows are drawn independently by (seed, position): half of them in proportion to weight, and half in proportion to weight
times squared length in standard units. A row is weighted by the inverse of its probability, so the sums are unbiased.
Drawing by length matters for columns that are zero in nearly all rows, such as the indicator of a rare category. A
sample by weight alone contains few or none of the rows in which such a column varies, and estimates its curvature far
too low or too high. Those rows are long, so drawing by length includes all of them.

References
----------
Drineas, Kannan & Mahoney, "Fast Monte Carlo algorithms for matrices I", SIAM J. Comput. 36, 2006.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.linear.losses import Loss
from treefold.algorithms.linear.objective import objective, weight_of
from treefold.algorithms.linear.quadratic import standardised
from treefold.algorithms.linear.standardization import Standardization
from treefold.dataset.block import Block, Matrix
from treefold.statistics.columnwise import subtract_row
from treefold.statistics.moments import Moments
from treefold.statistics.row_sampling import independent_rows

TILE = 64 << 10  # numbers that stay in a core's cache until they are squared


class Sampling(NamedTuple):
    """How rows are drawn.

    Attributes
    ----------
    seed : int
    share : float
        Probability of a row divided by its weight, of the draw by weight. The draw by length has the same mean
        probability.
    centre, inverse : (features,)
        Of the standard units: ``(x - centre) * inverse``.
    mean_square : float
        Mean squared length of a row, including a column of ones.
    """

    seed: int
    share: float
    centre: NDArray
    inverse: NDArray
    mean_square: float


class Sampled(NamedTuple):
    """An objective, as :class:`~treefold.algorithms.linear.objective.Objective`, and products of the columns.

    Attributes
    ----------
    gram : (features + 1, features + 1)
        Weighted products of the standardised columns; the last column is a column of ones.
    """

    loss: NDArray
    coef: NDArray
    intercept: NDArray
    weight: float
    gram: NDArray


def sampling(moments: Moments, space: Standardization, rows: float, weight: float, seed: int) -> Sampling:
    """A sample of about ``rows`` rows by weight and the same number by length.

    Parameters
    ----------
    moments : Moments
        Of the data set.
    space : Standardization
        Standardisation of the features.
    rows : float
        Expected number of rows of each half.
    weight : float
        Total weight of the data set.
    seed : int
        Seed of the random choices.

    Returns
    -------
    Sampling
    """
    off = (moments.mean[:-1] - space.centre) ** 2
    square = float(((moments.variance[:-1] + off) * space.inverse**2).sum()) + 1.0
    return Sampling(seed, rows / weight, space.centre, space.inverse, square)


def objective_and_products(
    block: Block,
    how: Sampling,
    coef: NDArray,
    loss: Loss,
    shift: NDArray | None = None,
    by_class: NDArray | None = None,
    with_offset: bool = False,
    compiled: bool = False,
) -> Sampled:
    """The objective of one block, and products of its sampled rows.

    Parameters
    ----------
    block : Block
        Rows and labels.
    how : Sampling
        Chance of each row, and the standard units.
    coef : (models, outputs, features + 1)
        Coefficients, the intercept last.
    loss, shift, by_class, with_offset, compiled : Loss
        As for :func:`~treefold.algorithms.linear.objective.objective`.

    Returns
    -------
    Sampled
    """
    found = objective(block, coef, loss, shift, by_class, with_offset, compiled)
    return Sampled(*found, products(block, how, by_class))


def products(block: Block, how: Sampling, by_class: NDArray | None) -> NDArray:
    """Products of the sampled rows of one block.

    Parameters
    ----------
    block : Block
        Rows.
    how : Sampling
        Chance of each row, and the standard units.
    by_class : (classes,) or None
        Factors of the weights by class.

    Returns
    -------
    (features + 1, features + 1)
    """
    weight = weight_of(block, by_class).astype(np.float64)
    square = squared_lengths(block.X, how.centre, how.inverse)
    chance = np.minimum(1.0, how.share * weight * (1 + square / how.mean_square))
    rows = independent_rows(block, chance, how.seed)
    Z = standardised(Block(block.X[rows], block.y[rows], block.weight[rows], block.id), how.centre, how.inverse)
    Z *= np.sqrt(weight[rows] / chance[rows])[:, None]
    return Z.T @ Z


def squared_lengths(X: Matrix, centre: NDArray, inverse: NDArray) -> NDArray:
    """``sum_j ((x_j - centre_j) inverse_j)^2 + 1`` of each row, in the precision of ``X``.

    Parameters
    ----------
    X : (rows, features)
        Rows, dense or CSR.
    centre, inverse : (features,)
        Means, and inverse standard deviations.

    Returns
    -------
    (rows,)
    """
    if isinstance(X, csr_array):
        at = centre[X.indices]
        gain = ((X.data - at) ** 2 - at**2) * inverse[X.indices] ** 2
        row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        return np.maximum(1.0, 1.0 + (centre**2) @ inverse**2 + np.bincount(row, gain, X.shape[0]))
    found, step = np.ones(len(X)), max(1, TILE // max(1, X.shape[1]))
    own_centre, own_inverse = centre.astype(X.dtype), inverse.astype(X.dtype)
    tile = np.empty((min(step, len(X)), X.shape[1]), X.dtype)
    for begin in range(0, len(X), step):
        rows = X[begin : begin + step]
        z = tile[: len(rows)]
        subtract_row(rows, own_centre, z)
        z *= own_inverse
        found[begin : begin + step] += np.einsum("ij,ij->i", z, z)
    return found
