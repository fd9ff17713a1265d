"""Whether rows are mostly different, from a sketch that adds.

References
----------
Alon, Matias & Szegedy, "The space complexity of approximating the frequency moments", STOC 1996.
"""

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.random import splitmix64

BUCKETS = 256  # of the sketch: the standard error of the number of equal pairs is 9 % of the number of rows
PAIRS = 0x77  # random stream of the signs


def signed_counts(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """A sketch of how often rows repeat: a random sign for each row, one sign for equal rows, added in random buckets.

    Parameters
    ----------
    hashes : (rows,) uint64
        Hashes of the rows' values.

    Returns
    -------
    (256,) int64
        Sums that add over blocks. The sum of their squares estimates the sum of the squared multiplicities of the rows.
    """
    signs = splitmix64(hashes, PAIRS)
    return np.bincount(signs % BUCKETS, np.where(signs >> np.uint64(63), 1, -1), BUCKETS).astype(np.int64)


def mostly_different(counts: NDArray, rows: float) -> bool:
    """Whether a row has on average at most one other row equal to it.

    Parameters
    ----------
    counts : (256,)
        Sketch of the rows: see :func:`signed_counts`.
    rows : float
        Number of rows of the sketch.

    Returns
    -------
    bool
    """
    return float((counts.astype(np.float64) ** 2).sum()) <= 2 * rows
