"""The best split of a node, from the histograms of its candidate features.

Gains are written as divergences between the two children, so that a split that tells nothing gains exactly nothing:
for Gini and variance ``w_l w_r / w^2 * sum_c (m_lc - m_rc)^2`` with ``m`` the shares of the classes, or the mean.
"""

import numpy as np

from treefold.algorithms.forest.kernels_impurity import GINI, VARIANCE, impurity_of, weight_of
from treefold.compiled import njit

NOTHING = 1e-12  # share of a node's impurity that a gain must exceed: less is rounding
TIE = 1 + 2.0**-30  # by how much a gain must exceed another: of those that are equal but for rounding, the first wins
TURNS = 30  # of the power iteration


@njit
def _gain(left, total, wl, wr, rules):  # type: ignore[no-untyped-def]
    """By how much a split lowers the impurity."""
    share_l, share_r = wl / (wl + wr), wr / (wl + wr)
    if rules.impurity == VARIANCE:
        gap = left[1] / wl - (total[1] - left[1]) / wr
        return gap * gap * share_l * share_r
    result = 0.0
    if rules.impurity == GINI:
        inverse_l, inverse_r = 1 / wl, 1 / wr
        for c in range(rules.size):
            gap = left[c] * inverse_l - (total[c] - left[c]) * inverse_r
            result += gap * gap
        return result * share_l * share_r
    for c in range(rules.size):
        if total[c] > 0:
            share, p, q = total[c] / (wl + wr), left[c] / wl, (total[c] - left[c]) / wr
            if p > 0:
                result += share_l * p * np.log2(p / share)
            if q > 0:
                result += share_r * q * np.log2(q / share)
    return result


@njit
def _offer(left, total, weight, best, rules):  # type: ignore[no-untyped-def]
    """Gain of a split if it is allowed and greater than ``best``, else -1."""
    wl = weight_of(left, rules)
    wr = weight - wl
    if wl <= 0 or wr <= 0 or wl < rules.least_weight or wr < rules.least_weight:
        return -1.0
    last = len(total) - 1
    nl = left[last] if rules.counted else wl
    n = total[last] if rules.counted else weight
    if nl < rules.least_rows or n - nl < rules.least_rows:
        return -1.0
    gain = _gain(left, total, wl, wr, rules)
    return gain if gain > best * TIE and gain >= rules.least_gain else -1.0


@njit
def _order_of(hist, n, rules, order):  # type: ignore[no-untyped-def]
    """Categories that occur, in the order in which a split may cut them; returns their number.

    By the share of class 1, by the mean, or, of many classes, by the leading principal direction of the categories'
    class shares (Coppersmith, Hong & Hosking, "Partitioning nominal attributes in decision trees", 1999).
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


@njit
def _copy(values, into):  # type: ignore[no-untyped-def]
    for i in range(len(values)):
        into[i] = values[i]


@njit
def best_split(hist, tried, counts, missing, categorical, rules, total, left, order, best_left, table):  # type: ignore[no-untyped-def]
    """Best split of one node.

    Parameters
    ----------
    hist : (candidates, bins, channels)
    tried : (candidates,) features; -1 for none
    counts, missing, categorical : (features,)
        Bins of each feature, whether the bin after the last holds missing values, whether bins are categories.
    total : (channels,) float64, the node's statistic
    left, order : scratch, (channels,) float64 and (bins,) int32
    best_left : (channels,), written: statistic of the left child
    table : (bins + 1,) bool, written for a categorical split: which bins go left, the missing one included

    Returns
    -------
    gain, candidate, cut, also, constant
        Bins up to ``cut`` go left and so does bin ``also`` (-1: none other); ``candidate`` -1 if there is no split.
        ``constant``: no candidate took two values.
    """
    weight = weight_of(total, rules)
    best = NOTHING * impurity_of(total, rules)
    chosen, best_cut, best_missing, constant = -1, 0, False, True
    channels = len(total)
    for k in range(len(tried)):
        f = tried[k]
        if f < 0:
            break
        n = counts[f]
        lost = weight_of(hist[k, n], rules) if missing[f] else 0.0
        found = n
        if categorical[f]:
            found = _order_of(hist[k], n, rules, order)
        for s in range(channels):
            left[s] = 0.0
        last = -1
        for j in range(found + 1):
            b = order[j] if categorical[f] and j < found else j
            if j < found and weight_of(hist[k, b], rules) == 0:
                continue
            if last >= 0:
                if j < found or lost > 0:
                    constant = False
                cut = (last + j - 1) // 2 if j < found and not categorical[f] else (n - 1 if j == found else last)
                if j < found or lost > 0:
                    gain = _offer(left, total, weight, best, rules)
                    if gain > 0:
                        best, chosen, best_cut, best_missing = gain, k, cut, False
                        _copy(left, best_left)
                if j < found and lost > 0:
                    for s in range(channels):
                        left[s] += hist[k, n, s]
                    gain = _offer(left, total, weight, best, rules)
                    if gain > 0:
                        best, chosen, best_cut, best_missing = gain, k, cut, True
                        _copy(left, best_left)
                    for s in range(channels):
                        left[s] -= hist[k, n, s]
            if j < found:
                for s in range(channels):
                    left[s] += hist[k, b, s]
                last = j
    if chosen < 0:
        return 0.0, -1, 0, -1, constant
    f = tried[chosen]
    n = counts[f]
    lost = weight_of(hist[chosen, n], rules) if missing[f] else 0.0
    wl = weight_of(best_left, rules)
    goes_left = best_missing if lost > 0 else 2 * wl >= weight
    if categorical[f]:
        found = _order_of(hist[chosen], n, rules, order)
        cut = min(best_cut, found - 1)
        for b in range(len(table)):
            table[b] = goes_left
        for j in range(found):
            table[order[j]] = j <= cut
    return best, chosen, best_cut, n if goes_left else -1, constant


@njit
def search(hist, tried, counts, missing, categorical, rules, gain, candidate, cut, also, constant, total, left, tables):  # type: ignore[no-untyped-def]
    """Best split of every node: see :func:`best_split`. Everything from ``gain`` on is written."""
    own, scratch, order = np.empty(hist.shape[1:]), np.empty(hist.shape[3]), np.empty(hist.shape[2], np.int32)
    none = np.empty(hist.shape[2] + 1, np.bool_)
    for i in range(len(hist)):
        for s in range(hist.shape[3]):
            total[i, s] = 0.0
        for k in range(hist.shape[1]):
            for b in range(hist.shape[2]):
                for s in range(hist.shape[3]):
                    own[k, b, s] = hist[i, k, b, s]
                    if k == 0:
                        total[i, s] += own[k, b, s]
        table = tables[i] if len(tables) else none
        gain[i], candidate[i], cut[i], also[i], constant[i] = best_split(
            own, tried[i], counts, missing, categorical, rules, total[i], scratch, order, left[i], table
        )
