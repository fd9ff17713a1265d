"""Calibration: whether events of predicted probability p happen with frequency p."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.metrics.predictions import Predictions, weights_of

BINS = 20


class Calibration(NamedTuple):
    """Weighted sums over rows by predicted probability, in bins of equal width.

    Of two classes the probability is that of class 1, and the event is class 1. Of more it is the greatest one, and the
    event is that the prediction is right.

    Attributes
    ----------
    weight, predicted, happened : (models, BINS)
        Weight of the rows, weighted sum of the probabilities, weight of the rows whose event happened.
    """

    weight: NDArray
    predicted: NDArray
    happened: NDArray


def calibration(predictions: Predictions, label: NDArray, weight: NDArray) -> Calibration:
    """Calibration of one block.

    Parameters
    ----------
    predictions : Predictions
        Predictions of all models, with probabilities.
    label, weight : (rows,)
        Labels and weights.

    Returns
    -------
    Calibration
        Sums by model and bin, ``(models, bins)``.

    Raises
    ------
    TypeError
        If the predictions have no probabilities.
    """
    if predictions.probability is None:
        raise TypeError("only a classifier with probabilities can be calibrated")
    w = weights_of(predictions, weight)
    if predictions.classes == 2:
        chance, event = predictions.probability[:, 1], np.broadcast_to(label > 0.5, w.shape)
    else:
        chance, event = predictions.probability.max(axis=1), predictions.value == label
    able = (w > 0) & ~np.isnan(chance)
    chance, w = np.where(able, chance, 0.0), np.where(able, w, 0.0)
    cell = np.minimum((chance * BINS).astype(np.intp), BINS - 1) + BINS * np.arange(len(w))[:, None]

    def by_bin(amount: NDArray) -> NDArray:
        return np.bincount(cell.ravel(), amount.ravel(), BINS * len(w)).reshape(-1, BINS)

    return Calibration(by_bin(w), by_bin(w * chance), by_bin(w * event))


def expected_calibration_error(sums: Calibration) -> NDArray:
    """``sum_b |happened_b - predicted_b| / sum_b weight_b``, ``(models,)``.

    References
    ----------
    M. P. Naeini, G. F. Cooper & M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI
    2015.
    """
    error: NDArray = abs(sums.happened - sums.predicted).sum(axis=1) / sums.weight.sum(axis=1)
    return error
