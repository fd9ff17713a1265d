"""The statistic of k-means: sums over the rows of each cluster."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.kmeans.centres import Centres, chunks
from treefold.algorithms.kmeans.kernels import gather
from treefold.algorithms.kmeans.kernels_rows import relate
from treefold.dataset.block import Block, positions
from treefold.dataset.random import splitmix64


class Clusters(NamedTuple):
    """Sums over the rows of positive weight of each cluster.

    Attributes
    ----------
    residual : (centres, features)
        ``sum_i w_i (x_i - c)``. The centre differs from the mean of its rows by ``residual / weight``. Over many
        blocks, residuals keep digits that sums of rows far from zero would lose.
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
    """A mini-batch: the rows for which a hash of (seed, position) modulo ``batches`` is ``number``."""

    number: int
    batches: int
    seed: int


def clusters(block: Block, centres: Centres, batch: Batch | None = None) -> Clusters:
    """Clusters of every model of the batch in one block.

    Parameters
    ----------
    block : Block
        Rows to assign.
    centres : Centres
        Centres of all models.
    batch : Batch or None, default None
        Mini-batch of rows to use; None uses all rows.

    Returns
    -------
    Clusters
        Sums of residuals ``(k, features)``, costs, weights and numbers of rows ``(k,)``, for the centres of all models.
    """
    X, weight = block.X, block.weight
    if batch is not None:
        drawn = np.flatnonzero(splitmix64(positions(block), batch.seed) % np.uint64(batch.batches) == batch.number)
        X, weight = X[drawn], weight[drawn]
    k, features = centres.at.shape
    sums = Clusters(np.zeros((k, features)), np.zeros(k), np.zeros(k), np.zeros(k, np.int64))
    for chunk in chunks(X, centres):
        part = weight[chunk.where]
        for mine, measure in zip(centres.slices, chunk.measures, strict=True):
            gather(chunk.rows, chunk.scale, part, chunk.products, measure, *(array[mine] for array in sums))
    relate(sums.residual, sums.weight, centres.at)
    return sums
