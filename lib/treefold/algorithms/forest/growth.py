"""The state of growing trees: nodes, their status, and what a pass may handle.

A node is identified by its tree and its path: the root is 1, the children of i are 2i and 2i + 1.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.bins import Bins, Units
from treefold.algorithms.forest.histograms import Trees, cell_type, channels
from treefold.algorithms.forest.kernels import ANY
from treefold.algorithms.forest.kernels_impurity import Rules
from treefold.algorithms.forest.sampling import Sampling

LEAF, OPEN, SMALL = -1, 0, 1  # state of a node without a split
CHEAPER = 4  # a node is small, and its rows are sent, if they take fewer bytes than so many histograms
ROW_BYTES = 24  # bytes of a row that is sent, without its bins


class Nodes(NamedTuple):
    """Nodes of any trees, one entry for each node.

    Attributes
    ----------
    tree, path : int64
    feature, cut, also, left : int32
        As in :mod:`treefold.algorithms.forest.kernels`; ``left`` is -1 for a leaf.
    gain : float64
        Decrease of the impurity by the split.
    stats : (nodes, channels) float64
    """

    tree: NDArray
    path: NDArray
    feature: NDArray
    cut: NDArray
    also: NDArray
    left: NDArray
    gain: NDArray
    stats: NDArray

    @classmethod
    def new(cls, tree: NDArray, path: NDArray, stats: NDArray) -> "Nodes":
        """Nodes without a split.

        Parameters
        ----------
        tree : (nodes,) int
            Tree of each node.
        path : (nodes,) int
            Path of each node: the root is 1, the children of i are 2i and 2i + 1.
        stats : (nodes, channels)
            Sums over the rows of each node.

        Returns
        -------
        Nodes
        """
        none = np.full(len(tree), -1, np.int32)
        tree, path = np.asarray(tree, np.int64), np.asarray(path, np.int64)
        return cls(tree, path, none, none.copy(), none.copy(), none.copy(), np.zeros(len(tree)), stats)

    def joined(self, others: "Nodes") -> "Nodes":
        """These nodes followed by the others."""
        return Nodes(*(np.concatenate(pair) for pair in zip(self, others, strict=True)))

    def taken(self, which: NDArray) -> "Nodes":
        """Some of the nodes."""
        return Nodes(*(part[which] for part in self))

    def steps(self, slots: NDArray) -> NDArray:
        """The nodes in the form in which binned rows traverse them; ``slots`` lists the nodes that have a slot."""
        end = self.feature < 0
        slot = np.full(len(end), -1)
        slot[slots] = np.arange(len(slots))
        feature, cut, also = np.where(end, 0, self.feature), np.where(end, ANY, self.cut), np.where(end, -1, self.also)
        left = np.where(end, np.arange(len(end)), self.left)
        return np.ascontiguousarray(np.stack([feature, cut, also, left, slot], axis=1), np.int32)


def depth_of(path: NDArray) -> NDArray:
    """Depth of nodes; 0 of a root."""
    depth: NDArray = np.frexp(path.astype(np.float64))[1] - 1
    return depth


@dataclass(frozen=True)
class Plan:
    """What is grown, and how much memory a pass may use.

    Attributes
    ----------
    budget : int
        Bytes of the histograms of one task.
    """

    bins: Bins
    units: Units
    rules: Rules
    sampling: Sampling
    max_depth: int
    budget: int

    @property
    def slot_bytes(self) -> int:
        """Bytes of the histograms of one node."""
        cells = self.sampling.wanted * self.bins.width * channels(self.units)
        return cells * cell_type(self.units).itemsize

    @property
    def row_bytes(self) -> int:
        """Bytes of a row that is sent."""
        return len(self.bins.counts) * self.bins.dtype.itemsize + ROW_BYTES

    def small(self, rows: NDArray, depth: NDArray) -> NDArray:
        """Which nodes, given their rows and depths, are cheaper to grow from their rows."""
        below = np.minimum(2.0 ** (self.max_depth - depth) - 1, CHEAPER)
        return rows * self.row_bytes <= below * self.slot_bytes


@dataclass
class Growth:
    """Growing trees.

    Attributes
    ----------
    grown : list
        Finished subtrees of small nodes, which replace those nodes.
    parents : dict
        Histograms of parents by left child; the histogram of one child then gives that of the other.
    """

    plan: Plan
    nodes: Nodes
    state: NDArray
    attempt: NDArray
    tables: NDArray
    grown: list[Nodes] = field(default_factory=list)
    parents: dict[int, NDArray] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> "Growth":
        """A growth that consists of roots alone."""
        trees = len(plan.sampling.rows)
        nodes = Nodes.new(np.arange(trees), np.ones(trees), np.zeros((trees, channels(plan.units))))
        tables = np.zeros((0, plan.bins.width + 1), bool)
        return cls(plan, nodes, np.full(trees, OPEN), np.zeros(trees, np.int64), tables)

    @property
    def depth(self) -> NDArray:
        """Depth of every node; 0 of a root."""
        return depth_of(self.nodes.path)

    def next(self, state: int, room: Callable[[NDArray], NDArray]) -> NDArray:
        """Nodes to handle next, the highest first: as many as ``room`` of the running total allows, at least one."""
        waiting = np.flatnonzero(self.state == state)
        order = waiting[np.lexsort((self.nodes.path[waiting], self.nodes.tree[waiting], self.depth[waiting]))]
        fits = room(order)
        fits[:1] = True
        some = order[fits]
        return some[np.lexsort((self.nodes.path[some], self.nodes.tree[some]))]

    def trees(self, slots: NDArray) -> Trees:
        """The trees of some nodes; each of these nodes has a slot."""
        numbers = np.unique(self.nodes.tree[slots])
        return Trees(numbers.astype(np.int32), numbers, self.nodes.steps(slots), self.tables)
