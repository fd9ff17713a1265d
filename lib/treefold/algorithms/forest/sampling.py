"""What is drawn: how often a row stands in a tree's sample, and which features a node may split by.

Counts depend on (seed, tree, row position), candidates on (seed, tree, node): never on the partitioning, the order or
the grouping of the work.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.draws import scrambled, substream
from treefold.algorithms.forest.kernels_draws import candidates
from treefold.errors import InputError

ROWS, NODES = 0, 1  # streams of a seed
WHOLE = 2**64


class Sampling(NamedTuple):
    """How rows and features are drawn.

    Attributes
    ----------
    table : (most,) uint64
        A row whose 64 bits are at least ``table[k]`` counts more than k times.
    rows, nodes : (trees,) uint64
        Seeds of the counts and of the candidate features of each tree.
    wanted : int
        Candidate features of a node.
    """

    table: NDArray
    rows: NDArray
    nodes: NDArray
    wanted: int

    @property
    def most(self) -> int:
        """The greatest count there can be."""
        return len(self.table)

    def counts(self, position: NDArray[np.uint64], tree: int) -> NDArray[np.int64]:
        """How often each row stands in the sample of a tree."""
        return np.searchsorted(self.table, scrambled(position, int(self.rows[tree])), side="right")

    def candidates(self, tree: NDArray, path: NDArray, attempt: NDArray, features: int) -> NDArray[np.int32]:
        """Candidate features of nodes, ``(nodes, wanted)``, increasing; -1 where all have been tried."""
        out = np.empty((len(tree), self.wanted), np.int32)
        candidates(self.nodes[tree], path, attempt, features, out)
        return out


def sampling(trees: int, seed: int, rate: float, bootstrap: bool, wanted: int) -> Sampling:
    """Draws of a forest.

    With ``bootstrap`` a row counts as often as a Poisson variate of mean ``rate`` says, the limit of drawing
    ``rate * n`` of n rows with replacement; else once with probability ``rate``.
    """
    rows, nodes = (
        np.array([substream(seed, stream, tree) for tree in range(trees)], np.uint64) for stream in (ROWS, NODES)
    )
    return Sampling(_poisson(rate) if bootstrap else _bernoulli(rate), rows, nodes, wanted)


def _poisson(rate: float) -> NDArray[np.uint64]:
    chance, below = float(np.exp(-rate)), 0.0
    table: list[int] = []
    while (below := below + chance) < 1 - 2**-53 and len(table) < 64 + 8 * rate:
        table.append(int(below * WHOLE))
        chance *= rate / len(table)
    return np.array(table, np.uint64)


def _bernoulli(rate: float) -> NDArray[np.uint64]:
    return np.array([min(int((1 - rate) * WHOLE), WHOLE - 1)], np.uint64)


def candidate_count(strategy: str, features: int, trees: int, classification: bool) -> int:
    """Number of candidate features of a node, as pyspark.ml's ``featureSubsetStrategy`` says it.

    ``auto`` is ``all`` for one tree, else ``sqrt`` for a classification and ``onethird`` for a regression; ``log2``; a
    whole number n > 0 of features; a share in (0, 1] of them.

    Raises
    ------
    InputError
        If the strategy is none of these.
    """
    if strategy == "auto":
        strategy = "all" if trees == 1 else "sqrt" if classification else "onethird"
    named = {
        "all": features,
        "sqrt": int(np.ceil(np.sqrt(features))),
        "log2": max(1, int(np.ceil(np.log2(features)))),
        "onethird": -(-features // 3),
    }
    if strategy in named:
        return named[strategy]
    try:
        if strategy.isdigit() and int(strategy) > 0:
            return min(int(strategy), features)
        if 0 < float(strategy) <= 1:
            return int(np.ceil(float(strategy) * features))
    except ValueError:
        pass
    raise InputError(
        f"featureSubsetStrategy '{strategy}' is none of auto, all, onethird, sqrt, log2, a number of features, or a "
        "share of them in (0, 1]"
    )
