"""Compiled loops over rows: squared lengths, and hashes of the values, which do not depend on where a row stands."""

import numpy as np

from treefold.runtime.jit_cache import njit

FOLD = np.uint64(32)


@njit(fastmath={"contract", "reassoc"}, error_model="numpy")
def describe_dense(X, bits, centre, inverse, factor, square, digest):  # type: ignore[no-untyped-def]
    """Add squared lengths in standard units, and hashes of the values.

    Parameters
    ----------
    X, bits : (rows, features)
        Rows, and the same bytes as unsigned integers.
    centre, inverse : (features,)
        Means, and inverse standard deviations, in the type of ``X``.
    factor : (features,) uint64
        Odd factors of the hash.
    square : (rows,) float64
        The lengths are added.
    digest : (rows,) uint64
        The hashes are added.
    """
    for r in range(X.shape[0]):
        row, own = X[r], bits[r]
        length, total = row[:0].sum(), np.uint64(0)  # in the precision of X
        for j in range(row.size):
            z = (row[j] - centre[j]) * inverse[j]
            length += z * z
        for j in range(own.size):
            b = np.uint64(own[j])
            total += (b ^ (b >> FOLD)) * factor[j]
        square[r] += length
        digest[r] += total


@njit(error_model="numpy")
def describe_sparse(data, bits, indices, indptr, centre, inverse, factor, square, digest):  # type: ignore[no-untyped-def]
    """The same for CSR rows.

    Parameters
    ----------
    data, bits, indices, indptr : (stored,), (stored,), (stored,) and (rows + 1,)
        Arrays of the rows, and the bytes of ``data`` as unsigned integers.
    centre, inverse, factor, digest : (features,) and (rows,)
        As for :func:`describe_dense`.
    square : (rows,) float64
        The squared length of a row of zeros, to which what a row differs by is added.
    """
    for r in range(indptr.size - 1):
        gain, total = 0.0, np.uint64(0)
        for k in range(indptr[r], indptr[r + 1]):
            j, b = indices[k], np.uint64(bits[k])
            z = (data[k] - centre[j]) * inverse[j]
            gain += z * z - (centre[j] * inverse[j]) ** 2
            total += (b ^ (b >> FOLD)) * factor[j]
        square[r] += gain
        digest[r] += total
