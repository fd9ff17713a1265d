"""Compiled stochastic gradient descent over the rows of one block."""

import numpy as np

from treefold.runtime.jit_cache import njit

SQUARED, LOGISTIC, SQUARED_HINGE, HINGE, POISSON, QUANTILE, EPSILON_INSENSITIVE = range(7)


@njit
def _loss_and_slope(kind, extra, margin, label):  # type: ignore[no-untyped-def]
    """Loss and slope of one row, as in :mod:`~treefold.algorithms.linear.losses`; ``extra``: level or width."""
    if kind == SQUARED:
        gap = margin - label
        return 0.5 * gap * gap, gap
    if kind == LOGISTIC:
        e = np.exp(-abs(margin))
        share = 1.0 / (1.0 + e) if margin >= 0 else e / (1.0 + e)
        return max(margin, 0.0) - margin * label + np.log1p(e), share - label
    if kind in (SQUARED_HINGE, HINGE):
        sign = 2.0 * label - 1.0
        gap = max(0.0, 1.0 - sign * margin)
        if kind == HINGE:
            return gap, -sign if gap > 0 else 0.0
        return gap * gap, -2.0 * sign * gap
    if kind == POISSON:
        mean = np.exp(margin)
        return mean - label * margin, mean - label
    if kind == QUANTILE:
        gap = label - margin
        pull = extra if gap > 0 else extra - 1.0
        return pull * gap, -pull
    gap = margin - label
    return max(0.0, abs(gap) - extra), np.sign(gap) if abs(gap) > extra else 0.0


@njit(fastmath={"reassoc", "contract"})
def local_sgd_epoch(Z, label, offset, weight, order, theta, ridge, kind, extra, rate, batch):  # type: ignore[no-untyped-def]
    """Run SGD over the rows of ``Z`` in ``order``, one step for each mini-batch, and update ``theta`` in place.

    A step is ``theta -= rate * (mean slope of the batch + ridge * theta)``; the mean is in units of the block's mean
    weight.

    Parameters
    ----------
    Z : (rows, p)
        Standardised features with a column of ones.
    label, offset, weight : (rows,)
        Labels, numbers that are added to the margins, and weights, of which at least one is positive.
    order : (rows,) int
        Order of the rows.
    theta : (p,)
        Coefficients; overwritten.
    ridge : (p,)
        L2 strength of each coefficient.
    kind : int
        Number of the loss.
    extra : float
        Parameter of the loss: its level or width.
    rate : float
        Step size.
    batch : int
        Rows of a mini-batch.

    Returns
    -------
    float
        Weighted sum of the losses, each at the coefficients before its step.
    """
    rows, p = Z.shape
    mean_weight = weight.sum() / rows
    slope, met = np.empty(p), 0.0
    for begin in range(0, rows, batch):
        end = min(begin + batch, rows)
        slope[:] = 0.0
        for place in range(begin, end):
            i = order[place]
            if weight[i] == 0.0:
                continue
            margin = offset[i]
            for j in range(p):
                margin += Z[i, j] * theta[j]
            loss, pull = _loss_and_slope(kind, extra, margin, label[i])
            met += weight[i] * loss
            pull *= weight[i]
            for j in range(p):
                slope[j] += pull * Z[i, j]
        share = 1.0 / ((end - begin) * mean_weight)
        for j in range(p):
            theta[j] -= rate * (slope[j] * share + ridge[j] * theta[j])
    return met
