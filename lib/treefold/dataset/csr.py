"""CSR: the form in which sparse features are stored, and which features are sparse.

An entry is stored unless all its bits are zero. So -0.0 is stored, and features go from dense to CSR and back without
a changed bit: blocks do not depend on the form their rows came in.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse

from treefold.dataset.block import Block, Matrix
from treefold.errors import InputError

LOOK_ROWS = 1024  # the first rows of a data set, which decide the form of its blocks and how many rows they have
MOST_ENTRIES = np.iinfo(np.int32).max
FULL = 0.05  # share of stored entries from which dense features take less memory and time


def make_csr(data: NDArray, indices: ArrayLike, indptr: ArrayLike, shape: tuple[int, int]) -> csr_array:
    """A CSR matrix from arrays that are sorted already; they are not copied if their types fit.

    Parameters
    ----------
    data : (stored,)
        Stored entries.
    indices : (stored,)
        Column of each entry, increasing within a row.
    indptr : (rows + 1,)
        Position in ``data`` at which each row begins.
    shape : (rows, columns)
        Rows and columns of the matrix.

    Returns
    -------
    csr_array
        With ``indices`` and ``indptr`` of int32.

    Raises
    ------
    InputError
        If there are too many entries or columns for indices of int32.
    """
    ends = np.asarray(indptr)
    if ends[-1] > MOST_ENTRIES or shape[1] > MOST_ENTRIES:
        raise InputError(
            f"{shape[0]} rows of {shape[1]} features store {ends[-1]} entries, and a block can have fewer than 2^31 "
            "of each: hash or select features, or distribute full rows among the sparse ones"
        )
    made = csr_array((data, np.asarray(indices, np.int32), np.asarray(ends, np.int32)), shape=shape, copy=False)
    made.has_canonical_format = True  # otherwise SciPy would check every index
    return made


def as_csr(X: Any, dtype: np.typing.DTypeLike) -> csr_array:
    """CSR as blocks store it, from an array or any sparse matrix; the argument is not changed."""
    with np.errstate(over="ignore"):  # too large for float32 becomes inf and is found by check_finite
        if not issparse(X):
            dense = np.asarray(X).astype(dtype, copy=False)
            row, column = np.nonzero(_stored(dense))
            return make_csr(dense[row, column], column, np.searchsorted(row, np.arange(len(dense) + 1)), dense.shape)
        X = csr_array(X)
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        data = X.data.astype(dtype, copy=False)
    kept = _stored(data)
    if kept.all():
        return make_csr(data, X.indices, X.indptr, X.shape)
    before = np.concatenate([[0], np.cumsum(kept)])
    return make_csr(data[kept], X.indices[kept], before[X.indptr], X.shape)


def densify(X: csr_array, into: NDArray) -> None:
    """Write CSR into a dense array of its shape."""
    into[:] = 0
    into[np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.indices] = X.data


def stored_entries(X: Matrix) -> NDArray:
    """Number of entries of each row that CSR stores."""
    return np.diff(X.indptr) if isinstance(X, csr_array) else np.count_nonzero(_stored(X), axis=1)


def is_sparse(stored: ArrayLike, features: int) -> bool:
    """Whether rows with so many stored entries are stored as CSR."""
    counts = np.asarray(stored, np.int64)
    return bool(counts.sum() < FULL * len(counts) * features)


def mean_stored(stored: ArrayLike) -> int:
    """Mean number of entries that a row stores, rounded up."""
    counts = np.asarray(stored, np.int64)
    return -(-int(counts.sum()) // max(1, len(counts)))


def kept_rows(before: Block, after: Block) -> Block:
    """The result of a map of a block, with its features in the form of blocks; ValueError if rows or id differ."""
    if len(after.y) != len(before.y) or after.X.shape[0] != len(after.y) or after.id != before.id:
        raise ValueError(f"map must keep the rows and the id of a block; block {before.id} came back changed")
    return after._replace(X=as_csr(after.X, after.X.dtype)) if issparse(after.X) else after


def _stored(X: NDArray) -> NDArray:
    marks: NDArray = X.view(f"u{X.itemsize}") != 0
    return marks
