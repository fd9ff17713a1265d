"""Gradient descent under differential privacy: gradients of rows are clipped, their sum has noise.

References
----------
Bassily, Smith & Thakurta, "Private empirical risk minimization", FOCS 2014.
Abadi et al., "Deep learning with differential privacy", CCS 2016: clipping.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.linear.losses import Loss
from treefold.algorithms.linear.objective import margins
from treefold.dataset.block import Block, Matrix
from treefold.dataset.blocks import Blocks
from treefold.privacy.noisy_blocks import bounded


class Rows(NamedTuple):
    """Number of rows."""

    rows: int


class Clipped(NamedTuple):
    """Sum of clipped gradients, ``(outputs, features + 1)``, the intercept last."""

    gradient: NDArray


class Clipping(NamedTuple):
    """How rows take part.

    Attributes
    ----------
    norm : float
        Largest Euclidean norm of the gradient of a row.
    classes : int
        Labels are 0 .. classes - 1, and rows with another label take no part; 0 if labels are any numbers.
    intercept : bool
        Whether there is an intercept.
    """

    norm: float
    classes: int = 0
    intercept: bool = True


@bounded(lambda: 0.0)
def row_count(block: Block) -> Rows:
    """Rows of the block, of whatever weight: their number stays the same if a row is replaced."""
    return Rows(len(block.y))


@bounded(lambda coef, loss, clipping: 2 * clipping.norm)
def clipped_gradient(block: Block, coef: NDArray, loss: Loss, clipping: Clipping) -> Clipped:
    """Sum of the gradients of the rows of a block, each of a norm of at most ``clipping.norm``.

    The gradient of a row is ``min(w, 1) min(1, norm / |g|) g``. A row without finite numbers counts as absent, so that
    nothing tells that it is there.

    Parameters
    ----------
    block : Block
        Rows.
    coef : (outputs, features + 1)
        Coefficients, the intercept last.
    loss : Loss
        Loss of the rows.
    clipping : Clipping
        How rows take part.

    Returns
    -------
    Clipped
    """
    X, y, weight, squares = _finite(block, clipping.classes)
    slope = loss(margins(X, coef[None]), y)[1][0]
    size = np.sqrt(np.square(slope).sum(axis=0) * (squares + clipping.intercept))
    slope *= weight * clipping.norm / np.maximum(size, clipping.norm)
    slope[:, weight == 0] = 0.0
    products = (X.T @ slope.T).T if isinstance(X, csr_array) else slope @ X
    return Clipped(np.concatenate([products, slope.sum(axis=1, keepdims=True) * clipping.intercept], axis=1))


def _finite(block: Block, classes: int) -> tuple[Matrix, NDArray, NDArray, NDArray]:
    """Rows, labels, weights in [0, 1] and squared norms, in float64; rows that take no part are 0."""
    X, y, weight = (part.astype(np.float64) for part in block[:3])
    if isinstance(X, csr_array):
        of_row = np.repeat(np.arange(len(y)), np.diff(X.indptr))
        with np.errstate(invalid="ignore", over="ignore"):
            squares = np.bincount(of_row, X.data**2, len(y))
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            squares = np.einsum("ij,ij->i", X, X)
    there = np.isfinite(squares) & np.isfinite(y) & (weight > 0)
    if classes:
        there &= (y >= 0) & (y < classes) & (y == np.floor(y))
    if not there.all():
        if isinstance(X, csr_array):
            X.data[~there[of_row]] = 0.0
        else:
            X[~there] = 0.0
    return X, np.where(there, y, 0.0), np.where(there, np.minimum(weight, 1.0), 0.0), np.where(there, squares, 0.0)


def fit_with_noise(
    blocks: Blocks,
    loss: Loss,
    outputs: int,
    clipping: Clipping,
    *,
    ridge: float,
    step_size: float,
    iterations: int,
    on_step: Callable[[int], None],
) -> NDArray:
    """Coefficients after a fixed number of steps ``coef <- coef - step_size (sum / rows + ridge coef)``.

    Every step is one pass, the first one after a pass that counts the rows. What is returned is the mean of the
    second half of the iterates, in which noise averages out.

    Parameters
    ----------
    blocks : Blocks
        :class:`~treefold.privacy.noisy_blocks.NoisyBlocks`, or blocks around them.
    loss : Loss
        Loss of the rows; of its values none is computed.
    outputs : int
        Outputs of a row.
    clipping : Clipping
        How rows take part.
    ridge : float
        L2 strength of the coefficients without the intercept.
    step_size : float
        The constant step.
    iterations : int
        Number of steps, >= 1.
    on_step : callable
        Called with the number of steps so far.

    Returns
    -------
    (outputs, features + 1)
    """
    rows = blocks.sum(row_count).rows
    penalty = np.append(np.full(blocks.features, ridge), 0.0)
    coef = mean = np.zeros((outputs, blocks.features + 1))
    for step in range(iterations):
        gradient = blocks.sum(clipped_gradient, coef, loss, clipping).gradient / rows
        gradient[:, -1] *= clipping.intercept
        coef = coef - step_size * (gradient + penalty * coef)
        if step >= iterations // 2:
            mean = mean + coef
        on_step(step + 1)
    return mean / (iterations - iterations // 2)
