"""Compiled loops over rows and trees: rows descend to their nodes and are counted or gathered there.

``steps`` has one row ``(feature, cut, also, left, slot)`` for each node. A row goes left if its bin of the feature is
at most ``cut`` or equals ``also``; otherwise it goes to the node after ``left``. If ``also < -1``, the split is
categorical and row ``-2 - also`` of ``tables`` says which bins go left. A node without a split is its own left child,
to which every bin goes (``cut`` is ``ANY``); it has a slot if it is open, else -1.

A tile of rows descends together. The descent is branch-free, ``child = left + (bin > cut)``, because a branch would be
mispredicted half the time.
"""

import numpy as np

from treefold.algorithms.forest.kernels_draws import splitmix64
from treefold.runtime.jit_cache import njit

ANY = 1 << 20  # greater than any bin
TILE = 64
FEW = 4  # multiplicity in a sample that a row hardly ever exceeds


@njit
def _goes_right(b, also, tables):  # type: ignore[no-untyped-def]
    return np.int64(not tables[-2 - also, b])


@njit
def _fall(X, row, count, root, steps, tables, at):  # type: ignore[no-untyped-def]
    """The nodes without a split at which ``count`` rows end."""
    for j in range(count):
        at[j] = root
    moved = np.int64(1)
    while moved:
        moved = np.int64(0)
        for j in range(count):
            node = at[j]
            b, also = np.int64(X[row[j], steps[node, 0]]), steps[node, 2]
            to = np.int64(steps[node, 3])
            if also >= -1:
                to += np.int64(b > steps[node, 1]) & np.int64(b != also)
            else:
                to += _goes_right(b, also, tables)
            moved |= to ^ node
            at[j] = to


@njit(inline="always")
def _times(position, seed, table):  # type: ignore[no-untyped-def]
    """Multiplicity of a row in the sample of a tree."""
    bits, count = splitmix64(position, seed), np.int64(0)
    for k in range(min(FEW, len(table))):
        count += np.int64(bits >= table[k])
    if count == FEW:
        while count < len(table) and bits >= table[count]:
            count += 1
    return count


@njit
def _sampled(X, weight, begin, first, seed, table, root, steps, tables, row, times, at):  # type: ignore[no-untyped-def]
    """Find the rows of a tile in a tree's sample, their multiplicities and nodes; return their number."""
    count = np.int64(0)
    for i in range(begin, min(begin + TILE, X.shape[0])):
        row[count], times[count] = i, _times(np.uint64(first + i), seed, table)
        count += np.int64(weight[i] > 0) & np.int64(times[count] > 0)
    _fall(X, row, count, root, steps, tables, at)
    return count


@njit
def _tile():  # type: ignore[no-untyped-def]
    return np.empty(TILE, np.int64), np.empty(TILE, np.int64), np.empty(TILE, np.int64)


@njit
def count_classes(X, y, weight, first, seed, table, root, steps, tables, tried, hist):  # type: ignore[no-untyped-def]
    """Add the rows of one tree's sample, all of one weight, to histograms ``(slots, candidates, bins, classes)``.

    Parameters
    ----------
    X : (rows, features) uint8 or uint16
        Bin numbers.
    y, weight : (rows,)
        Class and weight of each row.
    first : int
        Position of the first row in the data set.
    seed, table
        Stream of the tree, and the table by which 16 bits become a multiplicity.
    root, steps, tables
        The tree, as described in the module.
    tried : (slots, candidates) int
        Candidate features of each slot; -1 ends a row.
    hist : (slots, candidates, bins, classes) uint32
        Histograms; the rows are added to them.
    """
    wanted, (row, times, at) = tried.shape[1], _tile()
    for begin in range(0, X.shape[0], TILE):
        for j in range(_sampled(X, weight, begin, first, seed, table, root, steps, tables, row, times, at)):
            slot, i = steps[at[j], 4], row[j]
            if slot >= 0:
                label = np.int64(y[i])
                for k in range(wanted):
                    f = tried[slot, k]
                    if f < 0:
                        break
                    hist[slot, k, X[i, f], label] += np.uint32(times[j])


@njit
def count_weighted(X, y, weight, first, seed, table, root, steps, tables, tried, hist):  # type: ignore[no-untyped-def]
    """Add rows to histograms whose channels are weights by class and, last, the number of rows.

    Parameters
    ----------
    X : (rows, features) uint8 or uint16
        Bin numbers.
    y, weight : (rows,)
        Class and integer weight of each row.
    first : int
        Position of the first row in the data set.
    seed, table
        Stream of the tree, and the table by which 16 bits become a multiplicity.
    root, steps, tables
        The tree, as described in the module.
    tried : (slots, candidates) int
        Candidate features of each slot; -1 ends a row.
    hist : (slots, candidates, bins, classes + 1)
        Histograms; the rows are added to them.
    """
    last, wanted, (row, times, at) = hist.shape[3] - 1, tried.shape[1], _tile()
    for begin in range(0, X.shape[0], TILE):
        for j in range(_sampled(X, weight, begin, first, seed, table, root, steps, tables, row, times, at)):
            slot, i = steps[at[j], 4], row[j]
            if slot >= 0:
                label, amount = np.int64(y[i]), times[j] * weight[i]
                for k in range(wanted):
                    f = tried[slot, k]
                    if f < 0:
                        break
                    hist[slot, k, X[i, f], label] += amount
                    hist[slot, k, X[i, f], last] += times[j]


@njit
def count_moments(X, y, weight, first, seed, table, root, steps, tables, tried, hist, square):  # type: ignore[no-untyped-def]
    """Add rows to histograms whose channels are weight, weighted label, its square over the weight, and maybe rows.

    Parameters
    ----------
    X : (rows, features) uint8 or uint16
        Bin numbers.
    y, weight : (rows,)
        Weighted label and weight of each row, as integers.
    first : int
        Position of the first row in the data set.
    seed, table
        Stream of the tree, and the table by which 16 bits become a multiplicity.
    root, steps, tables
        The tree, as described in the module.
    tried : (slots, candidates) int
        Candidate features of each slot; -1 ends a row.
    hist : (slots, candidates, bins, 3 or 4)
        Histograms; the rows are added to them.
    square : float
        Turns ``y^2 / weight`` into the unit of the third channel, in which it is rounded to an integer.
    """
    counted, wanted, (row, times, at) = hist.shape[3] == 4, tried.shape[1], _tile()
    for begin in range(0, X.shape[0], TILE):
        for j in range(_sampled(X, weight, begin, first, seed, table, root, steps, tables, row, times, at)):
            slot, i = steps[at[j], 4], row[j]
            if slot >= 0:
                w, v = times[j] * weight[i], times[j] * y[i]
                vv = times[j] * np.rint(y[i] * y[i] / weight[i] * square)
                for k in range(wanted):
                    f = tried[slot, k]
                    if f < 0:
                        break
                    cell = hist[slot, k, X[i, f]]
                    cell[0] += w
                    cell[1] += v
                    cell[2] += vv
                    if counted:
                        cell[3] += times[j]


@njit
def gather(X, weight, first, seed, table, root, steps, tables, rows, slots, counts):  # type: ignore[no-untyped-def]
    """Write the rows of one tree's sample that are in nodes with a slot; return their number.

    Parameters
    ----------
    X : (rows, features) uint8 or uint16
        Bin numbers.
    weight : (rows,)
        Weights; a row of weight 0 is left out.
    first : int
        Position of the first row in the data set.
    seed, table
        Stream of the tree, and the table by which 16 bits become a multiplicity.
    root, steps, tables
        The tree, as described in the module.
    rows, slots, counts : (rows,) int
        Overwritten by the row, its slot and its multiplicity in the sample.

    Returns
    -------
    int
        How many rows were written.
    """
    found, (row, times, at) = 0, _tile()
    for begin in range(0, X.shape[0], TILE):
        for j in range(_sampled(X, weight, begin, first, seed, table, root, steps, tables, row, times, at)):
            slot = steps[at[j], 4]
            if slot >= 0:
                rows[found], slots[found], counts[found] = row[j], slot, times[j]
                found += 1
    return found


@njit
def land(X, root, steps, tables, out):  # type: ignore[no-untyped-def]
    """The leaf of every row.

    Parameters
    ----------
    X : (rows, features) uint8 or uint16
        Bin numbers.
    root, steps, tables
        The tree, as described in the module.
    out : (rows,) int64
        Overwritten by the number of the leaf of each row.
    """
    row = np.arange(TILE)
    for begin in range(0, X.shape[0], TILE):
        count = min(TILE, X.shape[0] - begin)
        _fall(X[begin : begin + count], row, count, root, steps, tables, out[begin : begin + count])
