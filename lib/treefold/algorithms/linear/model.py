"""A fitted linear model that scores rows with NumPy alone."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.linear.batch import LinearBatch
from treefold.dataset.block import Matrix
from treefold.dataset.tables import features_by_name
from treefold.errors import InputError
from treefold.metrics.predictions import Predictions
from treefold.registry import saved_as


@saved_as("LinearModel")
@dataclass(frozen=True)
class LinearModel:
    """Coefficients, and the link that turns margins into predictions.

    Attributes
    ----------
    coef : (outputs, features + 1) float64, the intercept last
    link : str
        See :class:`~treefold.algorithms.linear.batch.LinearBatch`.
    threshold : float
        See :class:`~treefold.algorithms.linear.batch.LinearBatch`.
    thresholds : tuple of float, optional
        See :class:`~treefold.algorithms.linear.batch.LinearBatch`.
    scale : float
        Scale of the residuals if the loss fits it; else 1.
    with_offset : bool
        Whether rows have an offset during evaluation. It is not saved with the model.
    feature_names : tuple of str
        Names by which features are found in tables; empty if they are not known.
    privacy : dict, optional
        Epsilon, delta, clip and noise multiplier of a differentially private fit.
    """

    coef: NDArray
    link: str
    threshold: float = 0.5
    thresholds: tuple[float, ...] | None = None
    scale: float = 1.0
    with_offset: bool = False
    feature_names: tuple[str, ...] = ()
    privacy: dict[str, float] | None = None

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
        """Predictions for rows ``X``, with a models axis of length 1; ``offset`` ``(rows,)`` is added to the margin."""
        return self.batch.predictions(self._rows(X), offset)

    def margin(self, X: Matrix) -> NDArray:
        """Raw predictions of rows ``X``: ``(rows,)`` for a regression, else ``(rows, classes)``.

        Raises
        ------
        InputError
            If the number of columns of ``X`` is not the number of features.
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
        """Predicted value or class, ``(rows,)``; a table of named columns is read by name, an array by position."""
        return self.predictions(X, offset).value[0]

    def outputs(self, X: Matrix, offset: NDArray | None = None) -> dict[str, NDArray]:
        """Output columns: ``prediction``, of a classifier ``rawPrediction`` and, if it has one, ``probability``."""
        raw = self.batch.raw(self._rows(X), offset)
        probability = self.batch.probability_of(raw)
        made = {"prediction": self.batch.value_of(raw, probability)[0]}
        if self.classes:
            made["rawPrediction"] = raw[0].T
        if probability is not None:
            made["probability"] = probability[0].T
        return made

    def threshold_of(self, score: NDArray) -> NDArray:
        """The threshold for a score of a binary classifier, which is a probability or else a raw prediction."""
        return score if self.link == "margin" else np.exp(-np.logaddexp(0, -score))

    def save_state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Facts and arrays from which :meth:`from_state` restores the model."""
        names = ("link", "threshold", "thresholds", "scale", "feature_names", "privacy")
        return {name: getattr(self, name) for name in names}, {"coef": self.coef}

    @classmethod
    def from_state(cls, facts: dict[str, Any], arrays: dict[str, NDArray]) -> "LinearModel":
        """The model of saved facts and arrays."""
        thresholds = facts.get("thresholds")
        scale = facts.get("scale", 1.0)
        made = cls(arrays["coef"], facts["link"], facts["threshold"], thresholds and tuple(thresholds), scale)
        return replace(made, feature_names=tuple(facts.get("feature_names", ())), privacy=facts.get("privacy"))

    def _rows(self, X: Matrix) -> Matrix:
        X = features_by_name(X, self.feature_names)
        X = X if isinstance(X, csr_array) else np.asarray(X, np.float64)
        if X.ndim != 2 or X.shape[1] != self.features:
            raise InputError(f"the model takes rows of {self.features} features, got an array of shape {X.shape}")
        return X
