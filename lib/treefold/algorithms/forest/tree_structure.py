"""Levels and leaves of trees whose nodes are arrays, as those of a model of a forest."""

import numpy as np
from numpy.typing import NDArray


def levels_of(roots: NDArray, feature: NDArray, left: NDArray) -> NDArray:
    """Depth of every node; 0 of a root.

    Parameters
    ----------
    roots : (trees,) int
        Root of each tree.
    feature : (nodes,) int
        The feature by which a node splits; -1 for a leaf.
    left : (nodes,) int
        The left child; the right child is the node after it.

    Returns
    -------
    (nodes,) int64
    """
    level, at = np.zeros(len(feature), np.int64), roots
    while len(at := at[feature[at] >= 0]):
        below = np.concatenate([left[at], left[at] + 1])
        level[below] = np.tile(level[at] + 1, 2)
        at = below
    return level


def leaf_numbers_of(levels: NDArray, feature: NDArray, left: NDArray) -> NDArray:
    """Number of each leaf among those of its tree, from left to right; for other nodes that of their first leaf.

    Parameters
    ----------
    levels : (nodes,) int
        Depth of every node.
    feature, left : (nodes,) int
        As for :func:`levels_of`.

    Returns
    -------
    (nodes,) int32
    """
    below = (feature < 0).astype(np.int64)
    first = np.zeros(len(below), np.int64)
    splits = [np.flatnonzero((levels == level) & (feature >= 0)) for level in range(int(levels.max()))]
    for at in reversed(splits):
        below[at] = below[left[at]] + below[left[at] + 1]
    for at in splits:
        first[left[at]] = first[at]
        first[left[at] + 1] = first[at] + below[left[at]]
    return first.astype(np.int32)
