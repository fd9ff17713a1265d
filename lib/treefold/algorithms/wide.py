"""Operations on the columns of a row-major array, many rows at a time.

NumPy works along the last axis in loops of its own. Where rows are short, the start of a loop costs more than its
elements; seen as a few rows of many, the same array takes half the time and less.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

LENGTH = 8192  # elements of a loop from which its start no longer counts


def extremes(X: NDArray) -> tuple[NDArray, NDArray]:
    """Least and greatest value of each column of at least one row."""
    return _folded(X, np.min), _folded(X, np.max)


def less(X: NDArray, centre: NDArray, out: NDArray) -> None:
    """Write ``X - centre``, a value for each column, into a contiguous array."""
    fold, whole = _fold(X)
    if whole:
        np.subtract(X[:whole].reshape(-1, fold * X.shape[1]), np.tile(centre, fold),
                    out=out[:whole].reshape(-1, fold * X.shape[1]))  # fmt: skip
    np.subtract(X[whole:], centre, out=out[whole:])


def _folded(X: NDArray, reduce: Callable) -> NDArray:
    fold, whole = _fold(X)
    if not whole:
        return np.asarray(reduce(X, axis=0))
    first = reduce(X[:whole].reshape(-1, fold * X.shape[1]), axis=0).reshape(fold, -1)
    return np.asarray(reduce(np.concatenate([first, X[whole:]]), axis=0))


def _fold(X: NDArray) -> tuple[int, int]:
    """How many rows to see as one, and of how many rows; none of an array without columns or not contiguous."""
    fold = max(1, LENGTH // max(1, X.shape[1]))
    return fold, len(X) // fold * fold if X.size and X.flags.c_contiguous else 0
