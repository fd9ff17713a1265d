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
from treefold.privacy.clipped_rows import clipped_moments, finite_rows, mean_and_deviation, row_count
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


class Space(NamedTuple):
    """Standardised features: ``(x - mean) * inverse``, ``(features,)`` each."""

    mean: NDArray
    inverse: NDArray


class FeatureClipping(NamedTuple):
    """How mean and deviation of the features are found.

    Attributes
    ----------
    norm : float
        Largest norm of the features of a row.
    multiplier : float
        Deviation of the noise over the sensitivity of a sum.
    """

    norm: float
    multiplier: float


@bounded(lambda coef, loss, clipping, space=None: 2 * clipping.norm)
def clipped_gradient(
    block: Block, coef: NDArray, loss: Loss, clipping: Clipping, space: Space | None = None
) -> Clipped:
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
    space : Space, optional
        Standardised features, to which the coefficients belong.

    Returns
    -------
    Clipped
    """
    X, y, weight, squares = finite_rows(block, clipping.classes)
    if space is not None:
        X, weight, squares = _standardized(X, weight, space)
    slope = loss(margins(X, coef[None]), y)[1][0]
    size = np.sqrt(np.square(slope).sum(axis=0) * (squares + clipping.intercept))
    slope *= weight * clipping.norm / np.maximum(size, clipping.norm)
    slope[:, weight == 0] = 0.0
    products = (X.T @ slope.T).T if isinstance(X, csr_array) else slope @ X
    return Clipped(np.concatenate([products, slope.sum(axis=1, keepdims=True) * clipping.intercept], axis=1))


def _standardized(X: Matrix, weight: NDArray, space: Space) -> tuple[NDArray, NDArray, NDArray]:
    """Standardised rows, weights and squared norms; rows that cannot be standardised are 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        rows = ((X.toarray() if isinstance(X, csr_array) else X) - space.mean) * space.inverse
        squares = np.einsum("ij,ij->i", rows, rows)
    there = np.isfinite(squares)
    rows[~there] = 0.0
    return rows, np.where(there, weight, 0.0), np.where(there, squares, 0.0)


def noisy_space(blocks: Blocks, how: FeatureClipping, rows: int, centred: bool) -> Space:
    """Mean and inverse deviation of the features of clipped rows, from sums with noise: one pass.

    A deviation that the noise would hide counts as the least one that it would not.

    Parameters
    ----------
    blocks : Blocks
        Blocks with noise.
    how : FeatureClipping
        The bound of rows.
    rows : int
        Number of rows.
    centred : bool
        Whether the mean is subtracted.

    Returns
    -------
    Space
    """
    mean, deviation = mean_and_deviation(blocks.sum(clipped_moments, how.norm), how.norm)
    hidden = how.norm * np.sqrt(2 * how.multiplier * clipped_moments.sensitivity(1.0) / rows)  # type: ignore[attr-defined]
    floor = max(hidden, how.norm * float(np.finfo(float).eps))
    return Space(mean * centred, 1 / np.maximum(deviation, floor))


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
    features: FeatureClipping | None = None,
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
        Called with the number of passes with noise so far.
    features : FeatureClipping, optional
        How features are standardised, in a pass before the steps. The penalty applies to coefficients of standardised
        features. Without an intercept features are not centred.

    Returns
    -------
    (outputs, features + 1)
        For the data as it is.
    """
    rows, passes, space = blocks.sum(row_count).rows, 0, None
    if features is not None:
        space = noisy_space(blocks, features, rows, clipping.intercept)
        on_step(passes := 1)
    penalty = np.append(np.full(blocks.features, ridge), 0.0)
    coef = mean = np.zeros((outputs, blocks.features + 1))
    for step in range(iterations):
        gradient = blocks.sum(clipped_gradient, coef, loss, clipping, space).gradient / rows
        gradient[:, -1] *= clipping.intercept
        coef = coef - step_size * (gradient + penalty * coef)
        if step >= iterations // 2:
            mean = mean + coef
        on_step(passes + step + 1)
    coef = mean / (iterations - iterations // 2)
    if space is not None:
        coef[:, :-1] *= space.inverse
        coef[:, -1] -= coef[:, :-1] @ space.mean
    return coef
