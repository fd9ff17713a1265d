"""Fitted support vector machines that score rows with NumPy alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from treefold.algorithms.svm.kernel import Kernel, Rows, precision
from treefold.algorithms.svm.result import Fitted
from treefold.dataset.tables import features_by_name
from treefold.errors import InputError
from treefold.metrics.predictions import Predictions
from treefold.registry import saved_as

MARGIN_ERROR = 1e-4  # of a margin, below which kernel values of float32 do


@saved_as("SvmModel")
@dataclass(frozen=True)
class SvmModel:
    """Support vectors, each stored once, and their coefficients in every machine.

    Attributes
    ----------
    support : (support vectors, features) float64, dense or CSR
        Features of a standardised fit are divided by their deviations.
    coefficient : (support vectors, machines) float64
    bias : (machines,) float64
    kernel : Kernel
    task : str
        ``classification``, ``regression`` or ``one class``.
    pairs : (machines, 2) int
        The classes of margins below and above 0, of a classification.
    classes : int
        Number of classes; 0 for the other tasks.
    inverse : (features,), optional
        What features are multiplied by.
    feature_names : tuple of str
        By which tables are read; empty if they are not known.
    """

    support: Any
    coefficient: NDArray
    bias: NDArray
    kernel: Kernel
    task: str
    pairs: NDArray
    classes: int = 0
    inverse: NDArray | None = None
    feature_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, fitted: Sequence[Fitted], classes: int = 0) -> "SvmModel":
        """The model of fitted machines."""
        machines = [each.machine for each in fitted]
        rows = fitted[0].support
        for each in fitted[1:]:
            rows = rows.joined(each.support)
        support = rows.X.astype(np.float64)
        inverse = machines[0].inverse
        if inverse is not None:
            support = csr_array(support.multiply(inverse)) if issparse(support) else support * inverse
        return cls(
            support,
            np.column_stack([each.support.at(rows.position) for each in fitted]),
            np.array([each.bias for each in fitted]),
            machines[0].kernel,
            machines[0].task.name,
            np.array([(machine.negative, machine.positive) for machine in machines]),
            classes,
            inverse,
        )

    @property
    def features(self) -> int:
        """Number of features."""
        return int(self.support.shape[1])

    def margin(self, X: Any) -> NDArray:
        """Margin of each machine for rows ``X``, ``(rows, machines)``; NaN for a row with NaN or infinity.

        Raises
        ------
        InputError
            If ``X`` has not as many columns as the model has features.
        """
        X = features_by_name(X, self.feature_names)
        X = csr_array(X, dtype=np.float64) if issparse(X) else np.asarray(X, np.float64)
        if X.ndim != 2 or X.shape[1] != self.features:
            raise InputError(f"the model takes rows of {self.features} features, got an array of shape {X.shape}")
        able = np.isfinite(X.sum(axis=1)) if issparse(X) else np.isfinite(X).all(axis=1)
        margin = np.full((X.shape[0], len(self.bias)), np.nan)
        if able.any() and len(self.coefficient):
            rows, centres = self._rows(X if able.all() else X[np.flatnonzero(able)])
            margin[able] = rows.sums(self.kernel, centres, self.coefficient) + self.bias
        elif able.any():
            margin[able] = self.bias
        return margin

    def _rows(self, X: Any) -> tuple[Rows, Rows]:
        if self.inverse is not None:
            X = csr_array(X.multiply(self.inverse)) if issparse(X) else X * self.inverse
        rows, centres = Rows.of(X, np.float64), Rows.of(self.support, np.float64)
        square = max(rows.squares.max(), centres.squares.max())
        dtype = precision(self.kernel, float(square), float(abs(self.coefficient).max()), MARGIN_ERROR)
        if dtype is np.float64:
            return rows, centres
        return Rows.of(X, dtype), Rows.of(self.support, dtype)

    def raw(self, margin: NDArray) -> NDArray:
        """Scores by class, ``(rows, classes)``: of two classes the margins; else votes of the pairs.

        Between classes of equally many votes the sum of their margins, brought into (-1/3, 1/3), decides.
        """
        if self.classes == 2:
            return np.column_stack([-margin[:, 0], margin[:, 0]])
        confidence = np.zeros((len(margin), self.classes))
        for each, (negative, positive) in zip(margin.T, self.pairs, strict=True):
            confidence[:, negative] -= each
            confidence[:, positive] += each
        return self.votes(margin) + confidence / (3 * (abs(confidence) + 1))

    def votes(self, margin: NDArray) -> NDArray:
        """Pairs that each class wins, ``(rows, classes)``."""
        votes = np.zeros((len(margin), self.classes))
        for each, (negative, positive) in zip(margin.T, self.pairs, strict=True):
            votes[:, positive] += each > 0
            votes[:, negative] += ~(each > 0)
        return votes

    def value(self, margin: NDArray) -> NDArray:
        """Prediction ``(rows,)``: the class of most votes, the first of equals; the value; 1 inside and -1 outside."""
        if self.task == "regression":
            return margin[:, 0]
        lost = np.isnan(margin[:, 0])
        if self.task == "one class":
            made = np.where(margin[:, 0] > 0, 1.0, -1.0)
        else:
            made = self.votes(margin).argmax(axis=1).astype(np.float64)
        return np.where(lost, np.nan, made)

    def predict(self, X: Any) -> NDArray:
        """Prediction of each row, ``(rows,)``; a table of named columns is read by name, an array by position."""
        return self.value(self.margin(X))

    def predictions(self, X: Any) -> Predictions:
        """Predictions for rows ``X``, with a models axis of length 1."""
        margin = self.margin(X)
        score = margin[:, 0][None] if self.classes == 2 else None
        return Predictions(self.value(margin)[None], self.classes, None, score)

    def outputs(self, X: Any) -> dict[str, NDArray]:
        """Output columns: ``prediction``, for a classifier ``rawPrediction``, for one class ``margin``."""
        margin = self.margin(X)
        made = {"prediction": self.value(margin)}
        if self.classes:
            made["rawPrediction"] = self.raw(margin)
        if self.task == "one class":
            made["margin"] = margin[:, 0]
        return made

    def threshold_of(self, score: NDArray) -> NDArray:
        """The threshold that corresponds to a score of a binary classifier: the margin itself."""
        return score

    def save_state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Facts and arrays from which :meth:`from_state` restores the model."""
        facts = {
            "kernel": list(self.kernel), "task": self.task, "classes": self.classes, "features": self.features,
            "feature_names": self.feature_names,
        }  # fmt: skip
        arrays = {"coefficient": self.coefficient, "bias": self.bias, "pairs": self.pairs}
        if issparse(self.support):
            arrays |= {name: getattr(self.support, name) for name in ("data", "indices", "indptr")}
        else:
            arrays["support"] = self.support
        return facts, arrays if self.inverse is None else arrays | {"inverse": self.inverse}

    @classmethod
    def from_state(cls, facts: dict[str, Any], arrays: dict[str, NDArray]) -> "SvmModel":
        """The model of saved facts and arrays."""
        support = arrays.get("support")
        if support is None:
            shape = (len(arrays["coefficient"]), facts["features"])
            support = csr_array(tuple(arrays[name] for name in ("data", "indices", "indptr")), shape=shape)
            support.check_format()  # products follow the indices unchecked
        return cls(
            support, arrays["coefficient"], arrays["bias"], Kernel(*facts["kernel"]), facts["task"], arrays["pairs"],
            facts["classes"], arrays.get("inverse"), tuple(facts.get("feature_names", ())),
        )  # fmt: skip
