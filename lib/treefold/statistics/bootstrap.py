"""Bootstrap in one pass: every row has a Poisson weight in each replicate, drawn by (seed, position, replicate).

The number of times that a row is drawn in a bootstrap of many rows has the Poisson distribution of mean 1, and rows are
all but independent. Weights that depend on the position of the row alone are the same for any number of tasks, and the
same for two models on the same rows, so that differences between models are paired.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from treefold.dataset.random import GOLDEN, STREAM, substream
from treefold.statistics.kernels_bootstrap import DRAWS, add_replicates


class Replicates(NamedTuple):
    """Sums over rows in each replicate; they add. Replicate 0 is the rows themselves.

    Attributes
    ----------
    counts : (cells, 1 + replicates)
        Weight of the rows of each cell.
    sums : (values, 1 + replicates)
        Weighted sums of each value.
    """

    counts: NDArray
    sums: NDArray


def replicates_of(
    position: NDArray[np.uint64],
    weight: NDArray,
    cells: NDArray,
    values: NDArray,
    *,
    number: int,
    replicates: int,
    seed: int,
) -> Replicates:
    """Sums of some rows.

    Parameters
    ----------
    position : (rows,) uint64
        Of the rows in the data set.
    weight : (rows,)
        Weights of the rows.
    cells : (rows, c) intp
        Cells that a row counts in.
    values : (v, rows) float64
        Values of the rows.
    number : int
        Cells in all.
    replicates, seed : int
        Number of replicates, and seed of their weights.

    Notes
    -----
    A weight is the inverse of the Poisson distribution at 16 bits of a hash, so the probabilities of the weights are
    those of the distribution to within 1e-5.

    References
    ----------
    N. Chamandy, O. Muralidharan, A. Najmi & S. Naidu, "Estimating uncertainty for massive data streams", Google, 2012.
    """
    made = Replicates(np.zeros((number, 1 + replicates)), np.zeros((len(values), 1 + replicates)))
    w = weight.astype(np.float64)
    offsets = _offsets(seed, -(-replicates // DRAWS))
    add_replicates(position, offsets, _table(), w, cells, np.ascontiguousarray(values, np.float64), *made)
    return made


def drawn_weights(position: NDArray[np.uint64], seed: int, replicates: int) -> NDArray:
    """Weights of rows in the replicates: what :func:`replicates_of` draws.

    Parameters
    ----------
    position : (rows,) uint64
        Positions in the data set.
    seed : int
        Seed of the bootstrap.
    replicates : int
        Number of replicates.

    Returns
    -------
    (replicates, rows)
    """
    cells = np.arange(len(position), dtype=np.intp)[:, None]
    one, none = np.ones(len(position)), np.empty((0, len(position)))
    made = replicates_of(position, one, cells, none, number=len(position), replicates=replicates, seed=seed)
    return made.counts[:, 1:].T


@cache
def _table() -> NDArray:
    """Poisson weights by 16 bits."""
    ends = np.rint(65536 * poisson.cdf(np.arange(12), 1.0))
    return np.searchsorted(ends, np.arange(65536), "right").astype(np.float64)


@cache
def _offsets(seed: int, groups: int) -> NDArray[np.uint64]:
    """What is added to a position for each group of replicates: see :func:`treefold.dataset.random.splitmix64`."""
    seeds = np.array([substream(seed, group) for group in range(groups)], np.uint64)
    with np.errstate(over="ignore"):
        return seeds * STREAM + GOLDEN
