"""Rows fall through finished trees, by their values."""

import numpy as np

from treefold.compiled import njit

NODE = np.dtype(
    [("threshold", "f8"), ("feature", "i4"), ("left", "i4"), ("table", "i4"), ("nan_right", "i4")], align=True
)
"""A node in one piece. A leaf sends every row to itself: it is its own left child, of an infinite threshold."""
TILE = 64  # rows that fall through a tree side by side: none waits for the memory of the others


@njit
def _goes_right(v, tables, table, nan_right):  # type: ignore[no-untyped-def]
    """The side of a category: 0 or 1."""
    if v >= 0 and v < tables.shape[1] and v == np.floor(v):
        return np.int64(not tables[table, np.int64(v)])
    return np.int64(nan_right)


@njit
def _fall(X, begin, count, root, nodes, tables, at):  # type: ignore[no-untyped-def]
    """The leaves of ``count`` rows from ``begin`` on, all of which go down a level before the next.

    A comparison is added to the number of the left child: a jump would be guessed wrong half of the time.
    """
    for i in range(count):
        at[i] = root
    moved = np.int64(1)
    while moved:
        moved = np.int64(0)
        for i in range(count):
            node = nodes[at[i]]
            v = X[begin + i, node.feature]
            if node.table < 0:
                beyond, missing = np.int64(v > node.threshold), np.int64(not v <= node.threshold)
                to = node.left + (beyond | (missing & np.int64(node.nan_right)))
            else:
                to = node.left + _goes_right(v, tables, node.table, node.nan_right)
            moved |= to ^ at[i]
            at[i] = to


@njit
def votes(X, roots, nodes, tables, value, out):  # type: ignore[no-untyped-def]
    """Add the values of the leaves of all trees, ``(rows, outputs)``, in the order of the trees."""
    at = np.empty(TILE, np.int64)
    for begin in range(0, X.shape[0], TILE):
        count = min(TILE, X.shape[0] - begin)
        for root in roots:
            _fall(X, begin, count, root, nodes, tables, at)
            for i in range(count):
                for c in range(out.shape[1]):
                    out[begin + i, c] += value[at[i], c]


@njit
def leaves(X, roots, nodes, tables, out):  # type: ignore[no-untyped-def]
    """Node in which each row ends in each tree, ``(rows, trees)``."""
    at = np.empty(TILE, np.int64)
    for begin in range(0, X.shape[0], TILE):
        count = min(TILE, X.shape[0] - begin)
        for t in range(len(roots)):
            _fall(X, begin, count, roots[t], nodes, tables, at)
            for i in range(count):
                out[begin + i, t] = at[i]
