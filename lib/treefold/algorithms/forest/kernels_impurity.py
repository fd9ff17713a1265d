"""Weight and impurity of the statistic of a node."""

from typing import NamedTuple

import numpy as np

from treefold.runtime.jit_cache import njit

GINI, ENTROPY, VARIANCE = 0, 1, 2


class Rules(NamedTuple):
    """Requirements of a split.

    Attributes
    ----------
    impurity : GINI, ENTROPY or VARIANCE
    size : int
        Leading channels of a statistic that sum to the weight: the classes, or 1 for a regression.
    counted : bool
        Whether the last channel counts rows; otherwise the weight does.
    square : float
        For a regression, the factor that turns the third channel into squares of the second divided by the first.
    least_rows, least_weight, least_gain : float
        Least rows and weight of each child, and least gain in the unit of the impurity.
    """

    impurity: int
    size: int
    counted: bool
    square: float
    least_rows: float
    least_weight: float
    least_gain: float


@njit
def weight_of(stats, rules):  # type: ignore[no-untyped-def]
    """Weight of a statistic."""
    total = 0.0
    for c in range(rules.size):
        total += stats[c]
    return total


@njit
def impurity_of(stats, rules):  # type: ignore[no-untyped-def]
    """Gini, entropy (base 2) or variance of a statistic; 0 of an empty one."""
    weight = weight_of(stats, rules)
    if weight <= 0:
        return 0.0
    if rules.impurity == VARIANCE:
        mean = stats[1] / weight
        return max(0.0, rules.square * stats[2] / weight - mean * mean)
    result = 1.0 if rules.impurity == GINI else 0.0
    for c in range(rules.size):
        share = stats[c] / weight
        if rules.impurity == GINI:
            result -= share * share
        elif share > 0:
            result -= share * np.log2(share)
    return max(0.0, result)


@njit
def impurities(stats, rules, out):  # type: ignore[no-untyped-def]
    """Impurity of every row of ``stats``.

    Parameters
    ----------
    stats : (nodes, channels)
        Sums over the rows of each node.
    rules : Rules
        Which impurity, and what the channels hold.
    out : (nodes,)
        Overwritten by the impurities.
    """
    for i in range(len(stats)):
        out[i] = impurity_of(stats[i], rules)
