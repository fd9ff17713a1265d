"""Solvers of k-means: the pass over all rows, or over a mini-batch, that finds where the centres move."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.kmeans.centres import Centres, assigned
from treefold.algorithms.kmeans.clusters import Batch, Clusters, clusters
from treefold.algorithms.kmeans.distance_sampling import directed, farthest
from treefold.dataset.blocks import Scan
from treefold.dataset.random import substream
from treefold.statistics.row_sampling import Drawn, merge_all


class Look(NamedTuple):
    """What a pass finds about the centres.

    Attributes
    ----------
    sums : Clusters
    pull : (centres, features)
        Weighted sum of the differences between the rows that determine the target and the centre.
    visited : (centres,)
        Weight of those rows.
    share : (models,)
        Share of the total weight that was seen.
    """

    sums: Clusters
    pull: NDArray
    visited: NDArray
    share: NDArray


class Solver(Protocol):
    """A pass that computes the targets of the centres of the running models."""

    def look(self, blocks: Scan, centres: Centres, iteration: int, visited: NDArray) -> Look:
        """Targets of the centres, after ``iteration`` iterations in which the centres have seen ``visited`` weight.

        Parameters
        ----------
        blocks : Scan
            All rows.
        centres : Centres
            Centres of the running models.
        iteration : int
            Iterations so far.
        visited : (k,)
            Weight that each centre has seen so far.

        Returns
        -------
        Look
        """
        ...


class Lloyd(NamedTuple):
    """Lloyd's algorithm: every centre moves to the mean of its rows, or for the cosine distance to its direction.

    A centre without rows moves to the row that is farthest from its own centre, and that row leaves its cluster; this
    takes one more pass.

    References
    ----------
    Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 28, 1982, method I. Dhillon &
    Modha, "Concept decompositions for large sparse text data using clustering", Machine Learning 42, 2001: for the
    cosine distance.
    """

    def look(self, blocks: Scan, centres: Centres, iteration: int, visited: NDArray) -> Look:
        """See :class:`Solver`."""
        sums: Clusters = blocks.sum(clusters, centres)
        pull, weight = _reseeded(blocks, centres, sums) if (sums.rows == 0).any() else (sums.residual, sums.weight)
        return Look(sums, pull, weight, np.ones(len(centres.ends)))


class MiniBatch(NamedTuple):
    """Mini-batch k-means: a centre moves to the mean of all rows that it has seen so far.

    The learning rate of the paper, one over the number of rows seen, makes the centre that mean. Rows are assigned to
    batches by a hash of (seed, position), differently in each epoch; an epoch sees every row once.

    Attributes
    ----------
    batches : int
        Batches of an epoch.
    seed : int
    weight : float
        Weight of all rows.

    References
    ----------
    Sculley, "Web-scale k-means clustering", WWW 2010, alg. 1.
    """

    batches: int
    seed: int
    weight: float

    def look(self, blocks: Scan, centres: Centres, iteration: int, visited: NDArray) -> Look:
        """See :class:`Solver`."""
        epoch, number = divmod(iteration, self.batches)
        batch = Batch(number, self.batches, substream(self.seed, epoch))
        sums: Clusters = blocks.sum(clusters, centres, batch)
        seen = np.add.reduceat(sums.weight, [mine.start for mine in centres.slices])
        return Look(sums, sums.residual, visited + sums.weight, seen / self.weight)


def _reseeded(blocks: Scan, centres: Centres, sums: Clusters) -> tuple[NDArray, NDArray]:
    """Pull and weight after the farthest rows have been given to the centres without rows."""
    pull, weight, left = sums.residual.copy(), sums.weight.copy(), sums.rows.copy()
    empty = [mine.start + np.flatnonzero(sums.rows[mine] == 0) for mine in centres.slices]
    far: tuple[Drawn, ...] = blocks.reduce(farthest, centres, tuple(len(e) for e in empty), merge=merge_all)
    for m, (mine, drawn) in enumerate(zip(centres.slices, far, strict=True)):
        if not len(drawn.position):
            continue
        rows = directed(drawn, centres.cosine)
        own = np.concatenate([part.label[m] for part in assigned(rows, centres)]) + mine.start
        for j, old, row, w in zip(empty[m], own, rows, drawn.weight, strict=False):
            pull[old] -= w * (row - centres.at[old])
            weight[old] -= w
            left[old] -= 1
            pull[j], weight[j], left[j] = w * (row - centres.at[j]), w, 1
    return pull, np.where(left > 0, weight, 0.0)
