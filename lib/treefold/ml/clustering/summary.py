"""Summary of a clustering: costs, sizes, silhouettes."""

from typing import Any

from pyspark.ml import clustering
from pyspark.sql import DataFrame

from treefold.dataset.blocks import Pass
from treefold.ml.clustering.clustering_fit import Candidate, ClusteringFit
from treefold.report.charts import Chart


class KMeansSummary(clustering.KMeansSummary):
    """A clustering on its training data, and the summary of its fit; also an instance of pyspark.ml's class.

    It keeps a copy of the model, so params that are changed later do not change its predictions.

    Parameters
    ----------
    model : Any
        The fitted model, which is copied.
    data : DataFrame
        Its training data.
    fit : ClusteringFit
        The summary of the fit.
    """

    _java_obj = None  # the destructor of pyspark.ml's summaries reads it

    def __init__(self, model: Any, data: DataFrame, fit: ClusteringFit) -> None:
        self.model, self.data, self.fit = model.copy(), data, fit
        self.model.training_summary = None

    @property
    def k(self) -> int:
        """Number of clusters."""
        return self.fit.k

    @property
    def trainingCost(self) -> float:
        """Weighted sum of squared distances from the nearest centres (of 1 - cos for the cosine distance)."""
        return self.fit.trainingCost

    @property
    def clusterSizes(self) -> list[int]:
        """Number of rows of positive weight that are nearest to each centre."""
        return self.fit.clusterSizes

    @property
    def numIter(self) -> int:
        """Number of iterations."""
        return self.fit.numIter

    @property
    def outcome(self) -> str:
        """Why the fit ended."""
        return self.fit.outcome

    @property
    def costHistory(self) -> list[float]:
        """Cost at the start and after each iteration."""
        return self.fit.costHistory

    @property
    def restarts(self) -> list[list[float]]:
        """The same for every restart with this k."""
        return self.fit.restarts

    @property
    def candidates(self) -> list[Candidate]:
        """One for each number of clusters that was fitted."""
        return self.fit.candidates

    @property
    def passes(self) -> list[Pass]:
        """The passes of the fit."""
        return self.fit.passes

    @property
    def featuresCol(self) -> Any:
        """The column, or columns, of features."""
        return self.model.value("featuresCol")

    @property
    def predictionCol(self) -> str:
        """The column of clusters."""
        return str(self.model.value("predictionCol"))

    @property
    def predictions(self) -> DataFrame:
        """The training data with the model's columns."""
        return self.model.transform(self.data)

    @property
    def cluster(self) -> DataFrame:
        """The clusters of the training data alone."""
        return self.predictions.select(self.predictionCol)

    def to_dict(self) -> dict[str, Any]:
        """What a job writes down."""
        return self.fit.to_dict()

    def charts(self) -> list[Chart]:
        """What a report draws."""
        return self.fit.charts()
