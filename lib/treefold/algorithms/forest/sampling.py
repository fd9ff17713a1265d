"""Random choices of a forest: multiplicities of rows in a tree's sample, and candidate features of a node.

Multiplicities depend on (seed, tree, row position) and candidates on (seed, tree, node). They do not depend on the
partitioning, nor on the order or grouping of the work.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.kernels_draws import candidates
from treefold.dataset.random import splitmix64, substream
from treefold.errors import InputError

ROWS, NODES = 0, 1  # random streams of a seed
WHOLE = 2**64


class Sampling(NamedTuple):
    """How rows and features are drawn.

    Attributes
    ----------
    table : (most,) uint64
        The multiplicity of a row is greater than k if its 64 random bits are at least ``table[k]``.
    rows, nodes : (trees,) uint64
        Seeds of the multiplicities and of the candidate features of each tree.
    wanted : int
        Candidate features of a node.
    """

    table: NDArray
    rows: NDArray
    nodes: NDArray
    wanted: int

    @property
    def most(self) -> int:
        """The greatest possible multiplicity."""
        return len(self.table)

    def counts(self, position: NDArray[np.uint64], tree: int) -> NDArray[np.int64]:
        """Multiplicity of each row in the sample of a tree."""
        return np.searchsorted(self.table, splitmix64(position, int(self.rows[tree])), side="right")

    def candidates(self, tree: NDArray, path: NDArray, attempt: NDArray, features: int) -> NDArray[np.int32]:
        """Candidate features of nodes, ``(nodes, wanted)``, increasing; -1 after all features have been tried.

        Parameters
        ----------
        tree, path, attempt : (nodes,) int
            Tree and path of each node, and how many times it has tried features before.
        features : int
            Number of features.

        Returns
        -------
        (nodes, wanted) int32
        """
        out = np.empty((len(tree), self.wanted), np.int32)
        candidates(self.nodes[tree], path, attempt, features, out)
        return out


def sampling(trees: int, seed: int, rate: float, bootstrap: bool, wanted: int) -> Sampling:
    """Random choices of a forest.

    Parameters
    ----------
    trees : int
        Number of trees.
    seed : int
        Seed of the random choices.
    rate : float
        Expected multiplicity of a row, > 0.
    bootstrap : bool
        If true, multiplicities are Poisson variates of mean ``rate``, the limit of drawing ``rate * n`` of n rows with
        replacement. Otherwise a row is in the sample once, with probability ``rate``.
    wanted : int
        Candidate features of a node.

    Returns
    -------
    Sampling
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
    """Number of candidate features of a node, by pyspark.ml's ``featureSubsetStrategy``.

    Parameters
    ----------
    strategy : str
        ``auto`` (``all`` for one tree, else ``sqrt`` for a classification and ``onethird`` for a regression), ``all``,
        ``onethird``, ``sqrt``, ``log2``, an integer n > 0 of features, or a share in (0, 1] of them.
    features : int
        Number of features.
    trees : int
        Number of trees.
    classification : bool
        Whether labels are classes.

    Returns
    -------
    int

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
        f"'{strategy}' chooses no features of a node: take auto, all, onethird, sqrt, log2, a number of features, or "
        "a share of them in (0, 1]"
    )
