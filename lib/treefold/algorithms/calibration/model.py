"""A classifier with its calibration, that scores rows with NumPy alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.calibration.isotonic import Isotonic
from treefold.algorithms.calibration.scores import scores_of
from treefold.algorithms.calibration.sigmoid import Sigmoid
from treefold.metrics.predictions import Predictions
from treefold.registry import class_of, kind_of, saved_as

BASE = "base."  # precedes the names of the classifier's arrays
KINDS: dict[str, Any] = {"sigmoid": Sigmoid, "isotonic": Isotonic}


@saved_as("CalibratedModel")
@dataclass(frozen=True)
class CalibratedModel:
    """A classifier and functions that make its scores probabilities.

    Attributes
    ----------
    base : NumpyModel
        The classifier, fitted to all rows.
    calibration : Sigmoid or Isotonic
    reads_sparse : bool
        Whether the classifier takes CSR rows.
    feature_names : tuple of str
        By which tables are read; empty if they are not known.
    """

    base: Any
    calibration: Sigmoid | Isotonic
    reads_sparse: bool = False
    feature_names: tuple[str, ...] = ()

    @property
    def features(self) -> int:
        """Number of features."""
        return int(self.base.features)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.base.classes)

    def outputs(self, X: Any) -> dict[str, NDArray]:
        """Output columns ``rawPrediction``, which is the classifier's, ``probability`` and ``prediction``."""
        raw = self.base.outputs(X)["rawPrediction"]
        probability = self.probability(raw)
        return {"prediction": self.value(probability), "rawPrediction": raw, "probability": probability}

    def probability(self, raw: NDArray) -> NDArray:
        """Probabilities ``(rows, classes)``; those of more than two classes are divided by their sum.

        Parameters
        ----------
        raw : (rows, classes)
            Scores of the classifier.

        Returns
        -------
        (rows, classes)
            NaN for a row without scores. Of a row whose probabilities are all 0, the classes have equal ones.
        """
        chance = self.calibration.chances(scores_of(raw))
        if chance.shape[1] == 1:
            return np.column_stack([1 - chance[:, 0], chance[:, 0]])
        total = chance.sum(axis=1, keepdims=True)
        return np.where(total == 0, 1 / self.classes, chance / np.where(total == 0, 1.0, total))

    def value(self, probability: NDArray) -> NDArray:
        """The class of the greatest probability, the first of equals, ``(rows,)``; NaN for a row without scores."""
        made = probability.argmax(axis=1).astype(np.float64)
        return np.where(np.isnan(probability[:, 0]), np.nan, made)

    def predict(self, X: Any) -> NDArray:
        """Prediction of each row, ``(rows,)``; a table of named columns is read by name, an array by position."""
        return self.outputs(X)["prediction"]

    def predictions(self, X: Any) -> Predictions:
        """Predictions for rows ``X``, with a models axis of length 1; rows are ranked by the classifier's score."""
        made = self.outputs(X)
        score = scores_of(made["rawPrediction"]).T if self.classes == 2 else None
        return Predictions(made["prediction"][None], self.classes, made["probability"].T[None], score)

    def threshold_of(self, score: NDArray) -> NDArray:
        """The threshold that corresponds to a score of a binary classifier: the probability of class 1."""
        return self.calibration.chances(score[:, None])[:, 0]

    def save_state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Facts and arrays from which :meth:`from_state` restores the model."""
        facts, arrays = self.base.save_state()
        (method,) = [name for name, cls in KINDS.items() if type(self.calibration) is cls]
        return (
            {
                "base": kind_of(self.base), "facts": facts, "method": method, "reads_sparse": self.reads_sparse,
                "feature_names": self.feature_names,
            },
            {BASE + name: array for name, array in arrays.items()} | self.calibration.save_state(),
        )  # fmt: skip

    @classmethod
    def from_state(cls, facts: dict[str, Any], arrays: dict[str, NDArray]) -> "CalibratedModel":
        """The model of saved facts and arrays."""
        of_base = {name.removeprefix(BASE): array for name, array in arrays.items() if name.startswith(BASE)}
        base = class_of(facts["base"]).from_state(facts["facts"], of_base)
        calibration = KINDS[facts["method"]].from_state(arrays)
        return cls(base, calibration, bool(facts["reads_sparse"]), tuple(facts["feature_names"]))
