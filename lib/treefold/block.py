"""A block: the unit of work."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

BLOCK_BYTES = 2 << 20  # a block's features stay in a core's cache between the two products of a gradient
LEAST_ROWS, MOST_ROWS = 64, 16384
SPARSE_ROWS, MOST_SPARSE_ROWS = 4096, 65536
WIDE = 4  # a block of CSR has one row for so many features, or its sums, which are dense, would cost more than its rows
PARTIAL_SHARE = (
    8  # a block has so many times the rows of a partial, or adding partials would cost more than making them
)

Matrix: TypeAlias = NDArray | csr_array


class Block(NamedTuple):
    """Consecutive rows of a data set.

    Attributes
    ----------
    X : (rows, features) float32 or float64, read-only
        Either a row-major array or, of sparse features, a ``scipy.sparse.csr_array`` with ``indices`` and ``indptr`` of
        int32, the indices sorted within a row, each once, and no zeros stored. All blocks of a data set are of one
        kind; only algorithms that declare it are given CSR.
    y : (rows,) labels, in the type of ``X``; zeros where the data set has none
    weight : (rows,) row weights >= 0, in the type of ``X``
    id : int
        Position of the first row in the data set. It depends on the data alone, so whatever is drawn from
        ``(seed, id)`` is the same for any number of tasks.
    extra : tuple of (rows,)
        Further columns that were asked for, such as the user's folds, in the type of ``X``.
    """

    X: Matrix
    y: NDArray
    weight: NDArray
    id: int
    extra: tuple[NDArray, ...] = ()


def rows_per_block(features: int, dtype: str, sparse: bool = False, partial_rows: int = 1) -> int:
    """Rows of every block but the last, a power of two.

    About 2 MiB of dense features, or for CSR 4096 rows, and more of features beyond 16,384; more if a statistic returns
    ``partial_rows`` rows as wide as the features and they are many.
    """
    if sparse:
        fit, most = max(SPARSE_ROWS, features // WIDE), MOST_SPARSE_ROWS
    else:
        fit, most = BLOCK_BYTES // max(1, features * np.dtype(dtype).itemsize), MOST_ROWS
    fit = max(fit, PARTIAL_SHARE * partial_rows)
    return min(most, max(LEAST_ROWS, 1 << max(0, fit.bit_length() - 1)))


def positions(block: Block) -> NDArray[np.uint64]:
    """Position of every row of the block in the data set."""
    return np.arange(block.id, block.id + len(block.y), dtype=np.uint64)
