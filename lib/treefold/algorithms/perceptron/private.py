"""Gradient descent of a network under differential privacy: gradients of rows are clipped, their sum has noise.

The gradient of a row by the weights of an affine map is the product of the row's activations below the map and of its
slopes above it, so its norm is the product of two norms. No gradient of a single row is ever computed.

References
----------
Goodfellow, "Efficient per-example gradient computations", 2015, arXiv:1510.01799: the norms.
Abadi et al., "Deep learning with differential privacy", CCS 2016: clipping, and noise.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.perceptron import kernels
from treefold.algorithms.perceptron.network import ACTIVATIONS, Network, hidden
from treefold.dataset.block import Block, Matrix
from treefold.dataset.blocks import Blocks
from treefold.privacy.clipped_rows import finite_rows
from treefold.privacy.noisy_blocks import bounded

TILE = 2048  # rows whose activations stay in a core's cache


class Clipped(NamedTuple):
    """Sum of clipped gradients, ``(size,)``."""

    gradient: NDArray


@bounded(lambda flat, network, norm: 2 * norm)
def clipped_gradient(block: Block, flat: NDArray, network: Network, norm: float) -> Clipped:
    """Sum of the gradients of the rows of a block, each of a norm of at most ``norm``.

    The gradient of a row is ``min(w, 1) min(1, norm / |g|) g``. A row without finite numbers, with a label that is no
    class, or with a gradient that is not finite counts as absent.

    Parameters
    ----------
    block : Block
        Rows.
    flat : (size,)
        Weights and biases.
    network : Network
        Layers, activation and loss.
    norm : float
        Largest Euclidean norm of the gradient of a row, over all weights and biases together.

    Returns
    -------
    Clipped
    """
    rows = finite_rows(block, network.layers.outputs if network.loss.link == "softmax" else 0)
    gradient = np.zeros(network.layers.size)
    parts = list(network.layers.affine(gradient))
    for first in range(0, len(rows.y), TILE):
        tile = slice(first, first + TILE)
        weight = rows.weight[tile]
        with np.errstate(over="ignore", invalid="ignore"):
            lower, slopes = _slopes(rows.X[tile], rows.y[tile], weight, flat, network)
            squares = sum(
                (_squares(below) + 1) * np.square(slope).sum(axis=1) for below, slope in zip(lower, slopes, strict=True)
            )
        size = np.sqrt(squares)
        able = np.isfinite(size) & (weight > 0)
        factor = np.where(able, weight * norm / np.maximum(np.where(able, size, norm), norm), 0.0)
        for below, slope, (by_weight, by_bias) in zip(lower, slopes, parts, strict=True):
            slope[~able] = 0.0
            slope *= factor[:, None]
            if not isinstance(below, csr_array):
                below[~able] = 0.0
            by_weight += below.T @ slope
            by_bias += slope.sum(axis=0)
    return Clipped(gradient)


def _slopes(
    X: Matrix, y: NDArray, weight: NDArray, flat: NDArray, network: Network
) -> tuple[list[Matrix], list[NDArray]]:
    """For each affine map the activations below it and the slopes of the loss above it, of every row alone."""
    maps, kind = list(network.layers.affine(flat)), ACTIVATIONS[network.activation]
    lower: list[Matrix] = [X, *hidden(X, network.layers, flat, network.activation)]
    slope = np.ascontiguousarray(lower[-1] @ maps[-1][0])
    network.loss.slopes(slope, maps[-1][1], y[:, None], (weight > 0).astype(np.float64), np.empty(slope.shape[1]))
    slopes = [slope]
    for number in range(len(maps) - 1, 0, -1):
        slope = slope @ maps[number][0].T
        kernels.through_activation(slope, lower[number], kind, np.empty(slope.shape[1]))
        slopes.insert(0, slope)
    return lower, slopes


def _squares(A: Matrix) -> NDArray:
    """Squared norm of every row."""
    if isinstance(A, csr_array):
        return np.bincount(np.repeat(np.arange(A.shape[0]), np.diff(A.indptr)), A.data**2, A.shape[0])
    return np.asarray(np.einsum("ij,ij->i", A, A))


def fit_with_noise(
    blocks: Blocks,
    network: Network,
    start: NDArray,
    norm: float,
    *,
    rows: int,
    ridge: float,
    step_size: float,
    iterations: int,
    on_step: Callable[[int], None],
) -> NDArray:
    """Weights and biases after a fixed number of steps ``w <- w - step_size (sum / rows + ridge w)``.

    Every step is one pass. What is returned is the mean of the last
    quarter of the iterates, in which noise averages out.

    Parameters
    ----------
    blocks : Blocks
        :class:`~treefold.privacy.noisy_blocks.NoisyBlocks`, or blocks around them.
    network : Network
        Layers, activation and loss.
    start : (size,)
        First weights and biases, which do not depend on the rows.
    norm : float
        Largest norm of the gradient of a row.
    rows : int
        Number of rows, which is public.
    ridge : float
        L2 strength of the weights; biases are not penalised.
    step_size : float
        The constant step.
    iterations : int
        Number of steps, >= 1.
    on_step : callable
        Called with the number of steps so far.

    Returns
    -------
    (size,)
    """
    flat, mean = start, np.zeros(len(start))
    penalty, averaged = ridge * network.layers.penalised, -(-iterations // 4)
    for step in range(iterations):
        gradient = blocks.sum(clipped_gradient, flat, network, norm).gradient / rows
        flat = flat - step_size * (gradient + penalty * flat)
        if step >= iterations - averaged:
            mean = mean + flat
        on_step(step + 1)
    return mean / averaged
