"""Compiled operations on one row, dense or CSR, which the other kernels call, and on sums of rows."""

from typing import Any

from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from treefold.runtime.jit_cache import njit

NOISE = 2.0**-44  # relative rounding of a sum of squares: less counts as 0, so that a row at its centre has distance 0


def squared_distance(rows: Any, i: int, scale: float, centres: NDArray, squares: NDArray, j: int) -> float:
    """Squared distance of row i from centre j.

    Parameters
    ----------
    rows : (rows, features) or (data, indices, indptr)
        The rows, dense or CSR.
    i : int
        Number of the row.
    scale : float
        Factor of the row.
    centres : (centres, features)
        Centres.
    squares : (centres,)
        Their squared norms.
    j : int
        Number of the centre.

    Returns
    -------
    float
    """
    raise NotImplementedError("compiled code only")


@overload(squared_distance, jit_options={"fastmath": {"reassoc", "contract"}})
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
        rest = squares[j] - met  # squares of the centre's coordinates at which the row is zero
        return total + (rest if rest > NOISE * squares[j] else 0.0)

    return dense if isinstance(rows, types.Array) else sparse


def add_row(rows: Any, i: int, scale: float, j: int, sums: NDArray) -> None:
    """Add row i to the sums of centre j.

    Parameters
    ----------
    rows : (rows, features) or (data, indices, indptr)
        The rows, dense or CSR.
    i : int
        Number of the row.
    scale : float
        Factor of the row.
    j : int
        Number of the centre.
    sums : (centres, features)
        Added to.
    """
    raise NotImplementedError("compiled code only")


@overload(add_row, jit_options={"fastmath": {"contract"}})
def _add_row_of(rows, i, scale, j, sums):  # type: ignore[no-untyped-def]
    def dense(rows, i, scale, j, sums):  # type: ignore[no-untyped-def]
        for f in range(rows.shape[1]):
            sums[j, f] += scale * rows[i, f]

    def sparse(rows, i, scale, j, sums):  # type: ignore[no-untyped-def]
        data, indices, indptr = rows
        for at in range(indptr[i], indptr[i + 1]):
            sums[j, indices[at]] += scale * data[at]

    return dense if isinstance(rows, types.Array) else sparse


@njit
def relate(sums, total, centres):  # type: ignore[no-untyped-def]
    """Replace sums of rows by sums of their residuals, in place.

    Parameters
    ----------
    sums : (k, features)
        Sums of weighted rows; overwritten by ``sums - total * centres``.
    total : (k,)
        Weights.
    centres : (k, features)
        Centres.
    """
    for j in range(len(total)):
        for f in range(centres.shape[1]):
            sums[j, f] -= total[j] * centres[j, f]
