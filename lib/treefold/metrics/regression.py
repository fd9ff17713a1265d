"""Errors and residuals of a regression. Definitions are those of pyspark.ml's RegressionEvaluator.

Scores take :class:`Errors` and return ``(models,)``. R2 treats a weight as the number of times that a row is repeated;
pyspark.ml corrects the total sum of squares as for a sample.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.metrics.predictions import Predictions, weights_of
from treefold.statistics.histogram_sketch import LIMIT, sketches
from treefold.statistics.univariate_moments import UnivariateMoments


class Errors(NamedTuple):
    """Sums over rows; a row of weight 0 is absent.

    Attributes
    ----------
    rows : (models,) int
    absolute : (models,)
        Weighted sum of the absolute residuals.
    label, predicted, residual : UnivariateMoments
        Of the label, the prediction, and label minus prediction.
    deviance : UnivariateMoments
        Of residuals times the square root of their weight, each row counted once.
    """

    rows: NDArray
    absolute: NDArray
    label: UnivariateMoments
    predicted: UnivariateMoments
    residual: UnivariateMoments
    deviance: UnivariateMoments


class Residuals(NamedTuple):
    """Distribution of the residuals.

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
    """Errors of one block.

    Parameters
    ----------
    predictions : Predictions
        Predictions of all models.
    label : (rows,) or (models, rows)
        Labels.
    weight : (rows,)
        Weights.

    Returns
    -------
    Errors
    """
    w = weights_of(predictions, weight)
    truth = np.broadcast_to(label.astype(np.float64), w.shape)
    residual = truth - predictions.value
    return Errors(
        (w > 0).sum(axis=1),
        np.where(w > 0, w * abs(residual), 0.0).sum(axis=1),
        UnivariateMoments.of(truth, w),
        UnivariateMoments.of(predictions.value, w),
        UnivariateMoments.of(residual, w),
        UnivariateMoments.of(np.sqrt(w) * residual, (w > 0).astype(np.float64)),
    )


def residuals(predictions: Predictions, label: NDArray, weight: NDArray, limit: int = LIMIT) -> Residuals:
    """Sketches of the residuals and predictions of one block.

    Parameters
    ----------
    predictions : Predictions
        Predictions of all models.
    label : (rows,) or (models, rows)
        Labels.
    weight : (rows,)
        Weights.
    limit : int, default LIMIT
        Greatest number of bins of a sketch.

    Returns
    -------
    Residuals
    """
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
    """``1 - sum of squared residuals / sum of squares of the label``; NaN if the label does not vary.

    The squares of the label are about its mean, or about 0 with ``through_origin``.
    """
    total = sums.label.squares_about(np.zeros(1)) if through_origin else sums.label.squares
    left = sums.residual.squares_about(np.zeros(1))
    share: NDArray = np.divide(left, total, out=np.full(len(total), np.nan), where=total > 0)
    return 1 - share


def explained_variance(sums: Errors) -> NDArray:
    """Mean square of the predictions about the mean label: ``var`` of pyspark.ml."""
    return sums.predicted.squares_about(sums.label.mean) / sums.predicted.weight
