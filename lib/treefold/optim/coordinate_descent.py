"""Compiled coordinate descent on a quadratic model.

Both functions minimise ``gradient . d + d' B d / 2 + sum_j lasso_j |x_j + d_j|`` subject to ``lower <= x + d <= upper``
over d, one coordinate at a time, and write ``x + d`` into ``x``. The minimum along a coordinate is a soft threshold
that is then clipped to the bounds. After a sweep over all coordinates, only those that moved are swept until none
moves.

References
----------
Friedman, Hastie & Tibshirani, "Regularization paths for generalized linear models via coordinate descent", Journal of
Statistical Software 33, 2010.
"""

import numpy as np

from treefold.runtime.jit_cache import njit


@njit
def _best(at, slope, curvature, lasso, lower, upper):  # type: ignore[no-untyped-def]
    """The minimum of ``slope * (z - at) + curvature / 2 * (z - at)^2 + lasso |z|`` within the bounds."""
    z = at - slope / curvature
    cut = lasso / curvature
    if z > cut:
        z -= cut
    elif z < -cut:
        z += cut
    else:
        z = 0.0
    return min(max(z, lower), upper)


@njit
def descend_low_rank(x, gradient, lasso, lower, upper, scale, W, R, enough, sweeps):  # type: ignore[no-untyped-def]
    """Coordinate descent for ``B = scale * I - W R'``.

    It ends when no remaining slope exceeds ``enough``, or after ``sweeps`` sweeps.

    Parameters
    ----------
    x : (p,)
        Start; overwritten by the result.
    gradient : (p,)
        Slope of the quadratic model at the start.
    lasso, lower, upper : (p,)
        L1 penalty and bounds of each coordinate.
    scale : float
        Multiple of the identity in B.
    W, R : (p, rank)
        Low-rank part of B.
    enough : float
        It ends when no remaining slope exceeds this.
    sweeps : int
        Greatest number of sweeps.
    """
    p, rank = W.shape
    start = x.copy()
    u = np.zeros(rank)  # R' d
    curvature = np.empty(p)
    for j in range(p):
        c = scale
        for r in range(rank):
            c -= W[j, r] * R[j, r]
        curvature[j] = max(c, 1e-10 * scale)
    active = np.arange(p)
    whole = True
    for _ in range(sweeps):
        left, kept = 0.0, 0
        for i in range(len(active)):
            j = active[i]
            slope = gradient[j] + scale * (x[j] - start[j])
            for r in range(rank):
                slope -= W[j, r] * u[r]
            z = _best(x[j], slope, curvature[j], lasso[j], lower[j], upper[j])
            move = z - x[j]
            if move != 0.0:
                for r in range(rank):
                    u[r] += R[j, r] * move
                x[j] = z
                left = max(left, abs(move) * curvature[j])
                active[kept] = j
                kept += 1
        if left <= enough:
            if whole:
                return
            active, whole = np.arange(p), True
        else:
            active, whole = active[:kept], False


@njit
def descend_dense(x, gradient, lasso, lower, upper, B, enough, sweeps):  # type: ignore[no-untyped-def]
    """Coordinate descent for a dense symmetric ``B``.

    A coordinate without curvature moves to 0, or to the bound that is nearest to 0.

    Parameters
    ----------
    x : (p,)
        Start; overwritten by the result.
    gradient : (p,)
        Slope of the quadratic model at the start.
    lasso, lower, upper : (p,)
        L1 penalty and bounds of each coordinate.
    B : (p, p)
        Symmetric matrix of the quadratic model.
    enough : float
        It ends when no remaining slope exceeds this.
    sweeps : int
        Greatest number of sweeps.
    """
    p = len(x)
    slope = gradient.copy()
    active = np.arange(p)
    whole = True
    for _ in range(sweeps):
        left, kept = 0.0, 0
        for i in range(len(active)):
            j = active[i]
            if B[j, j] > 0.0:
                z = _best(x[j], slope[j], B[j, j], lasso[j], lower[j], upper[j])
            else:
                z = min(max(0.0, lower[j]), upper[j])
            move = z - x[j]
            if move != 0.0:
                for k in range(p):
                    slope[k] += B[j, k] * move
                x[j] = z
                left = max(left, abs(move) * B[j, j])
                active[kept] = j
                kept += 1
        if left <= enough:
            if whole:
                return
            active, whole = np.arange(p), True
        else:
            active, whole = active[:kept], False
