"""CSR: the one form in which sparse features rest, and which features are sparse.

An entry is stored unless all its bits are zero. So -0.0 is stored, and features go from dense to CSR and back without
a changed bit: blocks do not depend on the form their rows came in.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse

from treefold.block import Block, Matrix

LOOK_ROWS = 1024  # the first rows of a data set, which decide how it rests
FULL = 0.05  # share of stored entries from which dense features are smaller in memory and faster


def make_csr(data: NDArray, indices: ArrayLike, indptr: ArrayLike, shape: tuple[int, int]) -> csr_array:
    """CSR of arrays that are in order already; they are not copied if their types fit."""
    made = csr_array((data, np.asarray(indices, np.int32), np.asarray(indptr, np.int32)), shape=shape, copy=False)
    made.has_canonical_format = True  # spares a look at every index
    return made


def as_csr(X: Any, dtype: np.typing.DTypeLike) -> csr_array:
    """CSR as blocks have it, of an array or any sparse matrix; the argument stays as it is."""
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


def spread(X: csr_array, into: NDArray) -> None:
    """Write CSR into a dense array of its shape."""
    into[:] = 0
    into[np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.indices] = X.data


def stored_entries(X: Matrix) -> NDArray:
    """Number of entries of each row that CSR stores."""
    return np.diff(X.indptr) if isinstance(X, csr_array) else np.count_nonzero(_stored(X), axis=1)


def is_sparse(stored: ArrayLike, features: int) -> bool:
    """Whether rows with so many stored entries are better off as CSR."""
    counts = np.asarray(stored, np.int64)
    return bool(counts.sum() < FULL * len(counts) * features)


def kept_rows(before: Block, after: Block) -> Block:
    """What a map has made of a block, its features in the form blocks have."""
    if len(after.y) != len(before.y) or after.X.shape[0] != len(after.y) or after.id != before.id:
        raise ValueError(f"map must keep the rows and the id of a block; block {before.id} came back changed")
    return after._replace(X=as_csr(after.X, after.X.dtype)) if issparse(after.X) else after


def _stored(X: NDArray) -> NDArray:
    marks: NDArray = X.view(f"u{X.itemsize}") != 0
    return marks
