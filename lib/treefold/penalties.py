"""Penalties on coefficients. The intercept never reaches them."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Penalty(Protocol):
    """A penalty over a batch of models; ``coef`` is ``(models, outputs, features)``."""

    def value(self, coef: NDArray) -> NDArray:
        """Penalty of each model, ``(models,)``."""
        ...

    def grad(self, coef: NDArray) -> NDArray:
        """Derivative with respect to ``coef``, of its shape."""
        ...


class L2(NamedTuple):
    """``strength / 2 * sum_kj metric_j * coef_kj^2`` for each model.

    Attributes
    ----------
    strength : (models,)
    metric : (features,)
        Weight of each feature: ones, or what turns standardised coefficients into the user's.
    """

    strength: NDArray
    metric: NDArray

    def value(self, coef: NDArray) -> NDArray:
        """Penalty of each model, ``(models,)``."""
        return 0.5 * self.strength * np.einsum("mkj,j->m", coef * coef, self.metric)

    def grad(self, coef: NDArray) -> NDArray:
        """``strength * metric * coef``."""
        return self.strength[:, None, None] * self.metric * coef
