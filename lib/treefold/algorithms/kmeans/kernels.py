"""Compiled loops over rows, dense or CSR, which NumPy cannot express.

``rows`` is a matrix ``(rows, features)`` or a tuple ``(data, indices, indptr)``. Row i is used as
``scale[i] * rows[i]``. Distances and residuals are computed in float64 whatever the type of the rows.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.kmeans.kernels_rows import add_row, squared_distance
from treefold.runtime.jit_cache import njit

TIE = 2.0**-40  # relative difference of squared distances that counts as a tie
TILE = 64  # rows and centres whose scores stay in a core's first-level cache


class Measure(NamedTuple):
    """The centres of one model, as the kernels use them.

    Attributes
    ----------
    bias : (centres,), in the type of the products
    at : (centres, features)
    squares, norms : (centres,)
        Squared norms and norms of the centres.
    slope, level, safe : float
        The rounding error of a score is at most ``slope * (|centre| + distance) + level`` if the squared distance is
        below ``safe``. Beyond that, products may overflow.
    first : int
        Column of the first centre in the products.
    """

    bias: NDArray
    at: NDArray
    squares: NDArray
    norms: NDArray
    slope: float
    level: float
    safe: float
    first: int


@njit
def _offer(scores, bias, j, best, second, label):  # type: ignore[no-untyped-def]
    """Update the least score, the second least score and the label of a tile of rows with the scores of one centre."""
    for r in range(scores.size):
        score = bias - scores[r]
        low = best[r]
        label[r] = j if score < low else label[r]
        best[r] = min(low, score)
        second[r] = min(second[r], max(low, score))


@njit(inline="always")
def _front(scale, products, bias, offset, begin, m, tile, best, second, label):  # type: ignore[no-untyped-def]
    """Least score, second least score and label of the least, of the ``m`` rows that begin at ``begin``."""
    k = len(bias)
    best[:], second[:], label[:] = np.inf, np.inf, 0
    for left in range(0, k, TILE):
        width = min(TILE, k - left)
        for r in range(m):
            s = bias.dtype.type(scale[begin + r])
            for j in range(width):
                tile[j, r] = s * products[begin + r, offset + left + j]
        for j in range(width):
            _offer(tile[j, :m], bias[left + j], np.int32(left + j), best[:m], second[:m], label[:m])


@njit(inline="always")
def _certain(d, norm, best, second, slope, level, safe):  # type: ignore[no-untyped-def]
    """Whether the centre of least score, at squared distance ``d``, is the nearest one despite rounding."""
    lead = second - best - level
    reach = lead / slope - norm  # lead > slope * (norm + distance), without a square root
    return lead > 0 and reach > 0 and reach * reach > d and d < safe


@njit
def _contested(  # type: ignore[no-untyped-def]
    rows, i, scale, products, bias, centres, squares, norms, slope, level, safe, offset, own, best
):
    """The nearest centre of row i and the squared distance from it, for rows whose scores do not decide it."""
    d = squared_distance(rows, i, scale[i], centres, squares, own)
    sure = best + level + slope * (norms[own] + np.sqrt(d)) if d < safe else np.inf
    s, least = bias.dtype.type(scale[i]), d
    for j in range(len(bias)):
        if j != own and not bias[j] - s * products[i, offset + j] > sure:
            least = min(least, squared_distance(rows, i, scale[i], centres, squares, j))
    for j in range(len(bias)):
        if not bias[j] - s * products[i, offset + j] > sure:
            d = squared_distance(rows, i, scale[i], centres, squares, j)
            if d <= least * (1 + TIE):
                return np.int32(j), d
    return own, d  # NaN: no comparison holds


@njit
def nearest(rows, scale, products, measure, label, distance):  # type: ignore[no-untyped-def]
    """Label and squared distance of the nearest centre of every row.

    Half the squared distance, without the term of the row alone, is ``bias_j - scale_i * products_ij`` in the precision
    of the product. Centres that are within its rounding error are compared by their distances in float64. Ties up to
    the rounding of those go to the first centre. Labels therefore depend neither on how the product was rounded nor on
    whether rows are dense or CSR.

    Parameters
    ----------
    rows : (rows, features) or (data, indices, indptr)
        The rows, dense or CSR.
    scale : (rows,)
        Factor of each row.
    products : (rows, all centres of the batch)
        Products of rows and centres.
    measure : Measure
        The centres of the model.
    label, distance : (rows,)
        Written.
    """
    bias, centres, squares, norms, slope, level, safe, offset = measure
    tile = np.empty((TILE, TILE), bias.dtype)
    best, second, front = np.empty(TILE, bias.dtype), np.empty(TILE, bias.dtype), np.empty(TILE, np.int32)
    for begin in range(0, len(scale), TILE):
        m = min(TILE, len(scale) - begin)
        _front(scale, products, bias, offset, begin, m, tile, best, second, front)
        for r in range(m):
            i = begin + r
            own = front[r]
            d = squared_distance(rows, i, scale[i], centres, squares, own)
            if not _certain(d, norms[own], best[r], second[r], slope, level, safe):
                own, d = _contested(
                    rows, i, scale, products, bias, centres, squares, norms, slope, level, safe, offset, own, best[r]
                )
            label[i], distance[i] = own, d


@njit
def gather(rows, scale, weight, products, measure, sums, cost, total, count):  # type: ignore[no-untyped-def]
    """Add the rows of positive weight to the sums of their nearest centres.

    Parameters
    ----------
    rows, scale, products, measure
        As for :func:`nearest`.
    weight : (rows,)
        Weights; rows of weight 0 are left out.
    sums : (k, features)
        Sums of weighted rows; added to, as the other three are.
    cost : (k,)
        Weighted squared distances.
    total : (k,)
        Weights.
    count : (k,) int
        Numbers of rows.
    """
    bias, centres, squares, norms, slope, level, safe, offset = measure
    tile = np.empty((TILE, TILE), bias.dtype)
    best, second, front = np.empty(TILE, bias.dtype), np.empty(TILE, bias.dtype), np.empty(TILE, np.int32)
    for begin in range(0, len(scale), TILE):
        m = min(TILE, len(scale) - begin)
        _front(scale, products, bias, offset, begin, m, tile, best, second, front)
        for r in range(m):
            i = begin + r
            w = np.float64(weight[i])
            if w > 0:
                j = front[r]
                d = squared_distance(rows, i, scale[i], centres, squares, j)
                if not _certain(d, norms[j], best[r], second[r], slope, level, safe):
                    j, d = _contested(
                        rows, i, scale, products, bias, centres, squares, norms, slope, level, safe, offset, j, best[r]
                    )
                add_row(rows, i, w * scale[i], j, sums)
                cost[j] += w * d
                total[j] += w
                count[j] += 1


@njit
def rivals(rows, scale, products, measure, spread, label, own, rival):  # type: ignore[no-untyped-def]
    """Squared distance plus spread of the row's own cluster, and the least such value of any other cluster.

    The other cluster is chosen in the precision of the products; its distance is computed in float64.

    Parameters
    ----------
    rows, scale, products, measure
        As for :func:`nearest`.
    spread : (centres,)
        Added to the squared distance from a centre; infinite for a cluster that does not count.
    label : (rows,)
        Own cluster of each row.
    own, rival : (rows,)
        Written.
    """
    bias, centres, squares, offset = measure.bias, measure.at, measure.squares, measure.first
    half = (spread / 2).astype(bias.dtype)
    for i in range(len(scale)):
        s, mine = bias.dtype.type(scale[i]), label[i]
        least, other = bias.dtype.type(np.inf), -1
        for j in range(len(bias)):
            score = bias[j] - s * products[i, offset + j] + half[j]
            if j != mine and score < least:
                least, other = score, j
        own[i] = squared_distance(rows, i, scale[i], centres, squares, mine) + spread[mine]
        rival[i] = np.inf if other < 0 else squared_distance(rows, i, scale[i], centres, squares, other) + spread[other]
