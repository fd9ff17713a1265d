"""Params of calibrated classifiers."""

from typing import Any

from pyspark.ml.param import TypeConverters

from treefold.ml.class_params import ProbabilityOptions
from treefold.ml.converters import Choice, at_least
from treefold.ml.params import Option


def _classifier(value: Any) -> Any:
    """A classifier of treefold that is not calibrated itself."""
    if not getattr(value, "labels_are_classes", False) or value.hasParam("estimator"):
        raise ValueError("a classifier of treefold.ml is wanted")
    return value


class CalibrationOptions(ProbabilityOptions):
    """Params that a calibrated classifier and its model share."""

    method = Option(
        "method", "sigmoid: Platt's sigmoid of the score; isotonic: any nondecreasing function, for many rows",
        Choice("sigmoid", "isotonic"), "sigmoid",
    )  # fmt: skip
    folds = Option(
        "folds", "parts of the rows, each scored by a classifier that was fitted to the others, >= 2",
        at_least(2, TypeConverters.toInt), 5,
    )  # fmt: skip
    seed = Option("seed", "the seed of the folds", TypeConverters.toInt, 0)


class CalibratedOptions(CalibrationOptions):
    """Params of a calibrated classifier. The columns that it shares with its classifier are the classifier's."""

    estimator = Option("estimator", "the classifier, of treefold.ml; LinearSVC if unset", _classifier)
