"""Standard errors of least squares."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from treefold.algorithms.linear.gram import Gram
from treefold.errors import InputError
from treefold.runtime.blas_threads import all_for

MOST_FEATURES = 4096
COLLINEAR = 1e-12  # ratio of least to greatest eigenvalue of the correlations at which features are collinear


class Inference(NamedTuple):
    """Standard error, t and two-sided p value of each coefficient.

    Attributes
    ----------
    errors, t, p : (features,), or (features + 1,) with an intercept
    """

    errors: NDArray
    t: NDArray
    p: NDArray


def infer(found: Gram, coef: NDArray, *, intercept: bool, variance: float, freedom: int) -> Inference:
    """Standard errors, t and p values of a least-squares fit, from the products of its columns.

    Parameters
    ----------
    found : Gram
        Of the rows of the fit.
    coef : (features + 1,)
        Coefficients, the intercept last.
    intercept : bool
        Whether the model has an intercept.
    variance : float
        Weighted sum of squared residuals divided by the degrees of freedom.
    freedom : int
        Degrees of freedom of the residuals.

    Returns
    -------
    Inference

    Raises
    ------
    InputError
        If a feature is a linear function of the others.

    Notes
    -----
    The covariance of the coefficients is ``variance (X^T W X)^-1``, as in pyspark.ml.
    """
    weight, mean = found.data_summary.moments.weight, found.data_summary.moments.mean[:-1]
    inner = found.products[:-1, :-1]
    if not intercept:
        inner, mean = inner + weight * np.outer(mean, mean), np.zeros(len(mean))
    length = np.sqrt(np.diag(inner))
    inverse = 1 / np.where(length > 0, length, 1.0)
    with all_for(len(inner)):
        values, vectors = np.linalg.eigh(inner * inverse[:, None] * inverse)
    if len(values) and values[0] <= COLLINEAR * values[-1]:
        raise InputError("a feature is a linear function of the others: leave it out to have standard errors")
    within = (vectors / values) @ vectors.T * inverse[:, None] * inverse
    spread = np.diag(within)
    if intercept:
        spread = np.append(spread, 1 / weight + mean @ within @ mean)
    errors = np.sqrt(variance * spread)
    t = (coef if intercept else coef[:-1]) / np.where(errors > 0, errors, np.nan)
    return Inference(errors, t, 2 * stdtr(freedom, -abs(t)))
