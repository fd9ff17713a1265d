"""A fitted clustering: assignment with NumPy alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from treefold.algorithms.kmeans.centres import Centres, assigned
from treefold.errors import InputError


@dataclass(frozen=True)
class KMeansModel:
    """Cluster centres.

    Attributes
    ----------
    centres : (k, features) float64
        Of length 1 where ``cosine``.
    cosine : bool
        The distance is ``1 - cos`` of the angle, else Euclidean.
    """

    centres: NDArray
    cosine: bool = False

    @property
    def features(self) -> int:
        """Number of features."""
        return self.centres.shape[1]

    @property
    def batch(self) -> Centres:
        """The model as a batch of one."""
        return Centres.of([self.centres], self.cosine)

    def predict(self, X: Any) -> NDArray:
        """Nearest centre of each row, ``(rows,)`` int32; -1 for a row with NaN, and for one without a direction.

        Raises
        ------
        InputError
            If ``X``, dense or CSR, has not as many columns as the model has features.
        """
        return self.outputs(X)["prediction"]

    def outputs(self, X: Any) -> dict[str, NDArray]:
        """``prediction``, and ``distance`` from the nearest centre, NaN where there is none."""
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
        """Facts and arrays from which :meth:`from_state` makes the model again."""
        return {"cosine": self.cosine}, {"centres": self.centres}

    @classmethod
    def from_state(cls, facts: dict[str, Any], arrays: dict[str, NDArray]) -> "KMeansModel":
        """Model of saved facts and arrays."""
        return cls(arrays["centres"], facts["cosine"])
