"""Loops that count values by bin."""

from treefold.runtime.jit_cache import njit


@njit
def count_bins(values, edges, counts):  # type: ignore[no-untyped-def]
    """Add to ``counts[c]`` how many values of column c lie in each bin; NaN go to the last one.

    Parameters
    ----------
    values : (rows, columns)
        Values.
    edges : (columns, 2^k - 1)
        Increasing edges of each column.
    counts : (columns, bins + 1) int
        Added to.
    """
    rows, columns = values.shape
    half = (edges.shape[1] + 1) // 2
    missing = counts.shape[1] - 1
    for r in range(rows):
        for c in range(columns):
            value = values[r, c]
            if value != value:
                counts[c, missing] += 1
                continue
            at, step = 0, half
            while step:
                at += step * (value > edges[c, at + step - 1])
                step >>= 1
            counts[c, at] += 1
