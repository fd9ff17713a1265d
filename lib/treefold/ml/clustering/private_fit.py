"""k-means under differential privacy: from its params to noise, and what it says of itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.kmeans import KMeansModel
from treefold.algorithms.kmeans.private import fit_with_noise
from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.clustering.clustering_fit import ClusteringFit
from treefold.ml.private_params import noise_around, noise_of, spent, teller
from treefold.optim.status import MAX_ITER, MEANING
from treefold.privacy.clipped_rows import row_count
from treefold.privacy.noisy_blocks import Noise

if TYPE_CHECKING:
    from treefold.ml.clustering.kmeans import KMeans

DPLLOYD = "dplloyd"
READ = {  # params that a fit by this solver reads, or that have no effect on it
    "k", "seed", "initialCenters", "initialModel", "distanceCol", "intermediateStorageLevel",
}  # fmt: skip


def clustering_noise(params: "KMeans", given: bool) -> Noise:
    """The noise of all iterations, and of the pass before them unless the first centres are given."""
    if isinstance(params.value("k"), list):
        raise InputError("solver dplloyd fits one number of clusters: to choose from several would look at the rows")
    return noise_of(params, READ, params.value("maxIter") + (not given))


def fit_privately(params: "KMeans", trials: Sequence[Any], blocks: Blocks, k: int, start: NDArray | None) -> Batch:
    """Fit one clustering over blocks with noise.

    Parameters
    ----------
    params : KMeans
        The estimator.
    trials : sequence of KMeans
        The estimators to fit: one.
    blocks : Blocks
        The data set.
    k : int
        Number of clusters.
    start : (k, features) or None
        The first centres, if they are given.

    Returns
    -------
    Batch

    Raises
    ------
    InputError
        If the blocks have no noise, as those of a search, or the centres have another number of features.
    """
    noise, clip, iterations = noise_around(blocks, trials), params.value("clip"), params.value("maxIter")
    rows = blocks.sum(row_count).rows  # and the number of features is known
    if start is not None and start.shape != (k, blocks.features):
        raise InputError(f"the centres given are of shape {start.shape}: they must be (k, {blocks.features})")
    found = fit_with_noise(
        blocks,
        k,
        clip,
        rows=rows,
        start=start,
        deviation=2 * noise.multiplier,
        iterations=iterations,
        seed=params.value("seed"),
        on_step=teller(params, noise, blocks),
    )
    privacy = spent(params, noise)
    sizes = [round(float(size)) for size in found.sizes]
    fit = ClusteringFit(k, float("nan"), sizes, iterations, MEANING[MAX_ITER], [], [], [], [], privacy)
    model = KMeansModel(found.centres, privacy=privacy)
    return Batch([model], [[]], np.array([iterations]), np.array([MAX_ITER]), [fit])
