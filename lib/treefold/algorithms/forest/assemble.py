"""Assembly of grown nodes into a model: bins become values, and integers become weights and labels again."""

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.bins import Bins
from treefold.algorithms.forest.first_pass import FirstPass
from treefold.algorithms.forest.growth import Nodes, Plan
from treefold.algorithms.forest.histograms import Trees
from treefold.algorithms.forest.kernels_impurity import impurities
from treefold.algorithms.forest.model import ForestModel


def trees_of(nodes: Nodes, tables: NDArray) -> Trees:
    """Grown trees in the form in which binned rows traverse them."""
    roots = _roots(nodes)
    return Trees(roots, np.arange(len(roots)), nodes.steps(np.empty(0, np.intp)), tables)


def model_of(nodes: Nodes, tables: NDArray, plan: Plan, first_pass: FirstPass) -> ForestModel:
    """The model of nodes ordered by tree and path. A tree with an empty sample predicts the mean of all rows.

    Parameters
    ----------
    nodes : Nodes
        Grown nodes, ordered by tree and path.
    tables : (categorical splits, bins) bool
        Which bins go left at each categorical split.
    plan : Plan
        Bins, units and rules with which the trees grew.
    first_pass : FirstPass
        Labels and quantiles of all rows.

    Returns
    -------
    ForestModel
    """
    bins, units = plan.bins, plan.units
    table = np.where(nodes.also < -1, -2 - nodes.also, -1).astype(np.int32)
    nan_left = _nan_left(nodes, table, tables, bins)
    impurity = np.empty(len(nodes.stats))
    impurities(np.ascontiguousarray(nodes.stats), plan.rules, impurity)
    squared = 1.0 if len(units.class_weight) else units.mean_scale**2
    weight, value = _class_shares(nodes, plan, first_pass) if len(units.class_weight) else _means(nodes, plan)
    return ForestModel(
        features=len(bins.counts),
        classes=len(units.class_weight),
        roots=_roots(nodes),
        feature=nodes.feature,
        threshold=_thresholds(nodes, table, bins),
        left=nodes.left,
        nan_left=nan_left,
        table=table,
        tables=_by_category(nodes, table, tables, nan_left, bins),
        value=value,
        weight=weight,
        impurity=impurity * squared,
        gain=nodes.gain * squared,
    )


def _roots(nodes: Nodes) -> NDArray:
    return np.flatnonzero(nodes.path == 1).astype(np.int32)


def _class_shares(nodes: Nodes, plan: Plan, first_pass: FirstPass) -> tuple[NDArray, NDArray]:
    factors = plan.units.class_weight
    stats = nodes.stats[:, : len(factors)]
    weight, prior = stats.sum(axis=1), first_pass.labels.classes * factors
    safe = np.where(weight > 0, weight, 1.0)[:, None]
    return weight * plan.units.weight, np.where(weight[:, None] > 0, stats / safe, prior / prior.sum())


def _means(nodes: Nodes, plan: Plan) -> tuple[NDArray, NDArray]:
    weight, units = nodes.stats[:, 0], plan.units
    mean = nodes.stats[:, 1] / np.where(weight > 0, weight, 1.0) * units.mean_scale
    return weight * units.weight, (units.shift + mean)[:, None]


def _thresholds(nodes: Nodes, table: NDArray, bins: Bins) -> NDArray:
    """Cut of each split in the unit of its feature; infinite if only missing values go right."""
    cuts = np.concatenate([bins.cuts, np.full((len(bins.cuts), 1), np.inf)], axis=1)
    numeric = (nodes.feature >= 0) & (table < 0)
    cut = np.where(numeric, nodes.cut, 0)
    return np.where(numeric, cuts[np.where(numeric, nodes.feature, 0), cut], np.nan)


def _nan_left(nodes: Nodes, table: NDArray, tables: NDArray, bins: Bins) -> NDArray:
    found = (nodes.feature >= 0) & (nodes.also >= 0)
    categorical = table >= 0
    found[categorical] = tables[table[categorical], bins.counts[nodes.feature[categorical]]]
    return found


def _by_category(nodes: Nodes, table: NDArray, tables: NDArray, nan_left: NDArray, bins: Bins) -> NDArray:
    """Which categories go left; a category beyond those of its feature goes the same way as a missing value."""
    most = int(bins.counts[bins.categorical].max(initial=0))
    cut = tables[:, :most].copy()
    at = table >= 0
    beyond = np.arange(most) >= bins.counts[nodes.feature[at]][:, None]
    cut[table[at]] = np.where(beyond, nan_left[at][:, None], cut[table[at]])
    return cut
