"""The statistic of k-means: what the rows of each cluster add up to."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.draws import scrambled
from treefold.algorithms.kmeans.centres import Centres, chunks
from treefold.algorithms.kmeans.kernels import gather, relate
from treefold.block import Block, positions


class Clusters(NamedTuple):
    """Sums over the rows of positive weight of each cluster.

    Attributes
    ----------
    residual : (centres, features)
        ``sum_i w_i (x_i - c)``: the centre is off the mean of its rows by ``residual / weight``. Over many blocks what
        is left of the rows keeps digits that sums of the rows would lose where they lie far from zero.
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
    for chunk in chunks(X, centres):
        part = weight[chunk.where]
        for mine, measure in zip(centres.slices, chunk.measures, strict=True):
            gather(chunk.rows, chunk.scale, part, chunk.products, measure, *(array[mine] for array in sums))
    relate(sums.residual, sums.weight, centres.at)
    return sums
