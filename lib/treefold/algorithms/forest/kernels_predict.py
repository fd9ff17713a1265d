"""Compiled prediction: rows descend finished trees by their values."""

import numpy as np

from treefold.runtime.jit_cache import njit

NODE = np.dtype(
    [("threshold", "f8"), ("feature", "i4"), ("left", "i4"), ("table", "i4"), ("nan_right", "i4")], align=True
)
"""Record of a node. A leaf is its own left child with an infinite threshold, so every row stays at it."""
TILE = 64  # rows that descend a tree together, so that their memory accesses overlap


@njit
def _goes_right(v, tables, table, nan_right):  # type: ignore[no-untyped-def]
    """Child to which a category goes: 0 for left, 1 for right."""
    if v >= 0 and v < tables.shape[1] and v == np.floor(v):
        return np.int64(not tables[table, np.int64(v)])
    return np.int64(nan_right)


@njit
def _fall(X, begin, count, root, nodes, tables, at):  # type: ignore[no-untyped-def]
    """The leaves of ``count`` rows from ``begin`` on; all rows descend a level before the next level.

    The descent is branch-free, ``child = left + (value > threshold)``, because a branch would be mispredicted half the
    time.
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
    """Add the values of the leaves of all trees to ``out`` ``(rows, outputs)``, in the order of the trees.

    Parameters
    ----------
    X : (rows, features)
        Values; NaN if missing.
    roots : (trees,) int
        Number of the root of each tree.
    nodes, tables
        Splits of all nodes, and the categories that go left at each categorical split.
    value : (nodes, outputs)
        Output of each node.
    out : (rows, outputs)
        The values of the leaves are added to it.
    """
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
    """Node in which each row ends in each tree, ``(rows, trees)``.

    Parameters
    ----------
    X : (rows, features)
        Values; NaN if missing.
    roots : (trees,) int
        Number of the root of each tree.
    nodes, tables
        Splits of all nodes, and the categories that go left at each categorical split.
    out : (rows, trees) int
        Overwritten by the numbers of the leaves.
    """
    at = np.empty(TILE, np.int64)
    for begin in range(0, X.shape[0], TILE):
        count = min(TILE, X.shape[0] - begin)
        for t in range(len(roots)):
            _fall(X, begin, count, roots[t], nodes, tables, at)
            for i in range(count):
                out[begin + i, t] = at[i]
