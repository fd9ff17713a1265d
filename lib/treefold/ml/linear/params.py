"""Params that linear estimators and their models share."""

from pyspark.ml.param import TypeConverters

from treefold.ml.base import LabelOptions
from treefold.ml.converters import at_least, share
from treefold.ml.early_stopping_params import ValidationOptions
from treefold.ml.linear.bound_params import BoundOptions
from treefold.ml.linear.solver_params import StepOptions
from treefold.ml.params import NO_EFFECT, Option


def smoothing(unit: str) -> Option:
    """The param of the smoothing of a loss with a kink, in units of ``unit``."""
    return Option(
        "smoothing", f"the fit ends within half of this of the least objective, in {unit}, > 0",
        at_least(1e-9), 1e-3,
    )  # fmt: skip


class LinearOptions(StepOptions, BoundOptions, ValidationOptions, LabelOptions):
    """Params that a linear estimator and its model share."""

    maxIter = Option("maxIter", "the most iterations, >= 0", at_least(0, TypeConverters.toInt), 100)
    tol = Option("tol", "the largest gradient element at which a fit has converged, >= 0", at_least(0), 1e-6)
    regParam = Option("regParam", "the strength of the penalty, >= 0", at_least(0), 0.0)
    elasticNetParam = Option("elasticNetParam", "the share of the penalty that is L1, in [0, 1]", share, 0.0)
    fitIntercept = Option("fitIntercept", "whether there is an intercept", TypeConverters.toBoolean, True)
    standardization = Option(
        "standardization", "whether the penalty is on coefficients of standardised features", TypeConverters.toBoolean,
        True,
    )  # fmt: skip
    aggregationDepth = Option(
        "aggregationDepth", NO_EFFECT + "partial sums choose their tree by their size",
        at_least(2, TypeConverters.toInt), 2,
    )  # fmt: skip
    maxBlockSizeInMB = Option(
        "maxBlockSizeInMB", NO_EFFECT + "the size of blocks is a property of the data", at_least(0), 0.0
    )
    initialModel = Option(
        "initialModel", "the path of a saved linear model, whose coefficients are the first", TypeConverters.toString
    )
    reads_sparse = True

    @property
    def with_offset(self) -> bool:
        """Whether rows have an offset."""
        return self.hasParam("offsetCol") and bool(self.value("offsetCol"))


class OffsetOptions(LinearOptions):
    """The offset: a known part of the margin."""

    offsetCol = Option(
        "offsetCol", "the column of a number that is added to the margin of its row", TypeConverters.toString
    )

    def extra_columns(self, *, labelled: bool) -> tuple[str, ...]:
        """See :class:`~treefold.ml.base.ColumnOptions`; the offset comes first."""
        offset = (self.value("offsetCol"),) if self.with_offset else ()
        return (*offset, *super().extra_columns(labelled=labelled))
