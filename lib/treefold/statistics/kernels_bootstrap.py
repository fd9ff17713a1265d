"""Loops over rows and replicates of a bootstrap."""

import numpy as np

from treefold.runtime.jit_cache import njit

DRAWS = 4  # of 16 bits each, from 64 bits


@njit
def add_replicates(position, offsets, table, weight, cells, values, counts, sums):  # type: ignore[no-untyped-def]
    """Add rows to ``counts[cell]`` and ``sums[value]``, with their weight and with their weight in every replicate.

    Parameters
    ----------
    position : (rows,) uint64
        Positions in the data set.
    offsets : (groups,) uint64
        Offsets of the random numbers; each gives ``DRAWS`` replicates.
    table : (65536,)
        Poisson weight of 16 random bits.
    weight : (rows,)
        Weights.
    cells : (rows, k) int
        Cells of ``counts`` to which each row is added.
    values : (values, rows)
        Values to sum.
    counts : (cells, 1 + replicates)
        Added to.
    sums : (values, 1 + replicates)
        Added to.
    """
    replicates = counts.shape[1]
    drawn = np.empty(1 + DRAWS * len(offsets))
    for i in range(len(position)):
        if weight[i] == 0:
            continue
        drawn[0] = weight[i]
        for group in range(len(offsets)):
            z = position[i] + offsets[group]
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
            for place in range(DRAWS):
                drawn[1 + DRAWS * group + place] = table[z & np.uint64(0xFFFF)] * weight[i]
                z = z >> np.uint64(16)
        for c in range(cells.shape[1]):
            into = counts[cells[i, c]]
            for k in range(replicates):
                into[k] += drawn[k]
        for v in range(len(values)):
            value, into = values[v, i], sums[v]
            for k in range(replicates):
                into[k] += drawn[k] * value
