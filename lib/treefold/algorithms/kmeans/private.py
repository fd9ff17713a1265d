"""k-means under differential privacy: rows are clipped, sums and sizes of clusters have noise.

References
----------
Blum, Dwork, McSherry & Nissim, "Practical privacy: the SuLQ framework", PODS 2005: sums and counts with noise.
Su, Cao, Li, Bertino & Jin, "Differentially private k-means clustering", CODASPY 2016.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.kmeans.centres import Centres, assigned
from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks
from treefold.privacy.clipped_rows import clipped_moments, mean_and_deviation, rows_within
from treefold.privacy.noisy_blocks import bounded

FEW = 2.0  # deviations of the noise of a size below which a cluster counts as empty


class ClippedClusters(NamedTuple):
    """Sums over the clipped rows of each cluster, in units in which one row changes both alike.

    Attributes
    ----------
    total : (k, features)
        Sum of ``w x``.
    weight : (k,)
        Sum of ``w norm``.
    """

    total: NDArray
    weight: NDArray


class PrivateClusters(NamedTuple):
    """Centres, and the sizes that their last pass has found, with its noise.

    Attributes
    ----------
    centres : (k, features)
    sizes : (k,)
        Weight of the rows of each cluster, from 0 to the number of rows.
    """

    centres: NDArray
    sizes: NDArray


@bounded(lambda centres, norm: 2 * norm)
def clipped_clusters(block: Block, centres: Centres, norm: float) -> ClippedClusters:
    """Sums over the rows nearest to each centre, each row with a norm of at most ``norm`` and a weight of at most 1.

    Rows of weights w and v that are in different clusters have contributions of norms up to ``sqrt(2) w norm`` and
    ``sqrt(2) v norm``, at right angles; in one cluster they move the total by up to ``(w + v) norm`` and the weight by
    ``|w - v| norm``. Either way a row that is replaced moves the sums by at most ``2 norm``.

    Parameters
    ----------
    block : Block
        Rows.
    centres : Centres
        Centres of one model.
    norm : float
        Largest norm of a row.

    Returns
    -------
    ClippedClusters
    """
    X, weight = rows_within(block, norm)
    label = np.concatenate([part.label[0] for part in assigned(X, centres)])
    rows, k = len(label), len(centres.at)
    members = csr_array((weight, label, np.arange(rows + 1)), shape=(rows, k))
    total = members.T @ X
    total = total.toarray() if isinstance(X, csr_array) else np.asarray(total)
    return ClippedClusters(total, norm * np.bincount(label, weight, k))


def fit_with_noise(
    blocks: Blocks,
    k: int,
    norm: float,
    *,
    rows: int,
    start: NDArray | None,
    deviation: float,
    iterations: int,
    seed: int,
    on_step: Callable[[int], None],
) -> PrivateClusters:
    """Centres after a fixed number of iterations of Lloyd's algorithm with noise, each one pass.

    Without a start, a pass before them finds mean and deviation of every
    feature, and first centres are drawn around that mean with that deviation. A centre whose cluster counts as empty is
    drawn near that of the largest cluster. Centres are kept within the ball of the rows.

    Parameters
    ----------
    blocks : Blocks
        :class:`~treefold.privacy.noisy_blocks.NoisyBlocks`, or blocks around them.
    k : int
        Number of clusters.
    norm : float
        Largest norm of a row.
    rows : int
        Number of rows, which is public.
    start : (k, features) or None
        First centres that do not depend on the rows.
    deviation : float
        Deviation of the noise of the size of a cluster, in rows.
    iterations : int
        Number of iterations, >= 1.
    seed : int
        Seed of the draws of centres.
    on_step : callable
        Called with the number of passes so far.

    Returns
    -------
    PrivateClusters
    """
    rng, passes = np.random.default_rng(seed), 0
    spread = np.zeros(blocks.features)
    if start is None:
        mean, spread = mean_and_deviation(blocks.sum(clipped_moments, norm), norm)
        start = mean + spread * rng.standard_normal((k, blocks.features))
        on_step(passes := 1)
    centres, sizes = _within(start, norm), np.zeros(k)
    for step in range(iterations):
        found = blocks.sum(clipped_clusters, Centres.of([centres], False), norm)
        sizes = found.weight / norm
        full = sizes > max(FEW * deviation, 0.5)
        moved = np.where(full[:, None], found.total / np.where(full, sizes, 1.0)[:, None], centres)
        if step < iterations - 1 and spread.any():
            moved = _divided(moved, sizes, full, spread, rng)
        centres = _within(moved, norm)
        on_step(passes + step + 1)
    return PrivateClusters(centres, np.clip(sizes, 0.0, rows))


def _within(centres: NDArray, norm: float) -> NDArray:
    """The centres, no farther from zero than any row."""
    length = np.linalg.norm(centres, axis=1, keepdims=True)
    return np.asarray(centres * (norm / np.maximum(length, norm)))


def _divided(centres: NDArray, sizes: NDArray, full: NDArray, spread: NDArray, rng: np.random.Generator) -> NDArray:
    """The centres, those of empty clusters near the centre of the largest one, which they then share."""
    centres, left = centres.copy(), np.where(full, sizes, 0.0)
    for empty in np.flatnonzero(~full):
        largest = int(left.argmax())
        if not left[largest]:
            break
        centres[empty] = centres[largest] + spread / 2 * rng.standard_normal(len(spread))
        left[largest] = left[empty] = left[largest] / 2
    return centres
