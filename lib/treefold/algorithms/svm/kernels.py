"""The compiled loops of the solver: exponentials of a matrix of products, steps inside a working set, kernel sums.

Two-variable steps and sums over kernel rows are in float64 whatever the type of the kernel.
"""

import numpy as np
from numpy.typing import NDArray

from treefold.runtime.jit_cache import njit

FAST = {"nnan", "nsz", "arcp", "contract", "reassoc", "afn"}
TILE = 2048  # columns whose sums stay in a core's first cache
LEAST_CURVATURE = 1e-12


@njit(fastmath=FAST, error_model="numpy")
def exponentials(products: NDArray, left: NDArray, right: NDArray, gamma: float) -> None:
    """Overwrite products by ``exp(-gamma |x - z|^2)``.

    The exponential is 2^k times a polynomial of degree 7 in what remains, at most 1/2 either way.

    Parameters
    ----------
    products : (n, m) float32
        Products ``x . z``; overwritten.
    left : (n,) float32
        Squared lengths of x.
    right : (m,) float32
        Squared lengths of z.
    gamma : float
        Scale of the kernel.
    """
    scale = np.float32(gamma * 1.4426950408889634)
    for i in range(products.shape[0]):
        row = products[i]
        own = left[i]
        for j in range(row.shape[0]):
            distance = max(own + right[j] - np.float32(2.0) * row[j], np.float32(0.0))
            power = max(-distance * scale, np.float32(-126.0))
            whole = np.floor(power + np.float32(0.5))
            rest = power - whole
            value = np.float32(1.5252734e-5)
            value = value * rest + np.float32(1.5403530e-4)
            value = value * rest + np.float32(1.3333558e-3)
            value = value * rest + np.float32(9.6181291e-3)
            value = value * rest + np.float32(5.5504109e-2)
            value = value * rest + np.float32(2.4022651e-1)
            value = value * rest + np.float32(6.9314718e-1)
            value = value * rest + np.float32(1.0)
            row[j] = value * np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(fastmath=FAST, error_model="numpy")
def add_rows(cache: NDArray, slots: NDArray, change: NDArray, margin: NDArray) -> None:
    """Add ``sum_k change[k] * cache[slots[k]]`` to ``margin``.

    Parameters
    ----------
    cache : (slots, rows)
        Cached rows of the kernel matrix.
    slots : (k,) int
        Slots of the rows to add.
    change : (k,)
        Their coefficients.
    margin : (rows,) float64
        Added to.
    """
    rows = margin.shape[0]
    for start in range(0, rows, TILE):
        part = margin[start : start + TILE]
        for k in range(slots.shape[0]):
            by, row = change[k], cache[slots[k], start : start + TILE]
            for j in range(part.shape[0]):
                part[j] += by * row[j]


@njit(fastmath=FAST, error_model="numpy")
def minimise(
    K: NDArray, b: NDArray, f: NDArray, low: NDArray, high: NDArray, tol: float, most: int
) -> tuple[int, float]:
    """Two-variable steps with second-order selection, until the violation is at most ``tol`` or ``most`` are taken.

    Parameters
    ----------
    K : (n, n)
        Kernel matrix of the working set.
    b : (n,)
        Variables; overwritten.
    f : (n,)
        ``linear - K b``; overwritten.
    low, high : (n,)
        Bounds of the variables.
    tol : float
        Violation at which it stops.
    most : int
        Greatest number of steps.

    Returns
    -------
    tuple of int and float
        Steps taken, and the violation left.

    References
    ----------
    Fan, Chen & Lin, "Working set selection using second order information for training support vector machines", JMLR
    6, 2005, algorithm 2.
    """
    n = b.shape[0]
    can_rise, can_fall, diagonal = np.empty(n), np.empty(n), np.empty(n)
    for k in range(n):
        can_rise[k] = 0.0 if b[k] < high[k] else -np.inf
        can_fall[k] = 0.0 if b[k] > low[k] else np.inf
        diagonal[k] = K[k, k]
    steps = 0
    top, bottom = -np.inf, np.inf
    for k in range(n):
        top = max(top, f[k] + can_rise[k])
        bottom = min(bottom, f[k] + can_fall[k])
    while top - bottom > tol and steps < most:
        i = 0
        while f[i] + can_rise[i] != top:
            i += 1
        row = K[i]
        own = diagonal[i]
        best = -1.0
        gains = np.empty(n)
        for k in range(n):
            gap = max(top - f[k] - can_fall[k], 0.0)
            gains[k] = gap * gap / max(own + diagonal[k] - 2.0 * row[k], LEAST_CURVATURE)
        for k in range(n):
            best = max(best, gains[k])
        j = 0
        while gains[j] != best:
            j += 1
        other = K[j]
        curvature = max(own + diagonal[j] - 2.0 * np.float64(row[j]), LEAST_CURVATURE)
        step, room, give = (top - f[j]) / curvature, high[i] - b[i], b[j] - low[j]
        step = min(step, room, give)
        b[i] = high[i] if step == room else b[i] + step
        b[j] = low[j] if step == give else b[j] - step
        can_rise[i] = 0.0 if b[i] < high[i] else -np.inf
        can_fall[i] = 0.0 if b[i] > low[i] else np.inf
        can_rise[j] = 0.0 if b[j] < high[j] else -np.inf
        can_fall[j] = 0.0 if b[j] > low[j] else np.inf
        top, bottom = -np.inf, np.inf
        for k in range(n):
            moved = f[k] - step * (np.float64(row[k]) - np.float64(other[k]))
            f[k] = moved
            top = max(top, moved + can_rise[k])
            bottom = min(bottom, moved + can_fall[k])
        steps += 1
    return steps, top - bottom
