"""Models of pyspark.ml, made in the JVM: they transform as ours do."""

from typing import Any

from pyspark.ml import clustering
from pyspark.mllib.common import _py2java
from pyspark.mllib.linalg import Vectors
from pyspark.sql import SparkSession

from treefold.algorithms.kmeans import KMeansModel


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
