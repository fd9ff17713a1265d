"""Growing: every pass looks at as many open nodes of all trees as memory allows.

A node is known by its tree and its path: the root is 1, the children of i are 2i and 2i + 1. Which pass looks at a
node, and at which others with it, leaves no trace in the trees.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.bins import Bins, Units
from treefold.algorithms.forest.histograms import (
    Gathered,
    Trees,
    cell_type,
    channels,
    gathered,
    histograms,
    merge_gathered,
    merge_histograms,
)
from treefold.algorithms.forest.kernels_split import Rules, search
from treefold.algorithms.forest.kernels_subtree import fillings, grow_subtrees, worth
from treefold.algorithms.forest.sampling import Sampling
from treefold.blocks import Blocks

LEAF, OPEN, SMALL = -1, 0, 1  # state of a node without a split
CHEAPER = 4  # a node whose rows weigh less than so many histograms is small: its rows are sent instead
ROW_BYTES = 24  # of a row that is sent, beside its bins


class Nodes(NamedTuple):
    """Nodes, of whatever trees, one entry each.

    Attributes
    ----------
    tree, path : int64
    feature, cut, also, left : int32
        As in :mod:`treefold.algorithms.forest.kernels`; ``left`` is -1 for a leaf.
    gain : float64
        By how much the split lowers the impurity.
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
        """Nodes without a split."""
        none = np.full(len(tree), -1, np.int32)
        tree, path = np.asarray(tree, np.int64), np.asarray(path, np.int64)
        return cls(tree, path, none, none.copy(), none.copy(), none.copy(), np.zeros(len(tree)), stats)

    def joined(self, others: "Nodes") -> "Nodes":
        """These nodes, then the others."""
        return Nodes(*(np.concatenate(pair) for pair in zip(self, others, strict=True)))

    def taken(self, which: NDArray) -> "Nodes":
        """Some of the nodes."""
        return Nodes(*(part[which] for part in self))


@dataclass(frozen=True)
class Plan:
    """What is grown, and how much memory a pass may take.

    ``budget`` is the bytes of the histograms of one task.
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
        """Which nodes of so many rows are better grown from their rows."""
        below = np.minimum(2.0 ** (self.max_depth - depth) - 1, CHEAPER)
        return rows * self.row_bytes <= below * self.slot_bytes


@dataclass
class Growth:
    """Trees that grow; ``grown`` holds the finished subtrees of small nodes, which replace those."""

    plan: Plan
    nodes: Nodes
    state: NDArray
    attempt: NDArray
    tables: NDArray
    grown: list[Nodes] = field(default_factory=list)

    @classmethod
    def of(cls, plan: Plan) -> "Growth":
        """Roots alone."""
        trees = len(plan.sampling.rows)
        nodes = Nodes.new(np.arange(trees), np.ones(trees), np.zeros((trees, channels(plan.units))))
        tables = np.zeros((0, plan.bins.width + 1), bool)
        return cls(plan, nodes, np.full(trees, OPEN), np.zeros(trees, np.int64), tables)

    @property
    def depth(self) -> NDArray:
        """Depth of every node; 0 of a root."""
        return np.frexp(self.nodes.path.astype(np.float64))[1] - 1

    def next(self, state: int, room: Callable[[NDArray], NDArray]) -> NDArray:
        """Nodes to look at: the highest first, as long as ``room`` of the running total says, at least one."""
        waiting = np.flatnonzero(self.state == state)
        order = waiting[np.lexsort((self.nodes.path[waiting], self.nodes.tree[waiting], self.depth[waiting]))]
        fits = room(order)
        fits[:1] = True
        some = order[fits]
        return some[np.lexsort((self.nodes.path[some], self.nodes.tree[some]))]

    def trees(self, slots: NDArray) -> Trees:
        """The trees of some nodes, each node with a slot."""
        nodes = self.nodes
        feature = nodes.feature.copy()
        feature[slots] = -2 - np.arange(len(slots), dtype=np.int32)
        numbers = np.unique(nodes.tree[slots])
        steps = np.stack([feature, nodes.cut, nodes.also, nodes.left], axis=1)
        return Trees(numbers.astype(np.int32), numbers, np.ascontiguousarray(steps, np.int32), self.tables)


def grow(blocks: Blocks, plan: Plan, on_pass: Callable[[Growth], None]) -> tuple[Nodes, NDArray]:
    """Nodes of all trees, ordered by tree and path, and the tables of their categorical splits.

    ``blocks`` are binned. ``on_pass`` is called after every pass.
    """
    growth = Growth.of(plan)
    while (growth.state == OPEN).any():
        _look(blocks, growth)
        on_pass(growth)
    while (growth.state == SMALL).any():
        _finish(blocks, growth)
        on_pass(growth)
    return _whole(growth)


def _look(blocks: Blocks, growth: Growth) -> None:
    """One pass: histograms of open nodes, their best splits, their children."""
    plan, nodes = growth.plan, growth.nodes
    slots = growth.next(OPEN, lambda order: np.arange(1, len(order) + 1) * plan.slot_bytes <= plan.budget)
    tree, path, attempt = nodes.tree[slots], nodes.path[slots], growth.attempt[slots]
    tried = plan.sampling.candidates(tree, path, attempt, len(plan.bins.counts))
    counted = blocks.tally(
        histograms, growth.trees(slots), tried, plan.sampling, plan.units, plan.bins.width, merge=merge_histograms
    )
    cells = counted.cells.astype(cell_type(plan.units), copy=False)
    n, kinds = len(slots), plan.bins.categorical
    gain, chosen, cut, also = np.empty(n), np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    constant, total, left = np.empty(n, bool), np.empty((n, cells.shape[3])), np.empty((n, cells.shape[3]))
    tables = np.zeros((n if kinds.any() else 0, plan.bins.width + 1), bool)
    search(
        cells, tried, plan.bins.counts, plan.bins.missing, kinds, plan.rules, gain, chosen, cut, also, constant, total,
        left, tables,
    )  # fmt: skip
    nodes.stats[slots] = total
    again = (chosen < 0) & constant & ((attempt + 1) * plan.sampling.wanted < len(plan.bins.counts))
    worthy = _worthy(growth, total, path)
    growth.attempt[slots] += again
    growth.state[slots] = np.where(again & worthy, OPEN, LEAF)
    split = np.flatnonzero((chosen >= 0) & worthy)
    if not len(split):
        return
    at, feature = slots[split], tried[split, chosen[split]]
    nodes.feature[at], nodes.cut[at], nodes.gain[at] = feature, cut[split], gain[split]
    nodes.left[at] = len(nodes.tree) + 2 * np.arange(len(split))
    nodes.also[at] = also[split]
    by_table = np.flatnonzero(kinds[feature])
    nodes.also[at[by_table]] = -2 - len(growth.tables) - np.arange(len(by_table))
    if len(by_table):
        growth.tables = np.concatenate([growth.tables, tables[split[by_table]]])
    _add_children(growth, at, left[split])


def _worthy(growth: Growth, stats: NDArray, path: NDArray) -> NDArray:
    out = np.empty(len(stats), bool)
    depth = np.frexp(path.astype(np.float64))[1] - 1
    worth(np.ascontiguousarray(stats), depth, growth.plan.max_depth, growth.plan.rules, out)
    return out


def _add_children(growth: Growth, parents: NDArray, left: NDArray) -> None:
    nodes, plan = growth.nodes, growth.plan
    stats = np.stack([left, nodes.stats[parents] - left], axis=1).reshape(-1, left.shape[1])
    path = (2 * nodes.path[parents][:, None] + [0, 1]).ravel()
    depth = np.frexp(path.astype(np.float64))[1] - 1
    rows = stats[:, -1] if plan.rules.counted else stats[:, : plan.rules.size].sum(axis=1)
    state = np.where(plan.small(rows, depth), SMALL, OPEN)
    state = np.where(_worthy(growth, stats, path), state, LEAF)
    growth.nodes = nodes.joined(Nodes.new(np.repeat(nodes.tree[parents], 2), path, stats))
    growth.state = np.concatenate([growth.state, state])
    growth.attempt = np.concatenate([growth.attempt, np.zeros(len(state), np.int64)])


def _finish(blocks: Blocks, growth: Growth) -> None:
    """One pass: the rows of small nodes, from which their subtrees grow to the end."""
    plan, nodes = growth.plan, growth.nodes
    rows = nodes.stats[:, -1] if plan.rules.counted else nodes.stats[:, : plan.rules.size].sum(axis=1)
    slots = growth.next(SMALL, lambda order: np.cumsum(rows[order]) * plan.row_bytes <= plan.budget)
    found = blocks.tally(gathered, growth.trees(slots), plan.sampling, merge=merge_gathered)
    growth.grown.append(_subtrees(growth, slots, found))
    growth.state[slots] = LEAF
    growth.nodes.feature[slots] = -1


def _subtrees(growth: Growth, slots: NDArray, found: Gathered) -> Nodes:
    plan, nodes = growth.plan, growth.nodes
    fill = np.empty((len(found.y), nodes.stats.shape[1]))
    classes = len(plan.units.class_weight)
    fillings(found.y, found.weight, found.times, classes, plan.units.counted, plan.units.square_scale, fill)
    starts = np.searchsorted(found.slot, np.arange(len(slots) + 1))
    most = int(np.maximum(1, 2 * np.diff(starts) - 1).sum())
    path, owner, gain = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most)
    feature, cut, also = (np.full(most, -1, np.int32) for _ in range(3))
    stats = np.empty((most, fill.shape[1]))
    width, kinds = plan.bins.width, plan.bins.categorical
    tables = np.empty((most if kinds.any() else 0, width + 1), bool)
    tree = nodes.tree[slots]
    n, used = grow_subtrees(
        found.X, fill, starts, nodes.stats[slots], nodes.path[slots], growth.depth[slots].astype(np.int64),
        plan.sampling.nodes[tree], plan.sampling.wanted, plan.max_depth, plan.bins.counts, plan.bins.missing, kinds,
        plan.rules, width, path, owner, feature, cut, also, gain, stats, tables,
    )  # fmt: skip
    by_table = also[:n] < -1
    also[:n][by_table] -= len(growth.tables)
    growth.tables = np.concatenate([growth.tables, tables[:used]])
    made = Nodes.new(tree[owner[:n]], path[:n], stats[:n])
    return made._replace(feature=feature[:n], cut=cut[:n], also=also[:n], gain=gain[:n])


def _whole(growth: Growth) -> tuple[Nodes, NDArray]:
    """All nodes in their order, children found by their paths, tables in the order of their nodes."""
    nodes = growth.nodes
    small = np.zeros(len(nodes.tree), bool)
    for some in growth.grown:
        keys = _key(some)
        small |= np.isin(_key(nodes), keys)
    nodes = nodes.taken(~small)
    for some in growth.grown:
        nodes = nodes.joined(some)
    nodes = nodes.taken(np.lexsort((nodes.path, nodes.tree)))
    split = nodes.feature >= 0
    keys = _key(nodes)
    child = np.searchsorted(keys, (nodes.tree << 32) + 2 * nodes.path)
    by_table = split & (nodes.also < -1)
    tables = growth.tables[-2 - nodes.also[by_table]]
    also = nodes.also.copy()
    also[by_table] = -2 - np.arange(len(tables), dtype=np.int32)
    left = np.where(split, child, -1).astype(np.int32)
    return nodes._replace(left=left, also=also), tables


def _key(nodes: Nodes) -> NDArray:
    return (nodes.tree << 32) + nodes.path
