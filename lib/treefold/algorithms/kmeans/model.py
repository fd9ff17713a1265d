"""A fitted clustering that assigns rows with NumPy alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from treefold.algorithms.kmeans.centres import Centres, assigned
from treefold.dataset.tables import features_by_name
from treefold.errors import InputError
from treefold.registry import saved_as


@saved_as("KMeansModel")
@dataclass(frozen=True)
class KMeansModel:
    """Cluster centres.

    Attributes
    ----------
    centres : (k, features) float64
        Of length 1 if ``cosine``.
    cosine : bool
        Whether the distance is ``1 - cos`` of the angle; else it is Euclidean.
    feature_names : tuple of str
        Names by which features are found in tables; empty if they are not known.
    privacy : dict, optional
        Of a differentially private fit: its epsilon and delta, the largest norm of a row, the noise.
    """

    centres: NDArray
    cosine: bool = False
    feature_names: tuple[str, ...] = ()
    privacy: dict[str, float] | None = None

    @property
    def features(self) -> int:
        """Number of features."""
        return self.centres.shape[1]

    @property
    def batch(self) -> Centres:
        """The model as a batch of one."""
        return Centres.of([self.centres], self.cosine)

    def predict(self, X: Any) -> NDArray:
        """Nearest centre of each row.

        Parameters
        ----------
        X : (rows, features) array or CSR, or a table
            A table of named columns is read by name, an array by position.

        Returns
        -------
        (rows,) int32
            -1 for a row with NaN, and for the cosine distance for a row of zeros.

        Raises
        ------
        InputError
            If the number of columns of ``X`` is not the number of features.
        """
        return self.outputs(X)["prediction"]

    def outputs(self, X: Any) -> dict[str, NDArray]:
        """``prediction``, and the ``distance`` from the nearest centre, NaN if the prediction is -1."""
        X = features_by_name(X, self.feature_names)
        X = X.tocsr().astype(np.float64) if issparse(X) else np.ascontiguousarray(X, np.float64)
        if X.ndim != 2 or X.shape[1] != self.features:
            raise InputError(f"the model takes rows of {self.features} features, got an array of shape {X.shape}")
        label, distance = np.full(X.shape[0], -1, np.int32), np.full(X.shape[0], np.nan)
        for part in assigned(X, self.batch):
            able = np.isfinite(part.distance[0]) & (part.chunk.scale > 0)
            label[part.chunk.where] = np.where(able, part.label[0], -1)
            distance[part.chunk.where] = np.where(able, part.distance[0], np.nan)
        return {"prediction": label, "distance": distance / 2 if self.cosine else np.sqrt(distance)}

    def save_state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Facts and arrays from which :meth:`from_state` restores the model."""
        names = ("cosine", "feature_names", "privacy")
        return {name: getattr(self, name) for name in names}, {"centres": self.centres}

    @classmethod
    def from_state(cls, facts: dict[str, Any], arrays: dict[str, NDArray]) -> "KMeansModel":
        """The model of saved facts and arrays."""
        return cls(arrays["centres"], facts["cosine"], tuple(facts.get("feature_names", ())), facts.get("privacy"))
