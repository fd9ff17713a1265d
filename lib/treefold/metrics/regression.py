"""Errors and residuals of a regression. Definitions are those of pyspark.ml's RegressionEvaluator.

Scores take :class:`Errors` and return ``(models,)``. Under weights other than 1, R2 here is the R2 of rows repeated so
often; pyspark.ml corrects its total sum of squares as for a sample.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.metrics.predictions import Predictions, weights_of
from treefold.metrics.sketch import LIMIT, sketches
from treefold.metrics.spread import Spread


class Errors(NamedTuple):
    """Sums over rows; a row of weight 0 is none.

    Attributes
    ----------
    rows : (models,) int
    absolute : (models,)
        Weighted sum of the absolute residuals.
    label, predicted, residual : Spread
        Of the label, the prediction, and label less prediction.
    deviance : Spread
        Of residuals times the root of their weight, each row once.
    """

    rows: NDArray
    absolute: NDArray
    label: Spread
    predicted: Spread
    residual: Spread
    deviance: Spread


class Residuals(NamedTuple):
    """How residuals are distributed.

    Attributes
    ----------
    residual : (models,) of Sketch
        Weight by residual.
    predicted : (models,) of Sketch
        Weight, and weight times label, by predicted value.
    """

    residual: NDArray
    predicted: NDArray


def errors(predictions: Predictions, label: NDArray, weight: NDArray) -> Errors:
    """Errors of one block."""
    w = weights_of(predictions, weight)
    truth = np.broadcast_to(label.astype(np.float64), w.shape)
    residual = truth - predictions.value
    return Errors(
        (w > 0).sum(axis=1),
        np.where(w > 0, w * abs(residual), 0.0).sum(axis=1),
        Spread.of(truth, w),
        Spread.of(predictions.value, w),
        Spread.of(residual, w),
        Spread.of(np.sqrt(w) * residual, (w > 0).astype(np.float64)),
    )


def residuals(predictions: Predictions, label: NDArray, weight: NDArray, limit: int = LIMIT) -> Residuals:
    """Sketches of one block, of at most ``limit`` bins."""
    w = weights_of(predictions, weight)
    return Residuals(
        sketches(label - predictions.value, w[None], limit),
        sketches(predictions.value, np.stack([w, w * label]), limit),
    )


def mse(sums: Errors) -> NDArray:
    """Mean squared error."""
    return sums.residual.squares_about(np.zeros(1)) / sums.residual.weight


def rmse(sums: Errors) -> NDArray:
    """Root of the mean squared error."""
    root: NDArray = np.sqrt(mse(sums))
    return root


def mae(sums: Errors) -> NDArray:
    """Mean absolute error."""
    mean: NDArray = sums.absolute / sums.residual.weight
    return mean


def r2(sums: Errors, through_origin: bool = False) -> NDArray:
    """One less the share of the label's squares that is left, about its mean or ``through_origin``; NaN of none."""
    total = sums.label.squares_about(np.zeros(1)) if through_origin else sums.label.squares
    left = sums.residual.squares_about(np.zeros(1))
    share: NDArray = np.divide(left, total, out=np.full(len(total), np.nan), where=total > 0)
    return 1 - share


def explained_variance(sums: Errors) -> NDArray:
    """Mean square of the predictions about the mean label: pyspark.ml's ``var``."""
    return sums.predicted.squares_about(sums.label.mean) / sums.predicted.weight
