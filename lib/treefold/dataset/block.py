"""A block: the unit of work."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

BLOCK_BYTES = 2 << 20  # a block's features stay in a core's cache between the two products of a gradient
LEAST_ROWS, MOST_ROWS = 64, 16384
SPARSE_ROWS, MOST_SPARSE_ROWS = 4096, 65536
SPARSE_BYTES = 64 << 20  # most bytes of the stored entries of a CSR block
INDEX_BYTES = 4
WIDE = 4  # features for one row of a wide CSR block: with fewer rows, the dense sums would cost more than the rows
PARTIAL_SHARE = (
    8  # least ratio of a block's rows to a partial's: below it, adding partials costs more than computing them
)

Matrix: TypeAlias = NDArray | csr_array


class Block(NamedTuple):
    """Consecutive rows of a data set.

    Attributes
    ----------
    X : (rows, features) float32 or float64, read-only
        A row-major array, or for sparse features a ``scipy.sparse.csr_array``. Its ``indices`` and ``indptr`` are
        int32; within a row the indices are sorted and unique; zeros are not stored. All blocks of a data set have the
        same form. Only algorithms that declare ``reads_sparse`` receive CSR.
    y : (rows,) labels, in the type of ``X``; 0 if the data set has no label column or the row has weight 0
    weight : (rows,) row weights >= 0, in the type of ``X``
    id : int
        Position of the first row in the data set. It depends on the data alone, so whatever is drawn from
        ``(seed, id)`` is the same for any number of tasks.
    extra : tuple of (rows,)
        Further columns that the algorithm requested, such as the user's folds, in the type of ``X``.
    """

    X: Matrix
    y: NDArray
    weight: NDArray
    id: int
    extra: tuple[NDArray, ...] = ()


def rows_per_block(features: int, dtype: str, stored: int | None = None, partial_rows: int = 1) -> int:
    """Rows of every block except the last, a power of two.

    A dense block has about 2 MiB of features and at most 16,384 rows. A CSR block has 4096 rows, or one row for four
    features if there are more than 16,384 features; it has at most 65,536 rows and about 64 MiB of entries. A block has
    eight times ``partial_rows`` if that is more, because adding partial sums would otherwise cost more than computing
    them. No block has fewer than 64 rows.

    Parameters
    ----------
    features : int
        Number of features.
    dtype : str
        Type of the features, ``float32`` or ``float64``.
    stored : int, optional
        Mean number of stored entries of a CSR row, estimated from the first rows. None for dense blocks.
    partial_rows : int, default 1
        Number of rows, each as wide as the features, that a statistic of the algorithm returns for one block; 0 if none
        is that wide. A CSR block then has 4096 rows for any number of features.

    Returns
    -------
    int
        Number of rows, between 64 and 65,536.
    """
    if stored is not None:
        entry = np.dtype(dtype).itemsize + INDEX_BYTES
        room = max(SPARSE_BYTES, partial_rows * features * 8) // (entry * max(1, stored))
        fit, most = (
            max(SPARSE_ROWS, features // WIDE if partial_rows else 0),
            min(MOST_SPARSE_ROWS, _power_of_two(room)),
        )
    else:
        fit, most = BLOCK_BYTES // max(1, features * np.dtype(dtype).itemsize), MOST_ROWS
    fit = max(fit, PARTIAL_SHARE * partial_rows)
    return max(LEAST_ROWS, min(most, _power_of_two(fit)))


def _power_of_two(number: int) -> int:
    """The largest power of two that is at most ``number``; 1 if there is none."""
    return 1 << max(0, number.bit_length() - 1)


def positions(block: Block, rows: NDArray | None = None) -> NDArray[np.uint64]:
    """Position of every row of the block in the data set, or of some rows by their numbers in the block."""
    if rows is not None:
        return (block.id + rows).astype(np.uint64)
    return np.arange(block.id, block.id + len(block.y), dtype=np.uint64)


def labels_that_count(y: NDArray, weight: NDArray) -> NDArray:
    """The labels, with 0 for rows of weight 0: such a row is absent, so its label must not count as a class."""
    return y if weight.all() else np.where(weight == 0, y.dtype.type(0), y)
