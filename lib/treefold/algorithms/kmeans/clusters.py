"""The statistic of k-means: what the rows of each cluster add up to."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from treefold.algorithms.draws import scrambled
from treefold.algorithms.kmeans.centres import Centres, assigned
from treefold.algorithms.kmeans.kernels import accumulate
from treefold.block import Block, positions


class Clusters(NamedTuple):
    """Sums over the rows of positive weight of each cluster.

    Attributes
    ----------
    residual : (centres, features)
        ``sum_i w_i (x_i - c)``: the centre is off the mean of its rows by ``residual / weight``. Adding what is left
        of the rows, not the rows, keeps the digits where centres lie far from zero.
    cost : (centres,)
        ``sum_i w_i |x_i - c|^2``
    weight : (centres,)
    rows : (centres,) int
    """

    residual: NDArray
    cost: NDArray
    weight: NDArray
    rows: NDArray


class Batch(NamedTuple):
    """A mini-batch: the rows whose hash of (seed, position) falls to ``number`` of ``batches``."""

    number: int
    batches: int
    seed: int


def clusters(block: Block, centres: Centres, batch: Batch | None = None) -> Clusters:
    """Clusters of every model of the batch in one block."""
    X, weight = block.X, block.weight
    if batch is not None:
        drawn = np.flatnonzero(scrambled(positions(block), batch.seed) % np.uint64(batch.batches) == batch.number)
        X, weight = X[drawn], weight[drawn]
    k, features = centres.at.shape
    sums = Clusters(np.zeros((k, features)), np.zeros(k), np.zeros(k), np.zeros(k, np.int64))
    for part in assigned(X, centres):
        for mine, label, distance in zip(centres.slices, part.label, part.distance, strict=True):
            own = (array[mine] for array in sums)
            accumulate(part.rows, part.scale, weight[part.where], label, distance, centres.at[mine], *own)
    if issparse(X):
        np.subtract(sums.residual, sums.weight[:, None] * centres.at, out=sums.residual)
    return sums
