"""Params of FTRL estimators and their models."""

from pyspark.ml.param import TypeConverters

from treefold.dataset.lanes import lane_count
from treefold.ml.base import LabelOptions
from treefold.ml.class_params import ProbabilityOptions
from treefold.ml.converters import Choice, at_least, share
from treefold.ml.params import Option

LEAST = 1e-300


class FtrlOptions(LabelOptions):
    """Params that an FTRL estimator and its model share."""

    maxIter = Option(
        "maxIter", "the times that mini-batches go over all rows, >= 1", at_least(1, TypeConverters.toInt), 1
    )
    updater = Option(
        "updater", "ftrl or adagrad: whether a step stays near the coefficient before it, or near 0",
        Choice("ftrl", "adagrad"), "ftrl",
    )  # fmt: skip
    stepSize = Option("stepSize", "alpha of the step alpha g / (beta + sqrt(n)), > 0", at_least(LEAST), 0.1)
    beta = Option("beta", "beta of the step alpha g / (beta + sqrt(n)), > 0", at_least(LEAST), 1.0)
    regParam = Option("regParam", "the strength of the penalty of the mean loss, >= 0", at_least(0), 0.0)
    elasticNetParam = Option("elasticNetParam", "the share of the penalty that is L1, in [0, 1]", share, 0.0)
    fitIntercept = Option("fitIntercept", "whether there is an intercept", TypeConverters.toBoolean, True)
    batchSize = Option(
        "batchSize", "the rows of a mini-batch, after which the shards apply all gradients at once, >= 1",
        at_least(1, TypeConverters.toInt), 1024,
    )  # fmt: skip
    seed = Option("seed", "the seed of the order of the rows", TypeConverters.toInt, 0)
    numShards = Option(
        "numShards", "the processes that hold the coefficients, >= 1; no result depends on it",
        at_least(1, TypeConverters.toInt), 1,
    )  # fmt: skip
    partial_rows = 0  # gradients go to the shards
    reads_sparse = True

    @property
    def lanes(self) -> int:  # type: ignore[override]
        """Runs of rows from which a mini-batch takes its rows."""
        return lane_count(self.value("batchSize"))


class FtrlClassOptions(ProbabilityOptions, FtrlOptions):
    """Params of an FTRL classifier and its model."""

    threshold = Option("threshold", "the probability above which class 1 is predicted, in [0, 1]", share, 0.5)


class FtrlValueOptions(FtrlOptions):
    """Params of an FTRL regressor and its model."""

    loss = Option("loss", "squaredError, or poisson for counts", Choice("squaredError", "poisson"), "squaredError")
