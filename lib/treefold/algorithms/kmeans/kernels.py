"""The two loops over rows that NumPy cannot express, compiled for dense rows and for CSR.

``rows`` is a matrix ``(rows, features)`` or a tuple ``(data, indices, indptr)``. Row i takes part as
``scale[i] * rows[i]``. Distances and residuals are computed in float64 whatever the type of the rows.
"""

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload
from numpy.typing import NDArray

NOISE = 2.0**-44  # of a sum of squares, relative: less is nothing, so that a row that is its centre has distance 0
TILE = 64  # rows and centres whose scores stay in a core's first cache


def _distance(rows: Any, i: int, scale: float, centres: NDArray, squares: NDArray, j: int) -> float:
    """Squared distance of row i from centre j."""
    raise NotImplementedError("compiled code only")


@overload(_distance, jit_options={"fastmath": {"reassoc", "contract"}})
def _distance_of(rows, i, scale, centres, squares, j):  # type: ignore[no-untyped-def]
    def dense(rows, i, scale, centres, squares, j):  # type: ignore[no-untyped-def]
        total = 0.0
        for f in range(rows.shape[1]):
            gap = scale * rows[i, f] - centres[j, f]
            total += gap * gap
        return total

    def sparse(rows, i, scale, centres, squares, j):  # type: ignore[no-untyped-def]
        data, indices, indptr = rows
        total, met = 0.0, 0.0
        for at in range(indptr[i], indptr[i + 1]):
            c = centres[j, indices[at]]
            gap = scale * data[at] - c
            total += gap * gap
            met += c * c
        rest = squares[j] - met  # the centre's squares where the row is zero
        return total + (rest if rest > NOISE * squares[j] else 0.0)

    return dense if isinstance(rows, types.Array) else sparse


def _add_row(rows: Any, i: int, scale: float, weight: float, centres: NDArray, j: int, residual: NDArray) -> None:
    """Add a row's weighted residual to that of centre j; of CSR the row itself."""
    raise NotImplementedError("compiled code only")


@overload(_add_row, jit_options={"fastmath": {"contract"}})
def _add_row_of(rows, i, scale, weight, centres, j, residual):  # type: ignore[no-untyped-def]
    def dense(rows, i, scale, weight, centres, j, residual):  # type: ignore[no-untyped-def]
        for f in range(rows.shape[1]):
            residual[j, f] += weight * (scale * rows[i, f] - centres[j, f])

    def sparse(rows, i, scale, weight, centres, j, residual):  # type: ignore[no-untyped-def]
        data, indices, indptr = rows
        for at in range(indptr[i], indptr[i + 1]):
            residual[j, indices[at]] += weight * (scale * data[at])

    return dense if isinstance(rows, types.Array) else sparse


@njit
def _offer(scores, bias, j, best, second, label):  # type: ignore[no-untyped-def]
    """One centre's scores for a tile of rows: keep the least, the second least and whose the least is."""
    for r in range(scores.size):
        score = bias - scores[r]
        low = best[r]
        label[r] = j if score < low else label[r]
        best[r] = min(low, score)
        second[r] = min(second[r], max(low, score))


@njit
def nearest(rows, scale, products, bias, centres, squares, slack, offset, label, distance):  # type: ignore[no-untyped-def]
    """Label and squared distance of the nearest centre of every row.

    Half a squared distance is, but for a term of the row alone, ``bias_j - scale_i * products_ij`` in the precision of
    the product. Whichever centres that leaves in doubt are settled by their distances in float64; ties go to the
    first. The result therefore does not depend on how the product was rounded.

    Parameters
    ----------
    products : (rows, all centres of the batch)
    bias : (centres,), in the type of ``products``
    squares : (centres,)
        Squared norms of the centres.
    slack : (slope, level, limit)
        Products round by at most ``slope * (|centre| + distance) + level``; scores beyond ``limit`` may have overflown.
    offset : int
        Column of the first centre in ``products``.
    label, distance : (rows,), written
    """
    n, k = len(scale), len(bias)
    slope, level, limit = slack
    tile = np.empty((TILE, TILE), bias.dtype)
    best, second = np.empty(TILE, bias.dtype), np.empty(TILE, bias.dtype)
    for begin in range(0, n, TILE):
        m = min(TILE, n - begin)
        first = label[begin : begin + m]
        best[:], second[:], first[:] = np.inf, np.inf, 0
        for left in range(0, k, TILE):
            width = min(TILE, k - left)
            for r in range(m):
                s = bias.dtype.type(scale[begin + r])
                for j in range(width):
                    tile[j, r] = s * products[begin + r, offset + left + j]
            for j in range(width):
                _offer(tile[j, :m], bias[left + j], np.int32(left + j), best[:m], second[:m], first)
        for r in range(m):
            i = begin + r
            own = label[i]
            d = _distance(rows, i, scale[i], centres, squares, own)
            sure = best[r] + slope * (np.sqrt(squares[own]) + np.sqrt(d)) + level
            if not abs(sure) < limit:
                sure = np.inf
            if not second[r] > sure:
                s = bias.dtype.type(scale[i])
                for j in range(k):
                    if j != own and not bias[j] - s * products[i, offset + j] > sure:
                        other = _distance(rows, i, scale[i], centres, squares, j)
                        if other < d or (other == d and j < own):
                            d, own = other, np.int32(j)
                label[i] = own
            distance[i] = d


@njit
def accumulate(rows, scale, weight, label, distance, centres, residual, cost, total, count):  # type: ignore[no-untyped-def]
    """Add rows of positive weight to the sums of their centres: weighted residual, squared distance, weight, number.

    The residual of CSR rows still lacks ``- total_j * centre_j``.
    """
    for i in range(len(label)):
        if weight[i] > 0:
            j, w = label[i], np.float64(weight[i])
            _add_row(rows, i, scale[i], w, centres, j, residual)
            cost[j] += w * distance[i]
            total[j] += w
            count[j] += 1


@njit
def rivals(rows, scale, products, bias, spread, centres, squares, offset, label, own, rival):  # type: ignore[no-untyped-def]
    """Squared distance plus spread of the row's own cluster, and the least of any other.

    The other cluster is chosen in the precision of the products, its distance is not.

    Parameters
    ----------
    spread : (centres,)
        Added to the squared distance from a centre; infinite for a cluster that does not count.
    label : (rows,)
    own, rival : (rows,), written
    """
    half = (spread / 2).astype(bias.dtype)
    for i in range(len(scale)):
        s, mine = bias.dtype.type(scale[i]), label[i]
        least, other = bias.dtype.type(np.inf), -1
        for j in range(len(bias)):
            score = bias[j] - s * products[i, offset + j] + half[j]
            if j != mine and score < least:
                least, other = score, j
        own[i] = _distance(rows, i, scale[i], centres, squares, mine) + spread[mine]
        rival[i] = np.inf if other < 0 else _distance(rows, i, scale[i], centres, squares, other) + spread[other]
