"""The loop that grows trees: every pass handles as many open nodes of all trees as memory allows.

The trees do not depend on which pass handles a node, nor on which other nodes the pass handles.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.best import best_splits
from treefold.algorithms.forest.growth import LEAF, OPEN, SMALL, Growth, Nodes, Plan, depth_of
from treefold.algorithms.forest.histograms import (
    Gathered,
    cell_type,
    gathered,
    histograms,
    merge_gathered,
    merge_histograms,
)
from treefold.algorithms.forest.kernels_subtree import fillings, grow_subtrees, worth
from treefold.dataset.blocks import Blocks


def grow(blocks: Blocks, plan: Plan, on_pass: Callable[[Growth], None]) -> tuple[Nodes, NDArray]:
    """Grow all trees.

    Parameters
    ----------
    blocks : Blocks
        Binned blocks.
    plan : Plan
        What is grown, and how much memory a pass may use.
    on_pass : callable
        Called after every pass.

    Returns
    -------
    tuple of Nodes and NDArray
        Nodes ordered by tree and path, and the tables of their categorical splits.
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
    """One pass: histograms of open nodes, their best splits, and their children."""
    plan, nodes = growth.plan, growth.nodes
    slots = growth.next(OPEN, lambda order: np.arange(1, len(order) + 1) * plan.slot_bytes <= plan.budget)
    tree, path, attempt = nodes.tree[slots], nodes.path[slots], growth.attempt[slots]
    tried = plan.sampling.candidates(tree, path, attempt, len(plan.bins.counts))
    cells = _counted(blocks, growth, slots, tried)
    best = best_splits(cells, tried, plan.bins, plan.rules)
    nodes.stats[slots] = best.total
    again = (best.candidate < 0) & best.constant & ((attempt + 1) * plan.sampling.wanted < len(plan.bins.counts))
    worthy = _worthy(growth, best.total, path)
    growth.attempt[slots] += again
    growth.state[slots] = np.where(again & worthy, OPEN, LEAF)
    split = np.flatnonzero((best.candidate >= 0) & worthy)
    if not len(split):
        return
    at, feature = slots[split], tried[split, best.candidate[split]]
    nodes.feature[at], nodes.cut[at], nodes.gain[at] = feature, best.cut[split], best.gain[split]
    nodes.left[at] = len(nodes.tree) + 2 * np.arange(len(split))
    nodes.also[at] = best.also[split]
    by_table = np.flatnonzero(plan.bins.categorical[feature])
    nodes.also[at[by_table]] = -2 - len(growth.tables) - np.arange(len(by_table))
    if len(by_table):
        growth.tables = np.concatenate([growth.tables, best.tables[split[by_table]]])
    _add_children(growth, at, best.left[split])
    _keep_parents(growth, at, cells[split])


def _counted(blocks: Blocks, growth: Growth, slots: NDArray, tried: NDArray) -> NDArray:
    """Histograms of nodes. If the parent's histogram is kept, only the lighter sibling's rows are counted."""
    plan, nodes = growth.plan, growth.nodes
    weight, place = nodes.stats[:, : plan.rules.size].sum(axis=1), {int(node): i for i, node in enumerate(slots)}
    heavier = {}
    for left in [node for node in growth.parents if node in place or node + 1 in place]:
        parent = growth.parents.pop(left)
        if left in place and left + 1 in place:
            heavy = left if weight[left] > weight[left + 1] else left + 1
            heavier[place[heavy]] = parent, place[2 * left + 1 - heavy]
    sent = np.array([i not in heavier for i in range(len(slots))])
    reported = blocks.reduce_tasks(
        histograms, growth.trees(slots[sent]), tried[sent], plan.sampling, plan.units, plan.bins.width,
        merge=merge_histograms,
    ).cells  # fmt: skip
    kind = cell_type(plan.units)
    if sent.all():
        return reported.astype(kind, copy=False)
    cells = np.empty((len(slots), *reported.shape[1:]), kind)
    cells[sent] = reported
    for heavy, (parent, light) in heavier.items():
        np.subtract(parent, cells[light], out=cells[heavy])
    return cells


def _keep_parents(growth: Growth, parents: NDArray, cells: NDArray) -> None:
    """Keep histograms of nodes whose children both try the same features, as far as memory allows."""
    plan, left = growth.plan, growth.nodes.left[parents]
    if plan.sampling.wanted < len(plan.bins.counts):
        return
    both = np.flatnonzero((growth.state[left] == OPEN) & (growth.state[left + 1] == OPEN))
    for i in both[: max(0, plan.budget // plan.slot_bytes - len(growth.parents))]:
        growth.parents[int(left[i])] = cells[i].copy()


def _worthy(growth: Growth, stats: NDArray, path: NDArray) -> NDArray:
    out = np.empty(len(stats), bool)
    worth(np.ascontiguousarray(stats), depth_of(path), growth.plan.max_depth, growth.plan.rules, out)
    return out


def _add_children(growth: Growth, parents: NDArray, left: NDArray) -> None:
    nodes, plan = growth.nodes, growth.plan
    stats = np.stack([left, nodes.stats[parents] - left], axis=1).reshape(-1, left.shape[1])
    path = (2 * nodes.path[parents][:, None] + [0, 1]).ravel()
    rows = stats[:, -1] if plan.rules.counted else stats[:, : plan.rules.size].sum(axis=1)
    state = np.where(plan.small(rows, depth_of(path)), SMALL, OPEN)
    state = np.where(_worthy(growth, stats, path), state, LEAF)
    growth.nodes = nodes.joined(Nodes.new(np.repeat(nodes.tree[parents], 2), path, stats))
    growth.state = np.concatenate([growth.state, state])
    growth.attempt = np.concatenate([growth.attempt, np.zeros(len(state), np.int64)])


def _finish(blocks: Blocks, growth: Growth) -> None:
    """One pass: collect the rows of small nodes and grow their complete subtrees on the driver."""
    plan, nodes = growth.plan, growth.nodes
    rows = nodes.stats[:, -1] if plan.rules.counted else nodes.stats[:, : plan.rules.size].sum(axis=1)
    slots = growth.next(SMALL, lambda order: np.cumsum(rows[order]) * plan.row_bytes <= plan.budget)
    found = blocks.reduce_tasks(gathered, growth.trees(slots), plan.sampling, merge=merge_gathered)
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
    """All nodes in order, with children found by their paths and tables in the order of their nodes."""
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
