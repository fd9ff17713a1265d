"""Loops over rows and trees: rows fall to their nodes, and are counted or gathered there.

``steps`` holds one row ``(feature, cut, also, left)`` for each node. A row goes left if its bin of the feature is at
most ``cut`` or is ``also``; else to the node after. Where ``also < -1`` the split is categorical and row ``-2 - also``
of ``tables`` says which bins go left. A feature of -1 is a leaf; one below, an open node with a slot, ``-2 - feature``.
"""

import numpy as np
from numba import njit

from treefold.algorithms.forest.kernels_draws import scrambled


@njit(inline="always")
def _landed(X, i, node, steps, tables):  # type: ignore[no-untyped-def]
    """The node without a split at which row i ends."""
    feature = steps[node, 0]
    while feature >= 0:
        b = X[i, feature]
        also = steps[node, 2]
        goes_left = b <= steps[node, 1] or b == also if also >= -1 else tables[-2 - also, b]
        node = steps[node, 3] + (0 if goes_left else 1)
        feature = steps[node, 0]
    return node


@njit(inline="always")
def _times(position, seed, table):  # type: ignore[no-untyped-def]
    """How often a row stands in the sample of a tree."""
    bits, count = scrambled(position, seed), 0
    while count < len(table) and bits >= table[count]:
        count += 1
    return count


@njit
def count_classes(X, y, weight, first, seed, table, root, steps, tables, tried, hist):  # type: ignore[no-untyped-def]
    """Add the rows of one tree's sample, all of one weight, to histograms ``(slots, candidates, bins, classes)``."""
    wanted = tried.shape[1]
    for i in range(X.shape[0]):
        if weight[i] > 0:
            times = _times(np.uint64(first + i), seed, table)
            if times > 0:
                slot = -2 - steps[_landed(X, i, root, steps, tables), 0]
                if slot >= 0:
                    label = np.int64(y[i])
                    for k in range(wanted):
                        f = tried[slot, k]
                        if f < 0:
                            break
                        hist[slot, k, X[i, f], label] += np.uint32(times)


@njit
def count_weighted(X, y, weight, first, seed, table, root, steps, tables, tried, hist):  # type: ignore[no-untyped-def]
    """Add rows to histograms whose channels are weights by class, and last the rows."""
    last, wanted = hist.shape[3] - 1, tried.shape[1]
    for i in range(X.shape[0]):
        if weight[i] > 0:
            times = _times(np.uint64(first + i), seed, table)
            if times > 0:
                slot = -2 - steps[_landed(X, i, root, steps, tables), 0]
                if slot >= 0:
                    label, amount = np.int64(y[i]), times * weight[i]
                    for k in range(wanted):
                        f = tried[slot, k]
                        if f < 0:
                            break
                        hist[slot, k, X[i, f], label] += amount
                        hist[slot, k, X[i, f], last] += times


@njit
def count_moments(X, y, weight, first, seed, table, root, steps, tables, tried, hist, square):  # type: ignore[no-untyped-def]
    """Add rows to histograms whose channels are weight, weighted label, its square over weight, and maybe rows.

    ``square`` turns ``y^2 / weight`` into the unit of the third channel, in which it is rounded to a whole number.
    """
    counted, wanted = hist.shape[3] == 4, tried.shape[1]
    for i in range(X.shape[0]):
        if weight[i] > 0:
            times = _times(np.uint64(first + i), seed, table)
            if times > 0:
                slot = -2 - steps[_landed(X, i, root, steps, tables), 0]
                if slot >= 0:
                    w, v = times * weight[i], times * y[i]
                    vv = times * np.rint(y[i] * y[i] / weight[i] * square)
                    for k in range(wanted):
                        f = tried[slot, k]
                        if f < 0:
                            break
                        cell = hist[slot, k, X[i, f]]
                        cell[0] += w
                        cell[1] += v
                        cell[2] += vv
                        if counted:
                            cell[3] += times


@njit
def gather(X, weight, first, seed, table, root, steps, tables, row, slots, times):  # type: ignore[no-untyped-def]
    """Rows of one tree's sample that are in nodes with a slot; returns their number."""
    found = 0
    for i in range(X.shape[0]):
        if weight[i] > 0:
            count = _times(np.uint64(first + i), seed, table)
            if count > 0:
                slot = -2 - steps[_landed(X, i, root, steps, tables), 0]
                if slot >= 0:
                    row[found], slots[found], times[found] = i, slot, count
                    found += 1
    return found


@njit
def land(X, root, steps, tables, out):  # type: ignore[no-untyped-def]
    """The leaf of every row."""
    for i in range(X.shape[0]):
        out[i] = _landed(X, i, root, steps, tables)
