"""Compiled loops over sorted values: squeeze and merge quantile sketches, choose cut points, and bin a matrix."""

import numpy as np

from treefold.runtime.jit_cache import njit

TILE = 128  # rows whose values of a feature are binned together
COMPARED = 63  # number of cuts up to which comparing with all of them is faster than a binary search


@njit
def _sum(values, n):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(n):
        total += values[i]
    return total


@njit
def _squeeze(values, weights, length, size, into, mass):  # type: ignore[no-untyped-def]
    """Squeeze ``length`` sorted values to at most ``size`` points; return their number. Overwrites its input."""
    n = 0
    for i in range(length):
        if n and values[n - 1] == values[i]:
            weights[n - 1] += weights[i]
        else:
            values[n], weights[n] = values[i], weights[i]
            n += 1
    if n <= size:
        for i in range(n):
            into[i], mass[i] = values[i], weights[i]
        return n
    total = _sum(weights, n)
    made, begin, before = 0, 0, 0.0
    while begin < n:
        group = np.floor((before + weights[begin] / 2) * size / total)
        end, own = begin, 0.0
        while end < n and np.floor((before + own + weights[end] / 2) * size / total) == group:
            own += weights[end]
            end += 1
        middle, reached = begin, weights[begin]
        while reached < own / 2 and middle < end - 1:
            middle += 1
            reached += weights[middle]
        into[made], mass[made] = values[middle], own
        made += 1
        before += own
        begin = end
    return made


@njit
def squeeze_columns(values, weights, lengths, size, into, mass, count):  # type: ignore[no-untyped-def]
    """Squeeze the first ``lengths[f]`` sorted values of each row f; a single row of weights applies to all.

    Parameters
    ----------
    values : (features, n)
        Sorted values.
    weights : (features or 1, n)
        Their weights.
    lengths : (features,) int
        How many values of each row are used.
    size : int
        Greatest number of values of a sketch.
    into, mass : (features, size)
        Overwritten by values and weights of the sketches.
    count : (features,) int
        Overwritten by their lengths.
    """
    shared = len(weights) == 1
    own = np.empty(weights.shape[1])
    for f in range(len(values)):
        n = lengths[f]
        for i in range(n):
            own[i] = weights[0 if shared else f, i]
        count[f] = _squeeze(values[f], own, n, size, into[f], mass[f])


@njit
def merge_columns(values, weights, counts, values2, weights2, counts2, size, into, mass, count):  # type: ignore[no-untyped-def]
    """Merge two sketches feature by feature.

    Parameters
    ----------
    values, weights : (features, size)
        Values and weights of the first sketch.
    counts : (features,) int
        Its lengths.
    values2, weights2, counts2
        The same of the second sketch.
    size : int
        Greatest number of values of a sketch.
    into, mass : (features, size)
        Overwritten by values and weights of the merged sketches.
    count : (features,) int
        Overwritten by their lengths.
    """
    both = np.empty(values.shape[1] + values2.shape[1], values.dtype)
    heavy = np.empty(len(both), np.float64)
    for f in range(len(values)):
        i, j, n = 0, 0, 0
        while i < counts[f] or j < counts2[f]:
            if j >= counts2[f] or (i < counts[f] and values[f, i] <= values2[f, j]):
                both[n], heavy[n] = values[f, i], weights[f, i]
                i += 1
            else:
                both[n], heavy[n] = values2[f, j], weights2[f, j]
                j += 1
            n += 1
        count[f] = _squeeze(both, heavy, n, size, into[f], mass[f])


@njit
def _fair(weights, most):  # type: ignore[no-untyped-def]
    """Weight of a bin after every value that is heavier than it has received a bin of its own."""
    fair = _sum(weights, len(weights)) / most
    while True:
        rest, bins = 0.0, most
        for w in weights:
            rest += w if w <= fair else 0.0
            bins -= 0 if w <= fair else 1
        if bins < 1 or rest / bins >= fair:
            return fair
        fair = rest / bins


@njit
def cut_points(values, weights, most, into):  # type: ignore[no-untyped-def]
    """Choose cuts between sorted distinct values for at most ``most`` bins of about equal weight; return their number.

    A value that is heavier than a bin has a bin of its own; the other values share the remaining bins.

    Parameters
    ----------
    values : (n,)
        Sorted distinct values.
    weights : (n,)
        Their weights.
    most : int
        Greatest number of bins.
    into : (most - 1 or more,)
        Overwritten by the cuts.

    Returns
    -------
    int
        Number of cuts.
    """
    n, cuts, own, fair = len(values), 0, 0.0, _fair(weights, most)
    for i in range(n):
        left = most - cuts
        full = own + weights[i] / 2 > fair or weights[i] > fair
        if i > 0 and left > 1 and (full or n - i < left):
            low, high = np.float64(values[i - 1]), np.float64(values[i])
            middle = low / 2 + high / 2
            into[cuts] = middle if low <= middle < high else low
            cuts += 1
            own = 0.0
        own += weights[i]
    return cuts


@njit
def _count_below(values, cuts, found):  # type: ignore[no-untyped-def]
    """Number of cuts below each value: few cuts are all compared, many are searched by bisection without branches."""
    if len(cuts) <= COMPARED:
        for r in range(len(values)):
            found[r] = 0
        for cut in cuts:
            for r in range(len(values)):
                found[r] += np.int32(values[r] > cut)
        return
    for r in range(len(values)):
        low, step = 0, (len(cuts) + 1) >> 1
        while step > 0:
            low += step * np.int64(cuts[low + step - 1] < values[r])
            step >>= 1
        found[r] = low


@njit
def bin_rows(X, cuts, counts, categorical, out):  # type: ignore[no-untyped-def]
    """Write the bin of every value into ``out``.

    The bin of a number is the number of cuts below it, and the bin of a category is the category. NaN and unknown
    categories have the bin after the last.

    Parameters
    ----------
    X : (rows, features)
        Values; NaN if missing.
    cuts : (features, width)
        Cuts in the type of ``X``, padded with infinity; the width is a power of two less one.
    counts : (features,) int
        Number of bins of each feature.
    categorical : (features,) bool
        Whether a feature is categorical.
    out : (rows, features) uint8 or uint16
        Overwritten.
    """
    values, found = np.empty(TILE, X.dtype), np.empty(TILE, np.int32)
    for begin in range(0, X.shape[0], TILE):
        n = min(TILE, X.shape[0] - begin)
        for f in range(X.shape[1]):
            for r in range(n):
                values[r] = X[begin + r, f]
            if not categorical[f]:
                _count_below(values[:n], cuts[f], found)
            for r in range(n):
                v = values[r]
                if categorical[f] and v < counts[f]:
                    found[r] = np.int32(v)
                out[begin + r, f] = counts[f] if v != v or (categorical[f] and v >= counts[f]) else found[r]
