"""A k-means model as a pyspark.ml Model."""

from typing import Any, Self

import numpy as np
from pyspark.ml.linalg import Vector
from pyspark.sql import DataFrame, SparkSession

from treefold.algorithms.kmeans.clusters import Clusters, clusters
from treefold.algorithms.kmeans.first_pass import first_pass
from treefold.interchange import mllib, scikit
from treefold.ml.attributes import class_attributes
from treefold.ml.base import ColumnOptions
from treefold.ml.clustering.clustering_fit import mean_silhouettes
from treefold.ml.clustering.evaluation import Evaluation
from treefold.ml.clustering.params import ClusterOptions
from treefold.ml.clustering.summary import KMeansSummary
from treefold.ml.model import SparkModel
from treefold.ml.spark_params import one_column, with_params


class KMeansModel(SparkModel, ClusterOptions):
    """Fitted :class:`~treefold.ml.clustering.kmeans.KMeans`."""

    outputs = ("prediction", "distance")

    def with_params_of(self, estimator: ColumnOptions, data: DataFrame) -> Self:
        """See :class:`~treefold.ml.model.SparkModel`; ``k`` is the number of clusters that was chosen."""
        return super().with_params_of(estimator, data).setParams(k=len(self.numpy_model.centres))

    def trained_on(self, data: DataFrame) -> Self:
        """The model with the summary of its training data."""
        self.training_summary = KMeansSummary(self, data, self.training_summary)
        return self

    def about(self) -> dict[str, Any]:
        """See :class:`~treefold.ml.model.SparkModel`."""
        own = {"k": len(self.numpy_model.centres), "distanceMeasure": self.getOrDefault("distanceMeasure")}
        return own | super().about()

    def attributes(self) -> dict[str, dict[str, Any]]:
        """The number of clusters."""
        return class_attributes(("prediction",), len(self.numpy_model.centres))

    @property
    def partial_rows(self) -> int:  # type: ignore[override]
        """The number of centres."""
        return len(self.numpy_model.centres)

    def clusterCenters(self) -> list[np.ndarray]:
        """The centres, each ``(features,)``."""
        return list(self.numpy_model.centres)

    @property
    def numFeatures(self) -> int:
        """Number of features."""
        return self.numpy_model.features

    def predict(self, value: Vector) -> int:
        """Cluster of one vector of features."""
        return int(self.numpy_model.predict(value.toArray()[None])[0])

    def evaluate(self, dataset: DataFrame) -> Evaluation:
        """Cost, cluster sizes, and exact and simplified silhouette on a data set: two passes."""
        batch = self.numpy_model.batch
        with self.open(dataset) as blocks:
            first_pass(blocks, self.cosine, ())
            sums: Clusters = blocks.sum(clusters, batch)
            ((silhouette, simplified),) = mean_silhouettes(blocks, batch, sums)
            scores = {
                "rows": int(sums.rows.sum()),
                "cost": self._cost(sums),
                "silhouette": silhouette,
                "simplified_silhouette": simplified,
                "cluster_sizes": [int(rows) for rows in sums.rows],
            }
            return Evaluation(scores, blocks.passes)

    def computeCost(self, dataset: DataFrame) -> float:
        """Weighted sum of squared distances from the nearest centres, or of 1 - cos: one pass."""
        with self.open(dataset) as blocks:
            return self._cost(blocks.sum(clusters, self.numpy_model.batch))

    def toSklearn(self) -> Any:
        """The model as scikit-learn's KMeans; for the cosine distance in a Pipeline after a Normalizer."""
        return scikit.kmeans(self.numpy_model)

    def toSpark(self, session: SparkSession) -> Any:
        """The model as pyspark.ml's KMeansModel, with the params that both have.

        Raises
        ------
        InputError
            If the features are several columns: pyspark.ml takes one column of vectors.
        """
        one_column(self)
        return with_params(mllib.kmeans(self.numpy_model, session), self)

    def _cost(self, sums: Clusters) -> float:
        return float(sums.cost.sum()) / (2 if self.cosine else 1)
