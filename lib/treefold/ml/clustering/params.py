"""Params of k-means and its model."""

from pyspark.ml.param import TypeConverters

from treefold.ml.base import ColumnOptions
from treefold.ml.converters import Choice, at_least, counts, rows_of_numbers
from treefold.ml.params import NO_EFFECT, Option
from treefold.ml.private_params import PrivateOptions


class ClusterOptions(PrivateOptions, ColumnOptions):
    """Params that a clustering and its model share."""

    k = Option("k", "the number of clusters, or a list of numbers to choose from by their silhouettes", counts, 2)
    distanceMeasure = Option("distanceMeasure", "euclidean or cosine", Choice("euclidean", "cosine"), "euclidean")
    distanceCol = Option(
        "distanceCol",
        "the output column of distances from the nearest centre; none if empty",
        TypeConverters.toString,
        "",
    )
    maxIter = Option("maxIter", "the most iterations, >= 0", at_least(0, TypeConverters.toInt), 20)
    tol = Option("tol", "the fit has converged when no centre would move farther than this, >= 0", at_least(0), 1e-4)
    seed = Option("seed", "the seed of all random numbers", TypeConverters.toInt, 0)
    initMode = Option(
        "initMode", "the first centres: k-means||, k-means++ or random", Choice("k-means||", "k-means++", "random"),
        "k-means||",
    )  # fmt: skip
    initSteps = Option("initSteps", "the rounds of k-means||, >= 1", at_least(1, TypeConverters.toInt), 2)
    oversampling = Option(
        "oversampling", "the rows a round of k-means|| draws, in multiples of k, > 0", at_least(1e-3), 2.0
    )
    nInit = Option("nInit", "the restarts, of which the best wins, >= 1", at_least(1, TypeConverters.toInt), 1)
    initialCenters = Option("initialCenters", "the first centres, k rows of numbers", rows_of_numbers)
    initialModel = Option(
        "initialModel", "the path of a saved model, whose centres are the first", TypeConverters.toString
    )
    solver = Option(
        "solver",
        "auto, lloyd, minibatch, or dplloyd under differential privacy; auto is lloyd, and so are pyspark.ml's row and "
        "block", Choice("auto", "lloyd", "minibatch", "dplloyd", same={"row": "lloyd", "block": "lloyd"}), "auto",
    )  # fmt: skip
    batchSize = Option(
        "batchSize", "the rows of a mini-batch, for solver minibatch, >= 1", at_least(1, TypeConverters.toInt), 16384
    )
    maxBlockSizeInMB = Option(
        "maxBlockSizeInMB", NO_EFFECT + "the size of blocks is a property of the data", at_least(0), 0.0
    )
    intermediateStorageLevel = Option(
        "intermediateStorageLevel", NO_EFFECT + "blocks are files of the executors", TypeConverters.toString,
        "MEMORY_AND_DISK",
    )  # fmt: skip
    reads_sparse = True

    @property
    def cosine(self) -> bool:
        """Whether the distance is the cosine distance."""
        return bool(self.value("distanceMeasure") == "cosine")
