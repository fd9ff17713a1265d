"""The statistic of Newton's method: loss, gradient and second derivatives for standardised rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.linear.losses import Loss
from treefold.algorithms.linear.objective import weight_of
from treefold.dataset.block import Block, Matrix


class Quadratic(NamedTuple):
    """Weighted sums over rows.

    Attributes
    ----------
    loss : (models,)
    gradient : (models, outputs, features + 1)
    hessian : (models, parts, features + 1, features + 1)
        Second derivatives with respect to the coefficients of the outputs of each part of
        :meth:`~treefold.algorithms.linear.losses.Loss.curvature`. The models axis has length 1 if all models share
        them.
    weight : float
    """

    loss: NDArray
    gradient: NDArray
    hessian: NDArray
    weight: float


def quadratic(
    block: Block,
    coef: NDArray,
    loss: Loss,
    centre: NDArray,
    inverse: NDArray,
    by_class: NDArray | None = None,
    with_offset: bool = False,
) -> Quadratic:
    """Sums of one block, in float64.

    Parameters
    ----------
    block : Block
        Rows.
    coef : (models, outputs, features + 1)
        Coefficients for features ``(x - centre) * inverse``, the intercept last.
    loss : Loss
        Loss of the models.
    centre, inverse : (features,)
        Standardisation of the features.
    by_class : (classes,), optional
        Factors of the weights of the rows of each label.
    with_offset : bool, default False
        Whether the first extra column is added to the margins.

    Returns
    -------
    Quadratic
    """
    Z = standardised(block, centre, inverse)
    y = block.y.astype(np.float64)
    weight = weight_of(block, by_class).astype(np.float64)
    margin = coef @ Z.T
    if with_offset:
        margin += block.extra[0]
    value, slope = loss(margin, y)
    absent = np.broadcast_to(weight == 0, value.shape)
    value, slope = np.where(absent, 0, value * weight), np.where(absent[:, None], 0, slope * weight)
    if loss.constant_curvature:
        curvature = weight[None, None]
    else:
        curvature = np.where(absent[:, None], 0, loss.curvature(margin, y) * weight)
    hessian = np.stack([[_gram(Z, row) for row in rows] for rows in curvature])
    return Quadratic(value.sum(axis=1), slope @ Z, hessian, float(weight.sum()))


def standardised(block: Block, centre: NDArray, inverse: NDArray) -> NDArray:
    """Standardised rows as a dense array, a column of ones last; CSR too, since there are few features.

    Parameters
    ----------
    block : Block
        Rows.
    centre, inverse : (features,)
        Means, and inverse standard deviations.

    Returns
    -------
    (rows, features + 1) float64
    """
    X = dense(block.X)
    Z = np.empty((len(X), len(centre) + 1))
    np.subtract(X, centre, out=Z[:, :-1])
    Z[:, :-1] *= inverse
    Z[:, -1] = 1.0
    return Z


def dense(X: Matrix) -> NDArray:
    """Rows as an array."""
    return X.toarray() if isinstance(X, csr_array) else X


def _gram(Z: NDArray, weight: NDArray) -> NDArray:
    """``Z' diag(weight) Z`` over the rows of nonzero weight; all weights have the same sign."""
    kept = np.flatnonzero(weight)
    scaled = (Z if len(kept) == len(Z) else Z[kept]) * np.sqrt(abs(weight[kept]))[:, None]
    product = scaled.T @ scaled  # BLAS computes one half of a symmetric product
    return -product if weight.min(initial=0.0) < 0 else product


def assembled(parts: NDArray, k: NDArray, other: NDArray) -> NDArray:
    """Symmetric matrices ``(models, p, p)`` of square parts for pairs of outputs.

    Parameters
    ----------
    parts : (models, pairs, q, q)
        Second derivatives of the variables of one output by those of another; each is symmetric.
    k, other : (pairs,) int
        The two outputs.

    Returns
    -------
    (models, outputs * q, outputs * q)
    """
    models, _, q, _ = parts.shape
    outputs = int(k.max()) + 1
    if outputs == 1:
        return parts[:, 0]
    made = np.zeros((models, outputs, q, outputs, q))
    made[:, other, :, k] = made[:, k, :, other] = parts.swapaxes(0, 1)  # each is symmetric
    return made.reshape(models, outputs * q, outputs * q)
