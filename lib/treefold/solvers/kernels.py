"""Coordinate descent on a quadratic model, compiled.

Both minimise ``gradient . d + d' B d / 2 + sum_j lasso_j |x_j + d_j|`` with ``lower <= x + d <= upper`` over d, one
coordinate at a time, and write ``x + d`` into ``x``: Friedman, Hastie & Tibshirani, "Regularization paths for
generalized linear models via coordinate descent", Journal of Statistical Software 33, 2010. A coordinate's own minimum
is a soft threshold, then clipped. After a sweep over all coordinates, those that moved are swept until they rest.
"""

import numpy as np

from treefold.compiled import njit


@njit
def _best(at, slope, curvature, lasso, lower, upper):  # type: ignore[no-untyped-def]
    """Where ``slope * (z - at) + curvature / 2 * (z - at)^2 + lasso |z|`` is least within the bounds."""
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
    """With ``B = scale * I - W R'``; ``W`` and ``R`` are ``(p, rank)``. Ends when no slope left exceeds ``enough``."""
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
    """With a dense symmetric ``B``. A coordinate without curvature moves to 0, or to the bound nearest to it."""
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
