"""Params of support vector machines, in scikit-learn's meaning."""

import math
from typing import Any

from pyspark.ml.param import TypeConverters

from treefold.ml.base import ColumnOptions
from treefold.ml.converters import Choice, at_least, between, positive_share
from treefold.ml.params import Option

KERNELS = ("rbf", "linear", "poly", "sigmoid")


def positive(value: Any) -> float:
    """A number above 0."""
    number = at_least(0)(value)
    if not number > 0:
        raise ValueError("not above 0")
    return float(number)


def width(value: Any) -> Any:
    """The word scale or auto, or a number above 0."""
    return Choice("scale", "auto")(value) if isinstance(value, str) else positive(value)


class KernelOptions(ColumnOptions):
    """What all support vector machines and their models share."""

    reads_sparse = True
    kernel = Option("kernel", "rbf, linear, poly or sigmoid", Choice(*KERNELS), "rbf")
    gamma = Option(
        "gamma", "scale, which is 1 / (features * variance of all entries), auto, which is 1 / features, or a "
        "number > 0", width, "scale",
    )  # fmt: skip
    degree = Option("degree", "the power of kernel poly, >= 1", at_least(1, TypeConverters.toInt), 3)
    coef0 = Option("coef0", "what kernels poly and sigmoid add to gamma x . z", between(-math.inf, math.inf), 0.0)
    tol = Option("tol", "the violation of optimality that is allowed over all rows, > 0", positive, 1e-3)
    cacheSizeMB = Option(
        "cacheSizeMB", "the megabytes of kernel rows that are kept, >= 1", at_least(1, TypeConverters.toInt), 200
    )
    maxRounds = Option(
        "maxRounds", "the most rounds of certificate and feedback of solver cascade, >= 1",
        at_least(1, TypeConverters.toInt), 100,
    )  # fmt: skip
    solver = Option(
        "solver", "auto, direct, cascade, or approximately nystroem; auto is direct up to 100,000 rows of 1 GiB in all",
        Choice("auto", "direct", "cascade", "nystroem"), "auto",
    )  # fmt: skip
    components = Option("components", "the landmarks of solver nystroem, >= 1", at_least(1, TypeConverters.toInt), 500)
    standardization = Option(
        "standardization", "whether features are divided by their deviations first", TypeConverters.toBoolean, False
    )
    seed = Option("seed", "the seed of all that is drawn", TypeConverters.toInt, 0)


class CostOptions(KernelOptions):
    """What support vector machines with a label share."""

    C = Option("C", "the bound of the coefficient of a row of weight 1, > 0", positive, 1.0)


class RegressionOptions(CostOptions):
    """What a support vector regression and its model share."""

    epsilon = Option("epsilon", "the residual up to which nothing is lost, >= 0", at_least(0), 0.1)


class OneClassOptions(KernelOptions):
    """What a one-class machine and its model share."""

    nu = Option(
        "nu", "the share of the rows outside at most, and of support vectors at least, in (0, 1]", positive_share, 0.5
    )
    marginCol = Option(
        "marginCol", "the column of margins, negative outside; none if empty", TypeConverters.toString, "margin"
    )
