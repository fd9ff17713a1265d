"""Summaries of models, with pyspark.ml's attributes: of a test set by ``evaluate``, of the training set by ``summary``.

A summary measures its data when a figure is first asked for: one pass for all figures. Standard errors take the
products of all features as well, which a fit by normal equations leaves behind.
"""

from typing import Any

from pyspark.sql import DataFrame

from treefold.algorithms.linear.gram import Gram
from treefold.ml.summaries.base import Summary, Trained
from treefold.ml.summaries.classification import BinaryClassificationSummary, ClassificationSummary
from treefold.ml.summaries.linear import LinearRegressionSummary
from treefold.ml.summaries.regression import RegressionSummary


class ClassificationTrainingSummary(Trained, ClassificationSummary):
    """A classifier on its training data."""


class BinaryClassificationTrainingSummary(Trained, BinaryClassificationSummary):
    """A binary classifier on its training data."""


class LinearRegressionTrainingSummary(Trained, LinearRegressionSummary):
    """A linear regression on its training data."""

    def _products(self) -> Gram:
        return self.fit.products or super()._products()


def evaluated(model: Any, data: DataFrame) -> Any:
    """Summary of ``data``, measured: one pass.

    Raises
    ------
    InputError
        If a label is no class of the model, or the data is bad as for a fit.
    """
    regression = LinearRegressionSummary if model.hasParam("fitIntercept") else RegressionSummary
    kinds = {0: regression, 2: BinaryClassificationSummary}
    return kinds.get(model.scoring().classes, ClassificationSummary)(model, data).measure()


def trained(model: Any, data: DataFrame, fit: Any) -> Any:
    """Summary of a linear model's training data, not yet measured; ``fit`` says how the fit went."""
    kinds = {0: LinearRegressionTrainingSummary, 2: BinaryClassificationTrainingSummary}
    return kinds.get(model.scoring().classes, ClassificationTrainingSummary)(model, data, fit)


__all__ = [
    "BinaryClassificationSummary",
    "BinaryClassificationTrainingSummary",
    "ClassificationSummary",
    "ClassificationTrainingSummary",
    "LinearRegressionSummary",
    "LinearRegressionTrainingSummary",
    "RegressionSummary",
    "Summary",
    "evaluated",
    "trained",
]
