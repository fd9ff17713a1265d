"""The best split of a node, from the histograms of its candidate features.

Gains are written as divergences between the two children, so that a split without information gains exactly 0. For Gini
and variance the gain is ``w_l w_r / w^2 * sum_c (m_lc - m_rc)^2``, where ``m`` are the shares of the classes or the
mean. It is computed as ``sum_c (s_lc w - s_c w_l)^2 / (w_l w_r w^2)``, where ``s`` are the weights of the classes or
the sum.
"""

import numpy as np

from treefold.algorithms.forest.kernels_categories import order_of
from treefold.algorithms.forest.kernels_impurity import ENTROPY, VARIANCE, impurity_of, weight_of
from treefold.runtime.jit_cache import njit

NOTHING = 1e-12  # share of a node's impurity that a gain must exceed: less is rounding error
TIE = 1 + 2.0**-30  # factor by which a gain must exceed another: of gains equal up to rounding, the first wins


@njit
def _allowed(wl, wr, nl, nr, rules):  # type: ignore[no-untyped-def]
    """Whether a split may have children of these weights and numbers of rows."""
    heavy = wl > 0 and wr > 0 and wl >= rules.least_weight and wr >= rules.least_weight
    return heavy and nl >= rules.least_rows and nr >= rules.least_rows


@njit
def _information(left, total, wl, wr):  # type: ignore[no-untyped-def]
    """Contribution of one class to the decrease of the entropy."""
    if total <= 0:
        return 0.0
    share, p, q, result = total / (wl + wr), left / wl, (total - left) / wr, 0.0
    if p > 0:
        result += wl / (wl + wr) * p * np.log2(p / share)
    if q > 0:
        result += wr / (wl + wr) * q * np.log2(q / share)
    return result


@njit
def _best_cut(cells, order, found, after, total, weight, best, rules, left, best_left):  # type: ignore[no-untyped-def]
    """Best cut of the ``found`` first bins in an order, if it gains more than ``best``.

    ``after`` is the bin of missing values, which are tried on both sides, or -1. Returns the gain, the last bin that
    goes left (-1: no cut is better), whether missing values go left, and whether the feature takes at least two values.
    ``left`` is scratch memory; ``best_left`` is written if a cut is found.
    """
    # Code that touches arrays is written inline: passing an array to a function counts references, even if the
    # function is inlined, and that takes longer than the function itself.
    channels, best_joined, cut, last, wl, varies = len(left), False, -1, -1, 0.0, False
    lost = weight_of(cells[after], rules) if after >= 0 else 0.0
    first, end = (1, 2) if rules.impurity == VARIANCE else (0, rules.size)
    for s in range(channels):
        left[s] = 0.0
    for j in range(found + 1):
        own = 0.0
        if j < found:
            for c in range(rules.size):
                own += cells[order[j], c]
            if own == 0:
                continue
        ways = 0 if last < 0 or (j == found and lost == 0) else 2 if j < found and lost > 0 else 1
        varies |= ways > 0
        for joined in range(ways):  # without missing values, and with them
            w = wl + joined * lost
            if rules.counted:
                rows = left[channels - 1] + joined * cells[after, channels - 1]
                if not _allowed(w, weight - w, rows, total[channels - 1] - rows, rules):
                    continue
            elif not _allowed(w, weight - w, w, weight - w, rules):
                continue
            if rules.impurity == ENTROPY:
                gain = 0.0
                for c in range(end):
                    gain += _information(left[c] + joined * cells[after, c], total[c], w, weight - w)
                better = gain > best * TIE
            else:
                spread, scale = 0.0, w * (weight - w) * weight * weight
                for c in range(first, end):
                    gap = (left[c] + joined * cells[after, c]) * weight - total[c] * w
                    spread += gap * gap
                better = spread > best * TIE * scale  # avoids a division for most splits, which are not the best
                gain = spread / scale if better else 0.0
            if better and gain >= rules.least_gain:
                best, best_joined, cut = gain, joined > 0, found - 1 if j == found else (last + j - 1) // 2
                for s in range(channels):
                    best_left[s] = left[s] + joined * cells[after, s]
        if j < found:
            for s in range(channels):
                left[s] += cells[order[j], s]
            wl += own
            last = j
    return best, cut, best_joined, varies


@njit
def best_split(hist, tried, counts, missing, categorical, rules, total, left, straight, order, best_left, table):  # type: ignore[no-untyped-def]
    """Best split of one node.

    Parameters
    ----------
    hist : (candidates, bins, channels)
        Histograms of the candidate features.
    tried : (candidates,) int
        Candidate features; -1 for none.
    counts, missing, categorical : (features,)
        Bins of each feature, whether the bin after the last has missing values, whether bins are categories.
    rules : Rules
        Requirements of a split.
    total : (channels,) float64
        Statistic of the node.
    left : (channels,) float64
        Scratch memory.
    straight : (bins,) int32
        0, 1, 2, ...
    order : (bins,) int32
        Scratch memory.
    best_left : (channels,) float64
        Written: statistic of the left child.
    table : (bins + 1,) bool
        Written for a categorical split: which bins go left, including the bin of missing values.

    Returns
    -------
    gain, candidate, cut, also, constant
        Bins up to ``cut`` go left, and so does bin ``also`` (-1: no other bin). ``candidate`` is -1 if there is no
        split. ``constant`` says that no candidate takes two values.
    """
    weight = weight_of(total, rules)
    best = NOTHING * impurity_of(total, rules)
    chosen, best_cut, best_missing, constant = -1, 0, False, True
    for k in range(len(tried)):
        f = tried[k]
        if f < 0:
            break
        n = counts[f]
        found = order_of(hist[k], n, rules, order) if categorical[f] else n
        best, cut, joined, varies = _best_cut(
            hist[k], order if categorical[f] else straight, found, n if missing[f] else -1, total, weight, best, rules,
            left, best_left,
        )  # fmt: skip
        constant &= not varies
        if cut >= 0:
            chosen, best_cut, best_missing = k, cut, joined
    if chosen < 0:
        return 0.0, -1, 0, -1, constant
    f = tried[chosen]
    n = counts[f]
    lost = weight_of(hist[chosen, n], rules) if missing[f] else 0.0
    wl = weight_of(best_left, rules)
    goes_left = best_missing if lost > 0 else 2 * wl >= weight
    if categorical[f]:
        found = order_of(hist[chosen], n, rules, order)
        for b in range(len(table)):
            table[b] = goes_left
        for j in range(found):
            table[order[j]] = j <= best_cut
    return best, chosen, best_cut, n if goes_left else -1, constant


@njit(nogil=True)
def search(hist, tried, counts, missing, categorical, rules, gain, candidate, cut, also, constant, total, left, tables):  # type: ignore[no-untyped-def]
    """Best split of every node, as :func:`best_split`; the arrays from ``gain`` on are written.

    Parameters
    ----------
    hist : (nodes, candidates, bins, channels)
        Histograms of the nodes.
    tried : (nodes, candidates) int
        Candidate features; -1 ends a row.
    counts, missing, categorical : (features,)
        Bins of each feature, whether values are missing, whether it is categorical.
    rules : Rules
        Impurity, and the least rows, weight and gain of a split.
    gain, candidate, cut, also, constant : (nodes,)
        Overwritten by the fields of the best split.
    total, left : (nodes, channels)
        Overwritten by the sums of the node and of its left child.
    tables : (nodes, bins + 1) bool
        Overwritten by the bins that go left; it has no rows if no feature is categorical.
    """
    own, scratch, order = np.empty(hist.shape[1:]), np.empty(hist.shape[3]), np.empty(hist.shape[2], np.int32)
    straight, none = np.arange(hist.shape[2]).astype(np.int32), np.empty(hist.shape[2] + 1, np.bool_)
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
            own, tried[i], counts, missing, categorical, rules, total[i], scratch, straight, order, left[i], table
        )
