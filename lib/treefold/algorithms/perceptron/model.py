"""A fitted perceptron that scores rows with NumPy and compiled activations alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.linear.batch import LinearBatch
from treefold.algorithms.perceptron.layers import Layers
from treefold.algorithms.perceptron.network import hidden
from treefold.dataset.block import Matrix
from treefold.dataset.tables import features_by_name
from treefold.errors import InputError
from treefold.metrics.predictions import Predictions
from treefold.registry import saved_as

TILE = 8192  # rows whose activations are computed at a time


@saved_as("PerceptronModel")
@dataclass(frozen=True)
class PerceptronModel:
    """Weights and biases, the activation, and the link that turns outputs into predictions.

    The last affine map is a linear model of the activations of the last hidden layer.

    Attributes
    ----------
    sizes : tuple of int
        Of the layers, from the features to the outputs.
    weights : (size,) float64
        Weights and biases in the order of :class:`~treefold.algorithms.perceptron.layers.Layers`.
    activation : str
        Of the hidden layers: ``relu``, ``sigmoid``, ``tanh`` or ``identity``.
    link : str
        ``softmax``, ``identity`` or ``log``: see :class:`~treefold.algorithms.linear.batch.LinearBatch`.
    thresholds : tuple of float, optional
        The class of greatest ``probability / threshold`` is predicted.
    feature_names : tuple of str
        By which tables are read; empty if they are not known.
    privacy : dict, optional
        Of a differentially private fit: its epsilon and delta, the largest norm of a gradient, the noise.
    """

    sizes: tuple[int, ...]
    weights: NDArray
    activation: str
    link: str
    thresholds: tuple[float, ...] | None = None
    feature_names: tuple[str, ...] = ()
    privacy: dict[str, float] | None = None

    @property
    def layers(self) -> Layers:
        """The layout of the weights."""
        return Layers(self.sizes)

    @property
    def features(self) -> int:
        """Number of features."""
        return self.sizes[0]

    @property
    def classes(self) -> int:
        """Number of classes; 0 for a regression."""
        return self.sizes[-1] if self.link == "softmax" else 0

    @property
    def targets(self) -> int:
        """Number of labels of a row, if it is more than one: see :class:`~treefold.metrics.predictions.Predictor`."""
        return 0 if self.classes or self.sizes[-1] == 1 else self.sizes[-1]

    @property
    def last(self) -> LinearBatch:
        """The last affine map, a batch of one linear model."""
        weights, bias = list(self.layers.affine(self.weights))[-1]
        return LinearBatch(np.column_stack([weights.T, bias])[None], self.link, thresholds=self.thresholds)

    def predictions(self, X: Matrix) -> Predictions:
        """Predictions for rows ``X``, with a models axis of length 1, or of the length of several outputs."""
        if self.targets:
            return Predictions(self.outputs(X)["prediction"].T)
        raw = self._raw(X)
        probability = self.last.probability_of(raw)
        score = raw[:, 1] - raw[:, 0] if self.classes == 2 else None
        return Predictions(self.last.value_of(raw, probability), self.classes, probability, score)

    def margin(self, X: Matrix) -> NDArray:
        """Outputs before the link for rows ``X``: ``(rows, outputs)``, of a regression of one number ``(rows,)``."""
        raw = self._raw(X)[0].T
        return raw if raw.shape[1] > 1 else raw[:, 0]

    def probability(self, X: Matrix) -> NDArray:
        """Probability of each class, ``(rows, classes)``.

        Raises
        ------
        InputError
            If the model is a regression.
        """
        probability = self.last.probability_of(self._raw(X))
        if probability is None:
            raise InputError("a regression has no probabilities: use predict")
        return probability[0].T

    def predict(self, X: Matrix) -> NDArray:
        """Predicted value or class, ``(rows,)``, or values ``(rows, outputs)`` of a regression of several.

        A table of named columns is read by name, an array by position.
        """
        return self.outputs(X)["prediction"]

    def outputs(self, X: Matrix) -> dict[str, NDArray]:
        """Output columns: ``prediction``, and for a classifier ``rawPrediction`` and ``probability``."""
        raw = self._raw(X)
        probability = self.last.probability_of(raw)
        if probability is None and raw.shape[1] > 1:
            return {"prediction": np.exp(raw[0].T) if self.link == "log" else raw[0].T}
        made = {"prediction": self.last.value_of(raw, probability)[0]}
        if probability is not None:
            made |= {"rawPrediction": raw[0].T, "probability": probability[0].T}
        return made

    def threshold_of(self, score: NDArray) -> NDArray:
        """The threshold that corresponds to a score of a classifier of two classes: the probability itself."""
        return np.exp(-np.logaddexp(0, -score))

    def save_state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Facts and arrays from which :meth:`from_state` restores the model."""
        names = ("sizes", "activation", "link", "thresholds", "feature_names", "privacy")
        return {name: getattr(self, name) for name in names}, {"weights": self.weights}

    @classmethod
    def from_state(cls, facts: dict[str, Any], arrays: dict[str, NDArray]) -> "PerceptronModel":
        """The model of saved facts and arrays."""
        thresholds = facts["thresholds"]
        made = cls(
            tuple(facts["sizes"]), arrays["weights"], facts["activation"], facts["link"],
            thresholds and tuple(thresholds), tuple(facts["feature_names"]), facts.get("privacy"),
        )  # fmt: skip
        if len(made.weights) != made.layers.size:
            raise ValueError(f"{len(made.weights)} weights for layers {made.sizes}")
        return made

    def _raw(self, X: Matrix) -> NDArray:
        """Outputs before the link, ``(1, outputs, rows)`` float64."""
        X = features_by_name(X, self.feature_names)
        X = X.astype(np.float64) if isinstance(X, csr_array) else np.asarray(X, np.float64)
        if X.ndim != 2 or X.shape[1] != self.features:
            raise InputError(f"the model takes rows of {self.features} features, got an array of shape {X.shape}")
        raw = np.empty((1, self.sizes[-1], X.shape[0]))
        for first in range(0, X.shape[0], TILE):
            rows = slice(first, first + TILE)
            raw[..., rows] = self.last.raw([X[rows], *hidden(X[rows], self.layers, self.weights, self.activation)][-1])
        return raw
