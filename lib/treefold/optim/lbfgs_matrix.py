"""The L-BFGS matrix in compact form, from the differences that the solver remembers.

References
----------
Byrd, Nocedal & Schnabel, "Representations of quasi-Newton matrices and their use in limited memory methods", Math.
Programming 63 (1994), eq. 3.2.
"""

import numpy as np
from numpy.typing import NDArray


def low_rank(
    x_diffs: NDArray, grad_diffs: NDArray, curvature: NDArray, gradient: NDArray
) -> tuple[float, NDArray, NDArray]:
    """The L-BFGS matrix as ``scale * I - W R'``.

    Parameters
    ----------
    x_diffs, grad_diffs : (memory, p)
        Differences of iterates and of gradients, the newest first.
    curvature : (memory,)
        Inverse products of the two; 0 for a place that is empty.
    gradient : (p,)
        Sets the scale while there are no differences.

    Returns
    -------
    tuple of float, (p, 2 pairs) and (p, 2 pairs)
        ``scale``, W and R.
    """
    filled = np.flatnonzero(curvature > 0)[::-1]  # oldest first, as in the paper
    if not len(filled):
        none = np.zeros((len(gradient), 0))
        return max(1.0, float(np.sqrt(gradient @ gradient))), none, none
    S, Y = x_diffs[filled], grad_diffs[filled]
    scale = float(Y[-1] @ Y[-1] * curvature[filled[-1]])
    W, R = _factors(S, Y, scale * S)
    return scale, W, R


def dense(x_diffs: NDArray, grad_diffs: NDArray, curvature: NDArray, hessian: NDArray) -> NDArray:
    """The L-BFGS matrix that starts from an approximate Hessian, scaled by the newest pair.

    Parameters
    ----------
    x_diffs, grad_diffs, curvature : (memory, p), (memory, p) and (memory,)
        As for :func:`low_rank`.
    hessian : (p, p)
        The approximate Hessian.

    Returns
    -------
    (p, p)
    """
    filled = np.flatnonzero(curvature > 0)[::-1]
    if not len(filled):
        return hessian
    S, Y = x_diffs[filled], grad_diffs[filled]
    start = hessian * float(Y[-1] @ np.linalg.solve(hessian, Y[-1]) * curvature[filled[-1]])
    W, R = _factors(S, Y, S @ start)
    return np.asarray(start - W @ R.T)


def _factors(S: NDArray, Y: NDArray, turned: NDArray) -> tuple[NDArray, NDArray]:
    """W and R, ``(p, 2 pairs)``, of ``B0 - W R'``; ``turned`` is ``B0`` times the steps, the oldest first."""
    SY = S @ Y.T
    lower, diagonal = np.tril(SY, -1), np.diag(np.diag(SY))
    middle = np.block([[turned @ S.T, lower], [lower.T, -diagonal]])
    W = np.concatenate([turned, Y]).T
    # The diagonal is scaled to one, because steps of very different lengths make the matrix badly scaled.
    unit = 1 / np.sqrt(np.maximum(abs(np.diag(middle)), np.finfo(float).tiny))
    R = ((W * unit) @ np.linalg.inv(middle * unit[:, None] * unit)) * unit
    return np.ascontiguousarray(W), np.ascontiguousarray(R)
