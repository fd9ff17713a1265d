"""Hashes of the values of rows.

They do not depend on where a row stands, so what is drawn by them is the same rows in any order of the data set. Equal
rows have equal hashes.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.dataset.block import Matrix
from treefold.dataset.random import splitmix64
from treefold.statistics import kernels_row_hashes as kernels

COLUMNS = 0x5C  # random stream of the columns' factors


def row_hashes(X: Matrix) -> NDArray[np.uint64]:
    """A hash of the values of each row.

    Parameters
    ----------
    X : (rows, features)
        Rows, dense or CSR. Zeros count for nothing, so hashes of CSR rows are those of dense ones.

    Returns
    -------
    (rows,) uint64
    """
    none = np.zeros(X.shape[1])
    return lengths_and_hashes(X, none, none)[1]


def lengths_and_hashes(X: Matrix, centre: NDArray, inverse: NDArray) -> tuple[NDArray, NDArray[np.uint64]]:
    """``sum_j ((x_j - centre_j) inverse_j)^2 + 1`` of each row, and a hash of its values, in one loop.

    Parameters
    ----------
    X : (rows, features)
        Rows, dense or CSR.
    centre, inverse : (features,)
        Means, and inverse standard deviations.

    Returns
    -------
    tuple of (rows,) float64 and (rows,) uint64
    """
    rows = X.shape[0]
    factor = splitmix64(np.arange(X.shape[1], dtype=np.uint64), COLUMNS) | np.uint64(1)
    digest = np.zeros(rows, np.uint64)
    if isinstance(X, csr_array):
        square = np.full(rows, 1.0 + (centre**2) @ inverse**2)
        kernels.describe_sparse(X.data, bits_of(X.data), X.indices, X.indptr, centre, inverse, factor, square, digest)
        return np.maximum(1.0, square), digest
    square, X = np.ones(rows), np.ascontiguousarray(X)
    kernels.describe_dense(X, bits_of(X), centre.astype(X.dtype), inverse.astype(X.dtype), factor, square, digest)
    return square, digest


def bits_of(values: NDArray) -> NDArray:
    """The bits of floating-point numbers, as integers of their size."""
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
