"""Forests as ONNX graphs.

``TreeEnsemble`` returns one number for each leaf: here the number of the leaf, by which the values of a row are
gathered for all trees and summed, in float64 and for any number of classes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest import ForestModel
from treefold.interchange.onnx.graph import Graph, chosen

UP_TO, IS_AMONG = 0, 6  # modes of nodes
SUM = 1


def forest(model: ForestModel) -> Graph:
    """Graph of a forest."""
    leaf = model.feature < 0
    constants: dict[str, Any] = {
        "values": model.value[leaf], "size": np.array(float(model.size)), "one": np.array([1]),
    }  # fmt: skip
    steps = "seen = Identity(features)"
    if len(model.tables):  # some runtimes truncate numbers that are not integers, which are not categories
        constants |= {"numeric": _numeric(model), "unknown": np.array(-1.0)}
        steps = (
            "floor = Floor(features) whole = Equal(floor, features) sound = Or(whole, numeric)"
            " seen = Where(sound, features, unknown)"
        )
    steps += (
        " ends = ai.onnx.ml.TreeEnsemble(seen) end = Cast<to = 7>(ends)"
        " each = Gather<axis = 0>(values, end) total = ReduceSum<keepdims = 0>(each, one)"
    )
    if model.with_leaves:
        constants["numbers"] = model.leaf_numbers[leaf].astype(np.float64)
        steps += " leaf = Gather<axis = 0>(numbers, end)"
    trees = {"ends": _trees(model)}
    if not model.classes:
        return Graph(f"{steps} mean = Div(total, size) prediction = Squeeze(mean, one)", constants, trees)
    more, own = chosen("probability", model.thresholds, 0.0)
    steps += f" rawPrediction = Identity(total) probability = Div(total, size) {more}"
    return Graph(f"{steps} prediction = Cast<to = 11>(chosen)", constants | own, trees)


def _trees(model: ForestModel) -> dict[str, Any]:
    """Attributes of the operator. Splits and leaves are numbered separately, in the order of the nodes.

    A categorical split tests whether a value is in a set: the categories of the side to which unknown categories and
    missing values do not go. A tree that is a single leaf becomes a node whose two branches end at that leaf.
    """
    bare = model.roots[model.feature[model.roots] < 0]
    split = model.feature >= 0
    split[bare] = True
    at = np.flatnonzero(split)
    left = np.where(model.feature[at] < 0, at, model.left[at])
    right = np.where(model.feature[at] < 0, at, model.left[at] + 1)
    among, nan_left = model.table[at] >= 0, model.nan_left[at]
    turned = among & nan_left
    ways = {"true": np.where(turned, right, left), "false": np.where(turned, left, right)}
    number, end = np.cumsum(split) - 1, np.cumsum(model.feature < 0) - 1
    leaves = np.flatnonzero(model.feature < 0)
    made: dict[str, Any] = {
        "tree_roots": number[model.roots].tolist(), "n_targets": model.size, "aggregate_function": SUM,
        "nodes_featureids": np.maximum(model.feature[at], 0).tolist(),
        "nodes_missing_value_tracks_true": (nan_left & ~among).astype(int).tolist(),
        "leaf_targetids": (np.searchsorted(model.roots, leaves, side="right") - 1).tolist(),
    }  # fmt: skip
    for way, child in ways.items():
        ends = model.feature[child] < 0
        made[f"nodes_{way}nodeids"] = np.where(ends, end[child], number[child]).tolist()
        made[f"nodes_{way}leafs"] = ends.astype(int).tolist()
    tensors = {
        "nodes_splits": np.nan_to_num(model.threshold[at], posinf=np.inf, neginf=-np.inf),
        "nodes_modes": np.where(among, IS_AMONG, UP_TO).astype(np.uint8),
        "leaf_weights": np.arange(len(leaves), dtype=np.float64),
    }
    if among.any():
        tensors["membership_values"] = _sets(model.tables[model.table[at][among]], nan_left[among])
    return made | tensors


def _numeric(model: ForestModel) -> NDArray:
    """Which features have no categorical split, ``(features,)``."""
    numeric = np.ones(model.features, bool)
    numeric[model.feature[model.table >= 0]] = False
    return numeric


def _sets(tables: NDArray, nan_left: NDArray) -> NDArray:
    """Categories that do not go the way of missing values, split after split; each set ends with NaN."""
    listed = np.column_stack([tables != nan_left[:, None], np.ones(len(tables), bool)])
    number = np.append(np.arange(tables.shape[1], dtype=np.float64), np.nan)
    return np.broadcast_to(number, listed.shape)[listed]
