"""Models as models of pyspark.ml, built in the JVM, which transform alike; and the reverse."""

from typing import Any

import numpy as np
from pyspark.ml import classification, clustering, regression
from pyspark.ml.common import _py2java as ml2java
from pyspark.ml.linalg import DenseMatrix, DenseVector
from pyspark.mllib.common import _py2java
from pyspark.mllib.linalg import Vectors
from pyspark.sql import SparkSession

from treefold.algorithms.kmeans import KMeansModel
from treefold.algorithms.linear import LinearModel
from treefold.errors import InputError


def kmeans(model: KMeansModel, session: SparkSession) -> Any:
    """A ``pyspark.ml.clustering.KMeansModel``, without a summary."""
    context = session.sparkContext
    jvm: Any = context._jvm
    array: Any = context._gateway.new_array  # type: ignore[union-attr]
    vectors = _py2java(context, [Vectors.dense(row) for row in model.centres])
    centres = array(jvm.org.apache.spark.mllib.linalg.Vector, len(model.centres))
    for i in range(len(model.centres)):
        centres[i] = vectors[i]
    measure = "cosine" if model.cosine else "euclidean"
    inside = jvm.org.apache.spark.mllib.clustering.KMeansModel(centres, measure, 0.0, 0)
    uid = jvm.org.apache.spark.ml.util.Identifiable.randomUID("kmeans")
    made = clustering.KMeansModel(jvm.org.apache.spark.ml.clustering.KMeansModel(uid, inside))
    made._resetUid(uid)
    made._set(distanceMeasure=measure, k=len(model.centres))
    return made


def linear(model: LinearModel, session: SparkSession) -> Any:
    """A ``LinearRegressionModel``, ``LogisticRegressionModel`` or ``LinearSVCModel``, without a summary.

    Raises
    ------
    InputError
        If pyspark.ml has no such model: a support vector machine of more than two classes, or another link.
    """
    jvm: Any = session.sparkContext._jvm
    ml = jvm.org.apache.spark.ml

    def java(value: Any) -> Any:
        return ml2java(session.sparkContext, value)

    coef, intercept = model.coef[:, :-1], model.coef[:, -1]
    uid = ml.util.Identifiable.randomUID
    if model.link in ("logistic", "softmax"):
        matrix = java(DenseMatrix(len(coef), coef.shape[1], coef.ravel().tolist(), True))
        made = ml.classification.LogisticRegressionModel(
            uid("logreg"), matrix, java(DenseVector(intercept)), model.classes, model.link == "softmax"
        )
        theirs: Any = classification.LogisticRegressionModel(made)
        theirs._set(**({"thresholds": list(model.thresholds)} if model.thresholds else {"threshold": model.threshold}))
    elif model.link == "identity":
        made = ml.regression.LinearRegressionModel(
            uid("linReg"), java(DenseVector(coef[0])), float(intercept[0]), model.scale
        )
        theirs = regression.LinearRegressionModel(made)
    elif model.link == "margin" and len(coef) == 1:
        made = ml.classification.LinearSVCModel(uid("linearsvc"), java(DenseVector(coef[0])), float(intercept[0]))
        theirs = classification.LinearSVCModel(made)
        theirs._set(threshold=model.threshold)
    else:
        raise InputError(f"pyspark.ml has no model with the link {model.link} and {len(coef)} outputs")
    return theirs


def linear_model(theirs: Any) -> LinearModel:
    """A LinearModel from a ``LinearRegressionModel``, ``LogisticRegressionModel`` or ``LinearSVCModel`` of pyspark.ml.

    Raises
    ------
    InputError
        If it is none of them.
    """
    if isinstance(theirs, classification.LogisticRegressionModel):
        coef = np.column_stack([theirs.coefficientMatrix.toArray(), theirs.interceptVector.toArray()])
        if len(coef) == 1:
            return LinearModel(coef, "logistic", theirs.getThreshold())
        thresholds = tuple(theirs.getThresholds()) if theirs.isSet("thresholds") else None
        return LinearModel(coef, "softmax", thresholds=thresholds)
    if isinstance(theirs, regression.LinearRegressionModel | classification.LinearSVCModel):
        coef = np.append(theirs.coefficients.toArray(), theirs.intercept)[None]
        if isinstance(theirs, regression.LinearRegressionModel):
            return LinearModel(coef, "identity", scale=theirs.scale)
        return LinearModel(coef, "margin", theirs.getThreshold())
    raise InputError(
        f"a {type(theirs).__name__} cannot be taken over: give pyspark.ml's LinearRegressionModel, "
        "LogisticRegressionModel or LinearSVCModel"
    )
