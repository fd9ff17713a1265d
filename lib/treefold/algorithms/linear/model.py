"""A fitted linear model: scoring with NumPy alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.linear.batch import LinearBatch
from treefold.block import Matrix
from treefold.errors import InputError
from treefold.metrics.predictions import Predictions


@dataclass(frozen=True)
class LinearModel:
    """Coefficients and the link that turns margins into predictions: a batch of one.

    Attributes
    ----------
    coef : (outputs, features + 1) float64, the intercept last
    link : str
    threshold : float
    thresholds : tuple of float, optional
        See :class:`~treefold.algorithms.linear.batch.LinearBatch`.
    scale : float
        Of the residuals, where the loss fits it; else 1.
    with_offset : bool
        Whether rows that are evaluated come with an offset. It is no part of what is saved.
    """

    coef: NDArray
    link: str
    threshold: float = 0.5
    thresholds: tuple[float, ...] | None = None
    scale: float = 1.0
    with_offset: bool = False

    @property
    def batch(self) -> LinearBatch:
        """The model as a batch of one."""
        return LinearBatch(self.coef[None], self.link, self.threshold, self.thresholds, self.with_offset)

    @property
    def features(self) -> int:
        """Number of features."""
        return self.coef.shape[1] - 1

    @property
    def classes(self) -> int:
        """Number of classes; 0 for a regression."""
        return self.batch.classes

    def predictions(self, X: Matrix, offset: NDArray | None = None) -> Predictions:
        """What the model says of rows ``X``, with a models axis of 1; ``offset`` ``(rows,)`` is added to the margin."""
        return self.batch.predictions(self._rows(X), offset)

    def margin(self, X: Matrix) -> NDArray:
        """Raw predictions of rows ``X``: ``(rows,)`` for a regression, else ``(rows, classes)``.

        Raises
        ------
        InputError
            If ``X`` has not as many columns as the model has features.
        """
        raw = self.batch.raw(self._rows(X))[0].T
        return raw if self.classes else raw[:, 0]

    def probability(self, X: Matrix) -> NDArray:
        """Probability of each class, ``(rows, classes)``.

        Raises
        ------
        InputError
            If the model has none.
        """
        probability = self.predictions(X).probability
        if probability is None:
            raise InputError(f"a model with the link {self.link} has no probabilities: use margin")
        return probability[0].T

    def predict(self, X: Matrix, offset: NDArray | None = None) -> NDArray:
        """Predicted value or class, ``(rows,)``."""
        return self.predictions(X, offset).value[0]

    def outputs(self, X: Matrix, offset: NDArray | None = None) -> dict[str, NDArray]:
        """Columns that can be added: ``prediction``, of a classifier ``rawPrediction`` and, if any, ``probability``."""
        raw = self.batch.raw(self._rows(X), offset)
        probability = self.batch.probability_of(raw)
        made = {"prediction": self.batch.value_of(raw, probability)[0]}
        if self.classes:
            made["rawPrediction"] = raw[0].T
        if probability is not None:
            made["probability"] = probability[0].T
        return made

    def threshold_of(self, score: NDArray) -> NDArray:
        """The threshold that a score of a binary classifier is: a probability, or without them a raw prediction."""
        return score if self.link == "margin" else np.exp(-np.logaddexp(0, -score))

    def save_state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Facts and arrays from which :meth:`from_state` makes the model again."""
        names = ("link", "threshold", "thresholds", "scale")
        return {name: getattr(self, name) for name in names}, {"coef": self.coef}

    @classmethod
    def from_state(cls, facts: dict[str, Any], arrays: dict[str, NDArray]) -> "LinearModel":
        """Model of saved facts and arrays."""
        thresholds = facts.get("thresholds")
        scale = facts.get("scale", 1.0)
        return cls(arrays["coef"], facts["link"], facts["threshold"], thresholds and tuple(thresholds), scale)

    def _rows(self, X: Matrix) -> Matrix:
        X = X if isinstance(X, csr_array) else np.asarray(X, np.float64)
        if X.ndim != 2 or X.shape[1] != self.features:
            raise InputError(f"the model takes rows of {self.features} features, got an array of shape {X.shape}")
        return X
