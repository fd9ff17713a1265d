"""The best splits of many nodes, searched by a few threads of the driver while the executors are idle."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.bins import Bins
from treefold.algorithms.forest.kernels_impurity import Rules
from treefold.algorithms.forest.kernels_split import search

THREADS = 4
FEW = 1 << 16  # cells that one thread searches in the time that starting another would take


class Best(NamedTuple):
    """The best split of each node, if it has one; see :func:`~treefold.algorithms.forest.kernels_split.best_split`.

    Attributes
    ----------
    gain : (nodes,)
    candidate, cut, also : (nodes,) int32
    constant : (nodes,) bool
    total, left : (nodes, channels)
        Statistics of the node and of its left child.
    tables : (nodes, bins + 1) bool
        Bins that go left by a categorical split; without rows if no feature is categorical.
    """

    gain: NDArray
    candidate: NDArray
    cut: NDArray
    also: NDArray
    constant: NDArray
    total: NDArray
    left: NDArray
    tables: NDArray


def best_splits(cells: NDArray, tried: NDArray, bins: Bins, rules: Rules) -> Best:
    """Best splits of nodes, given their histograms ``(nodes, candidates, bins, channels)``.

    Parameters
    ----------
    cells : (nodes, candidates, bins, channels)
        Histograms of the nodes.
    tried : (nodes, candidates) int
        Candidate features of each node, increasing; -1 where there is none.
    bins : Bins
        Number of bins of each feature, which have missing values, which are categorical.
    rules : Rules
        Impurity, and the least rows, weight and gain of a split.

    Returns
    -------
    Best
        Splits in the order of the nodes.
    """
    n, channels, kinds = len(cells), cells.shape[3], bins.categorical
    candidate, cut, also = np.empty((3, n), np.int32)
    total, left = np.empty((2, n, channels))
    tables = np.zeros((n if kinds.any() else 0, bins.width + 1), bool)
    best = Best(np.empty(n), candidate, cut, also, np.empty(n, bool), total, left, tables)

    def look(part: slice) -> None:
        search(
            cells[part], tried[part], bins.counts, bins.missing, kinds, rules, *(each[part] for each in best)
        )  # fmt: skip

    parts = min(THREADS, 1 + cells.size // FEW, n)
    edges = [n * i // parts for i in range(parts + 1)]
    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(look, map(slice, edges[:-1], edges[1:])))
    return best
