"""Complete subtrees of small nodes, grown from the nodes' own rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.kernels_draws import draw
from treefold.algorithms.forest.kernels_impurity import VARIANCE, impurity_of, weight_of
from treefold.algorithms.forest.kernels_split import NOTHING, best_split
from treefold.runtime.jit_cache import njit


@njit
def fillings(y, weight, times, classes, counted, square, out):  # type: ignore[no-untyped-def]
    """What each row adds to the cells of a histogram, ``(rows, channels)``.

    Parameters
    ----------
    y, weight : (rows,)
        Class or weighted label, and weight, of each row.
    times : (rows,) int
        Multiplicity of each row in the sample.
    classes : int
        Number of classes; 0 for a regression.
    counted : bool
        Whether the last channel is the number of rows.
    square : float
        Turns ``y^2 / weight`` into the unit of the third channel of a regression.
    out : (rows, channels)
        Overwritten.
    """
    for i in range(len(y)):
        for s in range(out.shape[1]):
            out[i, s] = 0.0
        if classes:
            out[i, np.int64(y[i])] = times[i] * weight[i]
        else:
            out[i, 0], out[i, 1] = times[i] * weight[i], times[i] * y[i]
            out[i, 2] = times[i] * np.rint(y[i] * y[i] / weight[i] * square)
        if counted:
            out[i, -1] = times[i]


@njit
def worth_splitting(stats, depth, max_depth, rules):  # type: ignore[no-untyped-def]
    """Whether to look for a split of a node with this statistic and depth.

    Parameters
    ----------
    stats : (channels,)
        Sums over the rows of the node.
    depth, max_depth : int
        Depth of the node, and that of the deepest leaves.
    rules : Rules
        Impurity, and the least rows, weight and gain of a split.

    Returns
    -------
    bool
    """
    weight = weight_of(stats, rules)
    rows = stats[-1] if rules.counted else weight
    if depth >= max_depth or rows < 2 * rules.least_rows or weight < 2 * rules.least_weight:
        return False
    impurity = impurity_of(stats, rules)
    noise = NOTHING * rules.square * stats[2] / weight if rules.impurity == VARIANCE else NOTHING
    return impurity > noise and impurity >= rules.least_gain


@njit
def worth(stats, depths, max_depth, rules, out):  # type: ignore[no-untyped-def]
    """:func:`worth_splitting` of every row of ``stats``.

    Parameters
    ----------
    stats : (nodes, channels)
        Sums over the rows of each node.
    depths : (nodes,) int
        Depth of each node.
    max_depth : int
        Depth of the deepest leaves.
    rules : Rules
        Impurity, and the least rows, weight and gain of a split.
    out : (nodes,) bool
        Overwritten.
    """
    for i in range(len(stats)):
        out[i] = worth_splitting(stats[i], depths[i], max_depth, rules)


@njit
def _parted(X, rows, feature, cut, also, table, categorical, spare):  # type: ignore[no-untyped-def]
    """Move the rows that go left to the front, in their order; return their number."""
    left, right = 0, 0
    for r in rows:
        b = X[r, feature]
        if table[b] if categorical else (b <= cut or b == also):
            rows[left] = r
            left += 1
        else:
            spare[right] = r
            right += 1
    for i in range(right):
        rows[left + i] = spare[i]
    return left


@njit
def _count(X, fill, rows, tried, hist):  # type: ignore[no-untyped-def]
    """Compute histograms of some rows, by candidate feature."""
    for k in range(len(tried)):
        f = tried[k]
        if f < 0:
            break
        for b in range(hist.shape[1]):
            for s in range(hist.shape[2]):
                hist[k, b, s] = 0.0
        for r in rows:
            for s in range(hist.shape[2]):
                hist[k, X[r, f], s] += fill[r, s]


class _Scratch(NamedTuple):
    """Memory that the search for a split writes: histograms, the arrays of ``best_split`` and of ``draw``."""

    hist: NDArray
    left: NDArray
    straight: NDArray
    order: NDArray
    best_left: NDArray
    table: NDArray
    deck: NDArray
    swaps: NDArray
    drawn: NDArray
    tried: NDArray


@njit(inline="always")
def _scratch(wanted, width, channels, features):  # type: ignore[no-untyped-def]
    return _Scratch(
        np.zeros((wanted, width, channels)), np.empty(channels), np.arange(width).astype(np.int32),
        np.empty(width, np.int32), np.empty(channels), np.empty(width + 1, np.bool_),
        np.arange(features), np.empty(features, np.int64), np.zeros(features, np.bool_), np.empty(wanted, np.int32),
    )  # fmt: skip


@njit(inline="always")
def _found_split(X, fill, rows, seed, path, stats, counts, missing, categorical, rules, scratch):  # type: ignore[no-untyped-def]
    """The best split of a node with these rows; further features are drawn as long as all that were tried are constant.

    Returns its gain, the feature (-1 for no split), the cut and the other bin that goes left.
    """
    chosen, best, cut, also, attempt = -1, 0.0, 0, -1, 0
    features, wanted = X.shape[1], len(scratch.tried)
    while chosen < 0 and attempt * wanted < features:
        draw(seed, path, attempt, features, scratch.deck, scratch.swaps, scratch.drawn, scratch.tried)
        _count(X, fill, rows, scratch.tried, scratch.hist)
        best, chosen, cut, also, constant = best_split(
            scratch.hist, scratch.tried, counts, missing, categorical, rules, stats,
            scratch.left, scratch.straight, scratch.order, scratch.best_left, scratch.table,
        )  # fmt: skip
        attempt += 1
        if not constant:
            break
    return best, -1 if chosen < 0 else scratch.tried[chosen], cut, also


@njit
def grow_subtrees(  # type: ignore[no-untyped-def]
    X, fill, starts, stats, paths, depths, seeds, wanted, max_depth, counts, missing, categorical, rules, width,
    path, owner, feature, cut, also, gain, made, tables
):  # fmt: skip
    """Grow the subtree of each node j from its rows ``starts[j] .. starts[j + 1]``.

    Parameters
    ----------
    X : (rows, features)
        Bins.
    fill : (rows, channels)
        What a row adds to a histogram.
    starts : (nodes + 1,) int
        First row of each node.
    stats : (nodes, channels)
        Statistic of each node.
    paths, depths, seeds : (nodes,)
        Path, depth and seed of each node.
    wanted : int
        Candidate features of a node.
    max_depth : int
        Greatest depth of a tree.
    counts, missing, categorical : (features,)
        As for :func:`~treefold.algorithms.forest.kernels_split.best_split`.
    rules : Rules
        Requirements of a split.
    width : int
        Bins of a histogram.
    path, owner, feature, cut, also, gain, made : (most nodes, ...)
        Written, one entry for each node of the subtrees. ``made`` is the statistic. For a categorical split ``also`` is
        ``-2`` minus its row of ``tables``.
    tables : (most, width + 1) bool
        Written: tables of the categorical splits.

    Returns
    -------
    number of nodes, number of tables
    """
    channels = fill.shape[1]
    scratch = _scratch(wanted, width, channels, X.shape[1])
    best_left, table = scratch.best_left, scratch.table
    rows, spare = np.arange(len(X)), np.empty(len(X), np.int64)
    stack = np.empty((2 * max_depth + 4, 4), np.int64)
    n, used = 0, 0
    for j in range(len(paths)):
        path[n], owner[n] = paths[j], j
        for s in range(channels):
            made[n, s] = stats[j, s]
        stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = n, starts[j], starts[j + 1], depths[j]
        n, height = n + 1, 1
        while height:
            height -= 1
            node, begin, end, depth = stack[height, 0], stack[height, 1], stack[height, 2], stack[height, 3]
            feature[node], gain[node] = -1, 0.0
            if not worth_splitting(made[node], depth, max_depth, rules):
                continue
            best, f, best_cut, best_also = _found_split(
                X, fill, rows[begin:end], seeds[j], path[node], made[node], counts, missing, categorical, rules, scratch
            )
            if f < 0:
                continue
            feature[node], cut[node], also[node], gain[node] = f, best_cut, best_also, best
            if categorical[f]:
                for b in range(width + 1):
                    tables[used, b] = table[b]
                also[node] = -2 - used
                used += 1
            middle = begin + _parted(X, rows[begin:end], f, best_cut, best_also, table, categorical[f], spare)
            for side in range(2):
                path[n], owner[n] = 2 * path[node] + side, j
                for s in range(channels):
                    made[n, s] = best_left[s] if side == 0 else made[node, s] - best_left[s]
                stack[height, 0], stack[height, 3] = n, depth + 1
                stack[height, 1], stack[height, 2] = (begin, middle) if side == 0 else (middle, end)
                n, height = n + 1, height + 1
    return n, used
