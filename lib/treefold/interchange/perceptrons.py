"""Perceptrons as fitted perceptrons of scikit-learn and pyspark.ml, with the same predictions."""

from typing import Any

import numpy as np
from pyspark.ml import classification
from pyspark.ml.common import _py2java
from pyspark.ml.linalg import DenseVector
from pyspark.sql import SparkSession

from treefold.algorithms.perceptron import PerceptronModel
from treefold.errors import InputError
from treefold.interchange.scikit import MISSING

NAMES = {"identity": "identity", "relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}


def scikit_learn(model: PerceptronModel) -> Any:
    """A ``sklearn.neural_network.MLPClassifier`` or ``MLPRegressor``.

    For two classes its single output is the log-odds.

    Raises
    ------
    InputError
        If scikit-learn is not installed, or has no such model: one with thresholds, or before version 1.7 of counts.
    """
    try:
        from sklearn.neural_network import MLPClassifier, MLPRegressor
        from sklearn.preprocessing import LabelBinarizer
    except ImportError as error:
        raise InputError(MISSING) from error
    if model.thresholds is not None:
        raise InputError("scikit-learn has no thresholds for several classes: clear thresholds first")
    kind = MLPClassifier if model.classes else MLPRegressor
    counts = {"loss": "poisson"} if model.link == "log" else {}
    try:
        made = kind(hidden_layer_sizes=model.sizes[1:-1], activation=NAMES[model.activation], **counts)
    except TypeError as error:
        raise InputError("scikit-learn's MLPRegressor has the Poisson loss from version 1.7 on: use toOnnx") from error
    maps = [(weights.copy(), bias.copy()) for weights, bias in model.layers.affine(model.weights)]
    if model.classes == 2:
        weights, bias = maps[-1]
        maps[-1] = weights[:, 1:] - weights[:, :1], bias[1:] - bias[:1]
    made.coefs_, made.intercepts_ = [list(part) for part in zip(*maps, strict=True)]
    made.n_layers_, made.n_outputs_, made.n_features_in_ = len(model.sizes), len(maps[-1][1]), model.features
    made.out_activation_ = "exp" if counts else "identity"
    if model.classes:
        made.out_activation_ = "logistic" if model.classes == 2 else "softmax"
        made.classes_ = np.arange(model.classes, dtype=np.float64)
        made._label_binarizer = LabelBinarizer().fit(made.classes_)
    return made


def mllib(model: PerceptronModel, session: SparkSession) -> Any:
    """A ``pyspark.ml.classification.MultilayerPerceptronClassificationModel``, without a summary.

    Raises
    ------
    InputError
        If pyspark.ml has no such model: a regression, or another activation than the sigmoid.
    """
    if not model.classes or model.activation != "sigmoid":
        what = f"activation {model.activation}" if model.classes else "no classes"
        raise InputError(f"pyspark.ml's perceptrons have classes and sigmoids, and this one has {what}: use toOnnx")
    package: Any = session.sparkContext._jvm.org.apache.spark.ml  # type: ignore[union-attr]
    uid = package.util.Identifiable.randomUID("mlpc")
    weights = _py2java(session.sparkContext, DenseVector(model.weights))
    made = classification.MultilayerPerceptronClassificationModel(
        package.classification.MultilayerPerceptronClassificationModel(uid, weights)
    )
    made._resetUid(uid)
    made._set(layers=list(model.sizes))
    return made
