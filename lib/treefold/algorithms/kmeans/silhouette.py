"""Silhouettes: how much nearer rows are to their own cluster than to the next one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.kmeans.centres import Centres, Chunk, assigned, chunks
from treefold.algorithms.kmeans.clusters import Clusters
from treefold.algorithms.kmeans.kernels import rivals
from treefold.dataset.block import Block


class Groups(NamedTuple):
    """The clusters that rows form, for every model of a batch.

    Attributes
    ----------
    means : Centres
        Mean of the rows of each cluster.
    spread : (centres,)
        Mean squared distance of those rows from it; infinite for a cluster without rows.
    weight : (centres,)
    """

    means: Centres
    spread: NDArray
    weight: NDArray


class Silhouettes(NamedTuple):
    """Weighted sums of the silhouettes of rows.

    Attributes
    ----------
    exact, simplified : (models,)
    weight : float
    """

    exact: NDArray
    simplified: NDArray
    weight: float


def groups(centres: Centres, sums: Clusters) -> Groups:
    """Groups of the rows over which ``sums`` were computed."""
    weight, some = sums.weight, sums.weight > 0
    over = np.where(some, weight, 1.0)
    off = sums.residual / over[:, None]
    spread = np.where(some, np.maximum(0.0, sums.cost / over - np.square(off).sum(axis=1)), np.inf)
    return Groups(Centres(centres.at + off, centres.ends, centres.cosine), spread, weight)


def silhouettes(block: Block, centres: Centres, found: Groups) -> Silhouettes:
    """Silhouettes of the rows of one block; a row belongs to the cluster of its nearest centre.

    Parameters
    ----------
    block : Block
        Rows.
    centres : Centres
        Centres of the models.
    found : Groups
        Groups of all rows.

    Returns
    -------
    Silhouettes

    Notes
    -----
    Let a be the mean dissimilarity of a row from the other rows of its cluster, and b the least mean dissimilarity from
    the rows of another cluster. The silhouette is ``(b - a) / max(a, b)``, and 0 in a cluster of one row. For the
    squared Euclidean distance, and therefore for the cosine, ``mean_y |x - y|^2 = |x - mean|^2 + spread`` makes it
    exact in one pass; pyspark.ml's ClusteringEvaluator computes the same. In the simplified silhouette, a and b are the
    distances from the row's own centre and from the next one.

    References
    ----------
    Rousseeuw, "Silhouettes", Journal of Computational and Applied Mathematics 20, 1987.
    Hruschka, de Castro & Campello, ICDM 2004: the simplified silhouette.
    """
    models, weight = len(centres.ends), np.maximum(block.weight, 0).astype(np.float64)
    exact, simplified = np.zeros(models), np.zeros(models)
    nothing = np.where(np.isfinite(found.spread), 0.0, np.inf)
    for part, means in zip(assigned(block.X, centres), chunks(block.X, found.means), strict=True):
        w = weight[part.chunk.where]
        for m, mine in enumerate(centres.slices):
            own, rival = _rivals(means, m, part.label[m], found.spread[mine])
            total = found.weight[mine][part.label[m]]
            own *= np.divide(total, total - w, out=np.zeros_like(total), where=total > w)
            exact[m] += w @ np.where(total > w, _silhouette(own, rival), 0.0)
            own, rival = _rivals(part.chunk, m, part.label[m], nothing[mine])
            simplified[m] += w @ _silhouette(*((own, rival) if centres.cosine else (np.sqrt(own), np.sqrt(rival))))
    return Silhouettes(exact, simplified, float(weight.sum()))


def _rivals(chunk: Chunk, m: int, label: NDArray, spread: NDArray) -> tuple[NDArray, NDArray]:
    own, rival = np.empty(len(label)), np.empty(len(label))
    rivals(chunk.rows, chunk.scale, chunk.products, chunk.measures[m], spread, label, own, rival)
    return own, rival


def _silhouette(own: NDArray, rival: NDArray) -> NDArray:
    most = np.maximum(own, rival)
    lone = ~np.isfinite(rival)  # rows for which there is no other cluster
    value: NDArray = np.divide(rival - own, most, out=np.zeros_like(own), where=(most > 0) & ~lone)
    return np.where(lone, np.nan, value)
