"""Summaries of models, with pyspark.ml's attributes: of a test set by ``evaluate``, of the training set by ``summary``.

A summary reads its data when a figure is first requested: one pass for all figures. Standard errors also need the
products of all features, which a fit by normal equations keeps.
"""

from typing import Any

from pyspark.sql import DataFrame

from treefold.ml.summaries.base import Summary
from treefold.ml.summaries.classification import BinaryClassificationSummary, ClassificationSummary
from treefold.ml.summaries.regression import RegressionSummary


def evaluated(model: Any, data: DataFrame) -> Any:
    """Summary of ``data``, computed: one pass.

    Parameters
    ----------
    model : SparkModel
        The fitted model.
    data : DataFrame
        Labelled data.

    Returns
    -------
    Summary

    Raises
    ------
    InputError
        If a label is not a class of the model, or the data is bad as for a fit.
    """
    return unmeasured(model, data).measure()


def unmeasured(model: Any, data: DataFrame) -> Any:
    """Summary of ``data``, not yet computed."""
    return model.summary_kinds.of(model.scoring().classes, training=False)(model, data)


def trained(model: Any, data: DataFrame, fit: Any) -> Any:
    """Summary of a model's training data, not yet computed.

    Parameters
    ----------
    model : Any
        The fitted model.
    data : DataFrame
        Its training data.
    fit : Any
        The summary of the fit.

    Returns
    -------
    summary
        Of the class that fits the model.
    """
    return model.summary_kinds.of(model.scoring().classes, training=True)(model, data, fit)


__all__ = [
    "BinaryClassificationSummary",
    "ClassificationSummary",
    "RegressionSummary",
    "Summary",
    "evaluated",
    "trained",
    "unmeasured",
]
