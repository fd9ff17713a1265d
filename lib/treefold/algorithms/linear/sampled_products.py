"""Products of the columns of sampled rows, in the same pass as the objective.

Rows are drawn independently: half of them in proportion to weight, and half in proportion to weight times squared
length in standard units. A row is weighted by the inverse of its probability, so the sums are unbiased.

A row is drawn by a hash of (seed, its values), so that the sample is the same rows in whatever order they stand. Equal
rows are then drawn together. Where most rows occur many times, such a sample has few different ones and estimates
badly. It is recognised by its size and by a sketch of the number of equal pairs; rows are then drawn by position.

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

from treefold.algorithms.linear.losses import Loss
from treefold.algorithms.linear.objective import objective, weight_of
from treefold.algorithms.linear.quadratic import standardised
from treefold.algorithms.linear.standardization import Standardization
from treefold.dataset.block import Block, positions
from treefold.dataset.random import splitmix64, uniform
from treefold.statistics.equal_rows import mostly_different, signed_counts
from treefold.statistics.moments import Moments
from treefold.statistics.row_hashes import bits_of, lengths_and_hashes

LABEL, WEIGHT = 0x1B, 0x3E  # random streams of hashes


class Sampling(NamedTuple):
    """How rows are drawn.

    Attributes
    ----------
    seed : int
    by_value : bool
        Whether a row is drawn by its values, otherwise by its position.
    share : float
        Probability of a row divided by its weight, of the draw by weight. The draw by length has the same mean
        probability.
    centre, inverse : (features,)
        Of the standard units: ``(x - centre) * inverse``.
    mean_square : float
        Mean squared length of a row, including a column of ones.
    """

    seed: int
    by_value: bool
    share: float
    centre: NDArray
    inverse: NDArray
    mean_square: float


class Products(NamedTuple):
    """Products of the columns of sampled rows.

    Attributes
    ----------
    gram : (features + 1, features + 1)
        Weighted products of the standardised columns; the last column is a column of ones.
    expected, drawn : float
        Number of rows that the sample has in the mean, and that it has.
    pairs : (256,) int64
        Sketch of equal rows among those drawn: see :func:`treefold.statistics.equal_rows.signed_counts`.
    """

    gram: NDArray
    expected: float
    drawn: float
    pairs: NDArray

    def varied(self) -> bool:
        """Whether the sample is as large as expected and not of a few rows many times."""
        return abs(self.drawn - self.expected) <= self.expected / 2 and mostly_different(self.pairs, self.drawn)


class Sampled(NamedTuple):
    """An objective, as :class:`~treefold.algorithms.linear.objective.Objective`, and :class:`Products`."""

    loss: NDArray
    coef: NDArray
    intercept: NDArray
    weight: float
    gram: NDArray
    expected: float
    drawn: float
    pairs: NDArray

    @property
    def products(self) -> Products:
        """The products alone."""
        return Products(self.gram, self.expected, self.drawn, self.pairs)


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
    return Sampling(seed, True, rows / weight, space.centre, space.inverse, square)


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
    return Sampled(*found, *products(block, how, by_class))


def products(block: Block, how: Sampling, by_class: NDArray | None) -> Products:
    """Products of the sampled rows of one block.

    Parameters
    ----------
    block : Block
        Rows.
    how : Sampling
        How rows are drawn, and the standard units.
    by_class : (classes,) or None
        Factors of the weights by class.

    Returns
    -------
    Products
    """
    weight = weight_of(block, by_class).astype(np.float64)
    square, value = lengths_and_values(block, how)
    chance = np.minimum(1.0, how.share * weight * (1 + square / how.mean_square))
    rows = np.flatnonzero(uniform(value if how.by_value else positions(block), how.seed) < chance)
    Z = standardised(Block(block.X[rows], block.y[rows], block.weight[rows], block.id), how.centre, how.inverse)
    Z *= np.sqrt(weight[rows] / chance[rows])[:, None]
    part = rows[chance[rows] < 1]  # equal rows do no harm where all are drawn
    return Products(Z.T @ Z, float(chance.sum()), float(len(rows)), signed_counts(value[part]))


def lengths_and_values(block: Block, how: Sampling) -> tuple[NDArray, NDArray[np.uint64]]:
    """Squared length of each row in standard units, and a hash of its features, label and weight.

    Parameters
    ----------
    block : Block
        Rows.
    how : Sampling
        The standard units.

    Returns
    -------
    tuple of (rows,) float64 and (rows,) uint64
    """
    square, value = lengths_and_hashes(block.X, how.centre, how.inverse)
    return square, value + splitmix64(bits_of(block.y), LABEL) + splitmix64(bits_of(block.weight), WEIGHT)
