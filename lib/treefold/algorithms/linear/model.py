"""A fitted linear model: scoring with NumPy alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.linear.objective import margins
from treefold.block import Matrix
from treefold.errors import InputError


@dataclass(frozen=True)
class LinearModel:
    """Coefficients and the link that turns margins into predictions.

    Attributes
    ----------
    coef : (outputs, features + 1) float64, the intercept last
    link : ``identity`` (regression), ``logistic`` (classes 0 and 1, one output) or ``softmax`` (one output a class)
    threshold : float
        Probability above which the ``logistic`` link predicts class 1.
    """

    coef: NDArray
    link: str
    threshold: float = 0.5

    @property
    def features(self) -> int:
        """Number of features."""
        return self.coef.shape[1] - 1

    @property
    def classes(self) -> int:
        """Number of classes; 0 for a regression."""
        return {"identity": 0, "logistic": 2, "softmax": len(self.coef)}[self.link]

    def margin(self, X: Matrix) -> NDArray:
        """Raw predictions of rows ``X``, an array or CSR: ``(rows,)`` for a regression, else ``(rows, classes)``.

        Raises
        ------
        InputError
            If ``X`` has not as many columns as the model has features.
        """
        X = X.astype(np.float64, copy=False) if isinstance(X, csr_array) else np.asarray(X, np.float64)
        if X.ndim != 2 or X.shape[1] != self.features:
            raise InputError(f"the model takes rows of {self.features} features, got an array of shape {X.shape}")
        margin = margins(X, self.coef[None])[0].T
        if self.link == "identity":
            return margin[:, 0]
        return np.concatenate([-margin, margin], axis=1) if self.link == "logistic" else margin

    def probability(self, X: Matrix) -> NDArray:
        """Probability of each class, ``(rows, classes)``."""
        return self.probability_of(self.margin(X))

    def probability_of(self, margin: NDArray) -> NDArray:
        """Probabilities from the raw predictions of a classifier."""
        if self.link == "logistic":
            positive = np.exp(-np.logaddexp(0, -margin[:, 1]))
            return np.stack([1 - positive, positive], axis=1)
        e = np.exp(margin - margin.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def class_of(self, probability: NDArray) -> NDArray:
        """Class 1 where its probability is above ``threshold``, or the most probable of many; NaN for a NaN row."""
        chosen = probability[:, 1] > self.threshold if self.link == "logistic" else probability.argmax(axis=1)
        return np.where(np.isnan(probability[:, 0]), np.nan, chosen)

    def predict(self, X: Matrix) -> NDArray:
        """Predicted value or class, ``(rows,)``."""
        margin = self.margin(X)
        return margin if self.link == "identity" else self.class_of(self.probability_of(margin))

    def outputs(self, X: Matrix) -> dict[str, NDArray]:
        """Columns that can be added: ``prediction``, and of a classifier ``rawPrediction`` and ``probability``."""
        margin = self.margin(X)
        if not self.classes:
            return {"prediction": margin}
        probability = self.probability_of(margin)
        return {"rawPrediction": margin, "probability": probability, "prediction": self.class_of(probability)}

    def save_state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Facts and arrays from which :meth:`from_state` makes the model again."""
        return {"link": self.link, "threshold": self.threshold}, {"coef": self.coef}

    @classmethod
    def from_state(cls, facts: dict[str, Any], arrays: dict[str, NDArray]) -> "LinearModel":
        """Model of saved facts and arrays."""
        return cls(arrays["coef"], facts["link"], facts["threshold"])
