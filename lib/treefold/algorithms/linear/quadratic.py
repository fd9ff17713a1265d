"""The statistic of Newton's method: loss, gradient and second derivatives, for rows in standard units."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.linear.objective import weight_of
from treefold.block import Block, Matrix
from treefold.losses import Loss, curvature, squared


class Quadratic(NamedTuple):
    """Weighted sums over rows.

    Attributes
    ----------
    loss : (models,)
    gradient : (models, outputs, features + 1)
    hessian : (models, outputs, features + 1, features + 1)
        Second derivatives with respect to the coefficients of one output; of length 1 along ``models`` where it is that
        of all. Losses of many outputs are sums over them, so there are no others.
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
    coef : (models, outputs, features + 1)
        For features ``(x - centre) * inverse``.
    by_class : (classes,), optional
        Factors of the weights.
    with_offset : bool
        Whether the first extra column is added to the margins.
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
    bend = weight[None, None] if loss is squared else np.where(absent[:, None], 0, curvature(loss, margin, y) * weight)
    hessian = np.stack([[_gram(Z, row) for row in rows] for rows in bend])
    return Quadratic(value.sum(axis=1), slope @ Z, hessian, float(weight.sum()))


def standardised(block: Block, centre: NDArray, inverse: NDArray) -> NDArray:
    """Rows in standard units, a column of ones last; of CSR as well, for there are few features."""
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
    """``Z' diag(weight) Z`` over the rows that count."""
    kept = np.flatnonzero(weight > 0)
    scaled = (Z if len(kept) == len(Z) else Z[kept]) * np.sqrt(weight[kept])[:, None]
    return scaled.T @ scaled  # BLAS makes one half and copies it
