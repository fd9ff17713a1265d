"""Rows fall through finished trees, by their values."""

import numpy as np
from numba import njit

TILE = 512  # rows that stay in a core's cache while one tree after the other is passed


@njit(inline="always")
def _leaf(X, i, node, feature, threshold, left, nan_left, table, tables):  # type: ignore[no-untyped-def]
    f = feature[node]
    while f >= 0:
        v = np.float64(X[i, f])
        t = table[node]
        if t < 0:
            goes_left = v <= threshold[node] or (nan_left[node] and v != v)
        else:
            known = v >= 0 and v < tables.shape[1] and v == np.floor(v)
            goes_left = tables[t, np.int64(v)] if known else nan_left[node]
        node = left[node] + (0 if goes_left else 1)
        f = feature[node]
    return node


@njit
def votes(X, roots, feature, threshold, left, nan_left, table, tables, value, out):  # type: ignore[no-untyped-def]
    """Add the values of the leaves of all trees, ``(rows, outputs)``, in the order of the trees."""
    for begin in range(0, X.shape[0], TILE):
        for root in roots:
            for i in range(begin, min(begin + TILE, X.shape[0])):
                node = _leaf(X, i, root, feature, threshold, left, nan_left, table, tables)
                for c in range(out.shape[1]):
                    out[i, c] += value[node, c]


@njit
def leaves(X, roots, feature, threshold, left, nan_left, table, tables, out):  # type: ignore[no-untyped-def]
    """Node in which each row ends in each tree, ``(rows, trees)``."""
    for begin in range(0, X.shape[0], TILE):
        for t in range(len(roots)):
            for i in range(begin, min(begin + TILE, X.shape[0])):
                out[i, t] = _leaf(X, i, roots[t], feature, threshold, left, nan_left, table, tables)
