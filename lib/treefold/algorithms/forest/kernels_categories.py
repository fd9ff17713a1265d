"""The order of a feature's categories, in which a split may cut them."""

import numpy as np

from treefold.algorithms.forest.kernels_impurity import VARIANCE, weight_of
from treefold.runtime.jit_cache import njit

TURNS = 30  # iterations of the power method


@njit
def order_of(hist, n, rules, order):  # type: ignore[no-untyped-def]
    """Write the categories that occur, in the order in which a split may cut them; return their number.

    They are ordered by the share of class 1, by the mean, or for many classes by the leading principal direction of the
    categories' class shares.

    Parameters
    ----------
    hist : (bins, channels)
        Histogram of a feature.
    n : int
        Number of categories.
    rules : Rules
        Impurity and number of channels.
    order : (bins,) int32
        Written.

    Returns
    -------
    int

    References
    ----------
    Coppersmith, Hong & Hosking, "Partitioning nominal attributes in decision trees", 1999.
    """
    found = 0
    for b in range(n):
        if weight_of(hist[b], rules) > 0:
            order[found] = b
            found += 1
    key = np.empty(found)
    if rules.impurity == VARIANCE:
        for j in range(found):
            key[j] = hist[order[j], 1] / weight_of(hist[order[j]], rules)
    elif rules.size <= 2:
        for j in range(found):
            key[j] = hist[order[j], rules.size - 1] / weight_of(hist[order[j]], rules)
    else:
        _principal(hist, order, rules, key)
    for j in range(1, found):
        b, own, k = order[j], key[j], j
        while k > 0 and key[k - 1] > own:
            order[k], key[k] = order[k - 1], key[k - 1]
            k -= 1
        order[k], key[k] = b, own
    return found


@njit
def _principal(hist, order, rules, key):  # type: ignore[no-untyped-def]
    """Coordinates of categories along the leading principal direction of their class shares."""
    rows, classes = len(key), rules.size
    share, weight, mean = np.empty((rows, classes)), np.empty(rows), np.zeros(classes)
    total = 0.0
    for j in range(rows):
        weight[j] = weight_of(hist[order[j]], rules)
        total += weight[j]
        for c in range(classes):
            share[j, c] = hist[order[j], c] / weight[j]
            mean[c] += hist[order[j], c]
    far, first = -1.0, 0
    for j in range(rows):
        spread = 0.0
        for c in range(classes):
            share[j, c] -= mean[c] / total
            spread += share[j, c] ** 2
        if spread * weight[j] > far:
            far, first = spread * weight[j], j
    direction, turned = np.empty(classes), np.empty(classes)
    for c in range(classes):
        direction[c] = share[first, c]
    for _ in range(TURNS):
        for c in range(classes):
            turned[c] = 0.0
        for j in range(rows):
            along = 0.0
            for c in range(classes):
                along += share[j, c] * direction[c]
            for c in range(classes):
                turned[c] += weight[j] * along * share[j, c]
        length = 0.0
        for c in range(classes):
            length += turned[c] * turned[c]
        if length > 0:
            for c in range(classes):
                direction[c] = turned[c] / np.sqrt(length)
    for j in range(rows):
        key[j] = 0.0
        for c in range(classes):
            key[j] += share[j, c] * direction[c]
