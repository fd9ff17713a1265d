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
from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks
from treefold.privacy.clipped_rows import finite_rows, row_count
from treefold.privacy.noisy_blocks import bounded


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
    X, y, weight, squares = finite_rows(block, clipping.classes)
    slope = loss(margins(X, coef[None]), y)[1][0]
    size = np.sqrt(np.square(slope).sum(axis=0) * (squares + clipping.intercept))
    slope *= weight * clipping.norm / np.maximum(size, clipping.norm)
    slope[:, weight == 0] = 0.0
    products = (X.T @ slope.T).T if isinstance(X, csr_array) else slope @ X
    return Clipped(np.concatenate([products, slope.sum(axis=1, keepdims=True) * clipping.intercept], axis=1))


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
