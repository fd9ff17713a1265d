"""Predictions of a batch of linear models, from one matrix product."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear.objective import margins
from treefold.dataset.block import Matrix
from treefold.metrics.predictions import Predictions


class LinearBatch(NamedTuple):
    """Coefficients of a batch of models, and how margins become predictions.

    Attributes
    ----------
    coef : (models, outputs, features + 1) float64, the intercept last
    link : str
        ``identity`` or ``log`` (regression of a value or of a count), ``logistic`` (classes 0 and 1, one output),
        ``softmax`` (one output for each class), or ``margin`` (classes without probabilities: 0 and 1 by one output, or
        one output for each class).
    threshold : float
        With one output, class 1 is predicted if its probability, or the margin for the link ``margin``, exceeds it.
    thresholds : tuple of float, optional
        With one output for each class, the class of greatest ``probability / threshold`` is predicted.
    with_offset : bool
        Whether rows have an offset, which is added to the margin of models of one output.
    """

    coef: NDArray
    link: str
    threshold: float = 0.5
    thresholds: tuple[float, ...] | None = None
    with_offset: bool = False

    def stack(self, model: Any) -> "LinearBatch | None":
        """The batch with one more linear model; None if that model is of another kind."""
        other = getattr(model, "batch", None)
        if not isinstance(other, LinearBatch) or other[1:] != self[1:] or other.coef.shape[1:] != self.coef.shape[1:]:
            return None
        return self._replace(coef=np.concatenate([self.coef, other.coef]))

    @property
    def classes(self) -> int:
        """Number of classes; 0 for a regression."""
        return 0 if self.link in ("identity", "log") else max(2, self.coef.shape[1])

    def raw(self, X: Matrix, offset: NDArray | None = None) -> NDArray:
        """Raw predictions in float64: ``(models, 1, rows)`` of a regression, else ``(models, classes, rows)``."""
        margin = margins(X.astype(np.float64, copy=False), self.coef)
        if offset is not None:
            margin += offset
        one = self.classes == 2 and margin.shape[1] == 1
        return np.concatenate([-margin, margin], axis=1) if one else margin

    def probability_of(self, raw: NDArray) -> NDArray | None:
        """Probabilities ``(models, classes, rows)``, or None if the link has none."""
        if self.link == "logistic":
            e = np.exp(-abs(raw[:, 1:]))  # this form neither overflows nor cancels
            likely, unlikely = 1 / (1 + e), e / (1 + e)
            return np.where(raw >= 0, likely, unlikely)
        if self.link == "softmax":
            highest = raw.max(axis=1, keepdims=True)
            with np.errstate(invalid="ignore"):
                e = np.where(np.isposinf(highest), np.isposinf(raw), np.exp(raw - highest))
            return e / e.sum(axis=1, keepdims=True)
        return None

    def value_of(self, raw: NDArray, probability: NDArray | None) -> NDArray:
        """Predicted values or classes, ``(models, rows)``; NaN for a row with NaN."""
        if not self.classes:
            return np.exp(raw[:, 0]) if self.link == "log" else raw[:, 0]
        likely = raw if probability is None else probability
        if self.coef.shape[1] == 1:
            chosen = likely[:, 1] > self.threshold
        elif self.thresholds is None:
            chosen = likely.argmax(axis=1)
        else:
            with np.errstate(divide="ignore", invalid="ignore"):  # x / 0 is infinite and wins; 0 / 0 does not
                share = likely / np.array(self.thresholds)[:, None]
            chosen = np.where(np.isnan(share), -np.inf, share).argmax(axis=1)
        return np.where(np.isnan(likely[:, 0]), np.nan, chosen)

    def predictions(self, X: Matrix, offset: NDArray | None = None) -> Predictions:
        """Predictions for the rows of ``X``; see :class:`~treefold.metrics.predictions.Predictor`."""
        raw = self.raw(X, offset)
        probability = self.probability_of(raw)
        score = None
        if self.classes == 2:
            score = raw[:, 1] if self.coef.shape[1] == 1 else raw[:, 1] - raw[:, 0]
        return Predictions(self.value_of(raw, probability), self.classes, probability, score)
