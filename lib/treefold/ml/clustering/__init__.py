"""pyspark.ml's API of k-means."""

from treefold.ml.clustering.kmeans import KMeans
from treefold.ml.clustering.model import KMeansModel
from treefold.ml.clustering.summary import KMeansSummary

__all__ = ["KMeans", "KMeansModel", "KMeansSummary"]
