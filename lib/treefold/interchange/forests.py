"""Forests as fitted forests of scikit-learn and pyspark.ml, with the same predictions."""

from typing import Any

import numpy as np
from pyspark.mllib.common import _py2java
from pyspark.mllib.linalg import Vectors
from pyspark.sql import SparkSession

from treefold.algorithms.forest import ForestModel
from treefold.errors import InputError


def scikit_learn(model: ForestModel) -> Any:
    """A ``sklearn.ensemble.RandomForestClassifier`` or ``RandomForestRegressor``.

    It casts rows to float32 before it compares them. Missing values take the same branches.

    Parameters
    ----------
    model : ForestModel
        The fitted model.

    Returns
    -------
    sklearn estimator

    Raises
    ------
    InputError
        If scikit-learn is not installed, or splits are categorical, which it does not support.
    """
    try:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    except ImportError as error:
        raise InputError("scikit-learn is not installed: install scikit-learn to export to it") from error
    if len(model.tables):
        raise InputError("scikit-learn's forests have no categorical splits: encode such columns before the fit")
    kind = RandomForestClassifier if model.classes else RandomForestRegressor
    made = kind(model.size, bootstrap=False)
    rows = max(1, model.classes)
    made.fit(np.zeros((rows, model.features)), np.arange(rows))  # sets all attributes except the trees
    for empty, tree in zip(made.estimators_, model.trees, strict=True):
        empty.tree_ = _scikit_tree(tree, type(empty.tree_))
    return made


def _scikit_tree(tree: ForestModel, kind: type) -> Any:
    outputs = max(1, tree.classes)
    made = kind(tree.features, np.array([outputs], np.intp), 1)
    state = made.__getstate__()
    nodes = np.zeros(len(tree.feature), state["nodes"].dtype)
    split = tree.feature >= 0
    nodes["left_child"], nodes["right_child"] = tree.left, np.where(split, tree.left + 1, -1)
    nodes["feature"] = np.where(split, tree.feature, -2)
    nodes["threshold"] = np.where(split, tree.threshold, -2.0)
    nodes["impurity"], nodes["weighted_n_node_samples"] = tree.impurity, tree.weight
    nodes["n_node_samples"] = np.rint(tree.weight)
    nodes["missing_go_to_left"] = tree.nan_left
    values = np.ascontiguousarray(tree.value[:, None, :], np.float64)
    made.__setstate__({**state, "max_depth": tree.depth, "node_count": len(nodes), "nodes": nodes, "values": values})
    return made


def mllib(model: ForestModel, session: SparkSession) -> Any:
    """A ``pyspark.ml`` RandomForestClassificationModel or RandomForestRegressionModel, built in the JVM node by node.

    It does not support missing values: NaN and unknown categories go right.
    """
    from pyspark.ml import classification, regression

    wrapper: Any
    package: Any = session.sparkContext._jvm.org.apache.spark.ml  # type: ignore[union-attr]
    if model.classes:
        name, wrapper, room = "RandomForestClassificationModel", classification, package.classification
        tree_class, sizes = room.DecisionTreeClassificationModel, (model.features, model.classes)
    else:
        name, wrapper, room = "RandomForestRegressionModel", regression, package.regression
        tree_class, sizes = room.DecisionTreeRegressionModel, (model.features,)  # type: ignore[assignment]
    uid = package.util.Identifiable.randomUID
    trees = session.sparkContext._gateway.new_array(tree_class, model.size)  # type: ignore[union-attr]
    for t, tree in enumerate(model.trees):
        trees[t] = tree_class(uid("dt"), _mllib_root(tree, session), *sizes)
    own = uid("rf")
    inside = getattr(room, name)(own, trees, *sizes)
    inside.set(inside.numTrees(), model.size)  # the number by which it divides
    made = getattr(wrapper, name)(inside)
    made._resetUid(own)
    made._set(numTrees=model.size)
    return made


def _mllib_root(tree: ForestModel, session: SparkSession) -> Any:
    context = session.sparkContext
    jvm: Any = context._jvm
    room, copy = jvm.org.apache.spark.ml.tree, jvm.java.util.Arrays.copyOfRange
    calculators = jvm.org.apache.spark.mllib.tree.impurity
    calculator = calculators.GiniCalculator if tree.classes else calculators.VarianceCalculator
    w, mean = tree.weight[:, None], tree.value
    stats = mean * w if tree.classes else np.hstack([w, mean * w, (tree.impurity[:, None] + mean**2) * w])
    flat, width = _doubles(stats.ravel(), session), stats.shape[1]
    made: dict[int, Any] = {}
    for node in range(len(tree.feature) - 1, -1, -1):
        held = calculator(copy(flat, node * width, (node + 1) * width), round(float(tree.weight[node])))
        says = float(mean[node].argmax() if tree.classes else mean[node, 0])
        impurity, left = float(tree.impurity[node]), int(tree.left[node])
        if left < 0:
            made[node] = room.LeafNode(says, impurity, held)
            continue
        below = made.pop(left), made.pop(left + 1)
        made[node] = room.InternalNode(
            says, impurity, float(tree.gain[node]), *below, _mllib_split(tree, node, session), held
        )
    return made[0]


def _mllib_split(tree: ForestModel, node: int, session: SparkSession) -> Any:
    room: Any = session.sparkContext._jvm.org.apache.spark.ml.tree  # type: ignore[union-attr]
    feature, table = int(tree.feature[node]), int(tree.table[node])
    if table < 0:
        return room.ContinuousSplit(feature, float(tree.threshold[node]))
    goes_left = np.flatnonzero(tree.tables[table]).astype(float)
    return room.CategoricalSplit(feature, _doubles(goes_left, session), tree.tables.shape[1])


def _doubles(values: Any, session: SparkSession) -> Any:
    """An array of doubles in the JVM."""
    return _py2java(session.sparkContext, Vectors.dense(values)).toArray()
