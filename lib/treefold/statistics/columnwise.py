"""Operations on the columns of a row-major array, many rows at a time.

NumPy loops over the last axis. If rows are short, starting a loop costs more than its elements. The same array,
reshaped to fewer and longer rows, takes half the time or less.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

LENGTH = 8192  # elements of a loop from which the cost of starting it is negligible


def column_min_max(X: NDArray) -> tuple[NDArray, NDArray]:
    """Least and greatest value of each column of at least one row."""
    return _folded(X, np.min), _folded(X, np.max)


def subtract_row(X: NDArray, centre: NDArray, out: NDArray) -> None:
    """Write ``X - centre`` into ``out``.

    Parameters
    ----------
    X : (rows, columns)
        Row-major array.
    centre : (columns,)
        One value for each column.
    out : (rows, columns)
        Contiguous; overwritten.
    """
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
    """Rows that are joined into one, and the number of rows that are joined; 0 for an empty or non-contiguous array."""
    fold = max(1, LENGTH // max(1, X.shape[1]))
    return fold, len(X) // fold * fold if X.size and X.flags.c_contiguous else 0
