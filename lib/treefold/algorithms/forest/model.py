"""A fitted forest that scores rows with arrays alone."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.kernels_predict import NODE, leaves, votes
from treefold.algorithms.forest.tree_structure import leaf_numbers_of, levels_of
from treefold.dataset.tables import features_by_name
from treefold.errors import InputError
from treefold.metrics.predictions import Predictions
from treefold.registry import saved_as

ARRAYS = (
    "roots", "feature", "threshold", "left", "nan_left", "table", "tables", "value", "weight", "impurity", "gain",
)  # fmt: skip


@saved_as("ForestModel")
@dataclass(frozen=True, eq=False)
class ForestModel:
    """Trees, whose nodes follow each other; within a tree they are ordered by level, from left to right.

    Attributes
    ----------
    features : int
    classes : int
        0 for a regression.
    roots : (trees,) int32
    feature : (nodes,) int32
        The feature by which a node splits; -1 for a leaf.
    threshold : (nodes,) float64
        Values up to it go left; NaN for a categorical split and for a leaf.
    left : (nodes,) int32
        The left child; the right child is the node after it.
    nan_left : (nodes,) bool
        Whether missing values and categories that the node has not seen go left. It is learned if the node had missing
        values; otherwise they go to the heavier child.
    table : (nodes,) int32
        Row of ``tables`` of a categorical split; -1 for any other node.
    tables : (categorical splits, categories) bool
        Which categories go left.
    value : (nodes, outputs) float64
        Share of each class, or the mean of the label.
    weight, impurity, gain : (nodes,) float64
        Weight of the training rows in the tree's sample, their impurity, and its decrease by the split.
    thresholds : (classes,) or None
        The class of greatest probability divided by threshold is predicted.
    with_leaves : bool
        Whether ``outputs`` include the leaves.
    feature_names : tuple of str
        Names by which features are found in tables; empty if they are not known.
    """

    features: int
    classes: int
    roots: NDArray
    feature: NDArray
    threshold: NDArray
    left: NDArray
    nan_left: NDArray
    table: NDArray
    tables: NDArray
    value: NDArray
    weight: NDArray
    impurity: NDArray
    gain: NDArray
    thresholds: NDArray | None = None
    with_leaves: bool = False
    feature_names: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of trees."""
        return len(self.roots)

    @property
    def trees(self) -> "list[ForestModel]":
        """Each tree as a forest of one."""
        ends = [*self.roots[1:], len(self.feature)]
        return [self._part(int(a), int(b)) for a, b in zip(self.roots, ends, strict=True)]

    def _part(self, begin: int, end: int) -> "ForestModel":
        own = slice(begin, end)
        table = self.table[own]
        used = table[table >= 0]
        first = used[0] if len(used) else 0  # tables have the order of their nodes
        return replace(
            self,
            roots=np.zeros(1, np.int32),
            left=np.where(self.left[own] < 0, -1, self.left[own] - begin).astype(np.int32),
            table=np.where(table < 0, -1, table - first).astype(np.int32),
            tables=self.tables[used],
            **{name: getattr(self, name)[own] for name in ("feature", "threshold", "nan_left", "value")},
            **{name: getattr(self, name)[own] for name in ("weight", "impurity", "gain")},
        )

    @property
    def levels(self) -> NDArray:
        """Depth of every node; 0 of a root."""
        return levels_of(self.roots, self.feature, self.left)

    @property
    def depth(self) -> int:
        """Depth of the deepest leaf."""
        return int(self.levels.max())

    @property
    def importances(self) -> NDArray:
        """Importance of each feature, ``(features,)``, with sum 1 if any tree splits.

        As in MLlib, it is a feature's share of ``gain * weight`` over the splits of a tree, averaged over the trees.
        """
        tree = np.searchsorted(self.roots, np.arange(len(self.feature)), side="right") - 1
        split = self.feature >= 0
        cell = tree[split] * self.features + self.feature[split]
        total = np.bincount(cell, (self.gain * self.weight)[split], minlength=self.size * self.features)
        total = total.reshape(self.size, self.features).astype(np.float64)
        each = total.sum(axis=1, keepdims=True)
        mean: NDArray = np.divide(total, each, out=np.zeros_like(total), where=each > 0).sum(axis=0)
        return mean / mean.sum() if mean.sum() > 0 else mean

    def raw(self, X: NDArray) -> NDArray:
        """Sum over the trees of the values of the leaves, ``(rows, outputs)``.

        Raises
        ------
        InputError
            If the number of columns of ``X`` is not the number of features.
        """
        X = self._rows(X)
        out = np.zeros((len(X), self.value.shape[1]))
        votes(X, self.roots, self._nodes, self.tables, self.value, out)
        return out

    def leaves(self, X: NDArray) -> NDArray:
        """Leaf of each row in each tree, ``(rows, trees)`` int32: its number among the tree's leaves, left to right."""
        X = self._rows(X)
        out = np.empty((len(X), self.size), np.int32)
        leaves(X, self.roots, self._nodes, self.tables, out)
        return self.leaf_numbers[out]

    def probability(self, X: NDArray) -> NDArray:
        """Probability of each class: the mean over the trees of the shares in the leaves, ``(rows, classes)``."""
        return self.raw(X) / self.size

    def class_of(self, probability: NDArray) -> NDArray:
        """The class of greatest probability, divided by ``thresholds`` if there are any; the first of equal ones."""
        if self.thresholds is None:
            return probability.argmax(axis=1).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.where(probability == 0, 0, probability / self.thresholds)
        return scaled.argmax(axis=1).astype(np.float64)

    def predictions(self, X: NDArray) -> Predictions:
        """Predictions for rows ``X``, with a models axis of length 1."""
        mean = self.raw(X) / self.size
        if not self.classes:
            return Predictions(mean.T)
        probability = mean.T[None]
        score = probability[:, 1] if self.classes == 2 else None
        return Predictions(self.class_of(mean)[None], self.classes, probability, score)

    def threshold_of(self, score: NDArray) -> NDArray:
        """The threshold that corresponds to a score of a binary classifier: the probability itself."""
        return score

    def predict(self, X: NDArray) -> NDArray:
        """Predicted value or class, ``(rows,)``; a table of named columns is read by name, an array by position."""
        mean = self.raw(X) / self.size
        return self.class_of(mean) if self.classes else mean[:, 0]

    def outputs(self, X: NDArray) -> dict[str, NDArray]:
        """Output columns: ``prediction``, ``leaf``, and for a classifier ``rawPrediction`` and ``probability``."""
        raw = self.raw(X)
        found = {"leaf": self.leaves(X).astype(np.float64)} if self.with_leaves else {}
        if not self.classes:
            return {"prediction": raw[:, 0] / self.size, **found}
        probability = raw / self.size
        return {
            "rawPrediction": raw, "probability": probability, "prediction": self.class_of(probability), **found
        }  # fmt: skip

    @property
    def leaf_numbers(self) -> NDArray:
        """Number of each leaf among those of its tree, from left to right; for other nodes that of their first leaf."""
        return leaf_numbers_of(self.levels, self.feature, self.left)

    def save_state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Facts and arrays from which :meth:`from_state` restores the model."""
        chosen = None if self.thresholds is None else [float(t) for t in self.thresholds]
        facts = {
            "features": self.features, "classes": self.classes, "thresholds": chosen,
            "feature_names": self.feature_names,
        }  # fmt: skip
        return facts, {name: getattr(self, name) for name in ARRAYS}

    @classmethod
    def from_state(cls, facts: dict[str, Any], arrays: dict[str, NDArray]) -> "ForestModel":
        """The model of saved facts and arrays."""
        chosen = None if facts["thresholds"] is None else np.array(facts["thresholds"])
        known: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
        names = tuple(facts.get("feature_names", ()))
        made = cls(facts["features"], facts["classes"], thresholds=chosen, feature_names=names, **known)
        made._check()
        return made

    def _check(self) -> None:
        """Raise ValueError unless every descent ends at a leaf: compiled kernels follow the numbers unchecked."""
        nodes, split = len(self.feature), self.feature >= 0
        of_nodes = [getattr(self, name) for name in ARRAYS if name not in ("roots", "tables", "value")]
        if any(array.shape != (nodes,) for array in of_nodes) or self.value.shape[:1] != (nodes,):
            raise ValueError("arrays of other lengths")
        ends = np.append(self.roots[1:], nodes)
        if self.roots[0] != 0 or (ends <= self.roots).any():
            raise ValueError("no trees that follow each other")
        own = np.flatnonzero(split)
        end = ends[np.searchsorted(self.roots, own, "right") - 1]
        left, table = self.left[own], self.table[own]
        if (left <= own).any() or (left + 1 >= end).any():
            raise ValueError("a child that is no node below its parent")
        if (self.feature >= self.features).any() or (table >= len(self.tables)).any():
            raise ValueError("a split by what is not there")

    @cached_property
    def _nodes(self) -> NDArray:
        """The nodes as records; see :data:`treefold.algorithms.forest.kernels_predict.NODE`."""
        nodes, leaf = np.zeros(len(self.feature), NODE), self.feature < 0
        nodes["threshold"], nodes["feature"] = np.where(leaf, np.inf, self.threshold), np.where(leaf, 0, self.feature)
        nodes["left"], nodes["table"] = np.where(leaf, np.arange(len(leaf)), self.left), self.table
        nodes["nan_right"] = ~(self.nan_left | leaf)
        return nodes

    def _rows(self, X: NDArray) -> NDArray:
        X = np.asarray(features_by_name(X, self.feature_names))
        X = np.ascontiguousarray(X, X.dtype if X.dtype in (np.float32, np.float64) else np.float64)
        if X.ndim != 2 or X.shape[1] != self.features:
            raise InputError(f"the model takes rows of {self.features} features, got an array of shape {X.shape}")
        return X
