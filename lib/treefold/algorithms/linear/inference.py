"""Standard errors of least squares."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import stdtr

from treefold.algorithms.moments import moments
from treefold.block import Block
from treefold.blocks import Blocks
from treefold.errors import InputError

MOST_FEATURES = 4096
COLLINEAR = 1e-12  # least eigenvalue of the correlations, relative to the greatest


class Products(NamedTuple):
    """``products`` is ``(features, features)``: weighted sums of products of standardised features."""

    products: NDArray


class Inference(NamedTuple):
    """``errors``, ``t`` and ``p`` are ``(features [+ 1],)``: standard error, t and two-sided p of each coefficient."""

    errors: NDArray
    t: NDArray
    p: NDArray


def products(block: Block, centre: NDArray, inverse: NDArray) -> Products:
    """Products of ``(x - centre) * inverse`` in one block."""
    kept = block.weight > 0
    X = (block.X.toarray() if isinstance(block.X, csr_array) else block.X)[kept]
    standard = (X - centre) * inverse
    return Products((standard.T * block.weight[kept].astype(np.float64)) @ standard)


def infer(blocks: Blocks, coef: NDArray, *, intercept: bool, variance: float, freedom: int) -> Inference:
    """Standard errors, t and p values of a least-squares fit: two passes.

    The covariance of the coefficients is ``variance (X^T W X)^-1``, as in pyspark.ml.

    Parameters
    ----------
    coef : (features + 1,)
        The intercept last.
    variance : float
        Weighted sum of squared residuals over the degrees of freedom.
    freedom : int

    Raises
    ------
    InputError
        If a feature is a linear function of the others.
    """
    found = moments(blocks)
    mean = found.mean[:-1] if intercept else np.zeros(len(coef) - 1)
    scale = np.sqrt(found.variance[:-1] + (0 if intercept else found.mean[:-1] ** 2))
    inverse = 1 / np.where(scale > 0, scale, 1.0)
    total: Products = blocks.sum(products, mean, inverse)
    values, vectors = np.linalg.eigh(total.products)
    if len(values) and values[0] <= COLLINEAR * values[-1]:
        raise InputError("a feature is a linear function of the others: leave it out to have standard errors")
    within = (vectors / values) @ vectors.T * inverse[:, None] * inverse
    spread = np.diag(within)
    if intercept:
        spread = np.append(spread, 1 / found.weight + mean @ within @ mean)
    errors = np.sqrt(variance * spread)
    t = (coef if intercept else coef[:-1]) / np.where(errors > 0, errors, np.nan)
    return Inference(errors, t, 2 * stdtr(freedom, -abs(t)))
