"""Penalties on coefficients. The intercept is never penalised."""

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
        Weight of each feature: ones, or the factors that turn standardised coefficients into the user's.
    """

    strength: NDArray
    metric: NDArray

    def value(self, coef: NDArray) -> NDArray:
        """Penalty of each model, ``(models,)``."""
        return 0.5 * self.strength * np.einsum("mkj,j->m", coef * coef, self.metric)

    def grad(self, coef: NDArray) -> NDArray:
        """``strength * metric * coef``."""
        return self.strength[:, None, None] * self.metric * coef


class BoxedL1(NamedTuple):
    """``sum_j lasso_j |x_j|`` within bounds, for each model. All variables of a model are in one row.

    Attributes
    ----------
    lasso, lower, upper : (models, p)
    """

    lasso: NDArray
    lower: NDArray
    upper: NDArray

    def rows(self, model: int) -> tuple[NDArray, NDArray, NDArray]:
        """``lasso``, ``lower`` and ``upper`` of one model, each ``(p,)``."""
        return self.lasso[model], self.lower[model], self.upper[model]

    def value(self, x: NDArray, models: NDArray) -> NDArray:
        """Penalty of each of ``models``, ``(len(models),)``, for ``x`` within the bounds."""
        return np.einsum("ap,ap->a", self.lasso[models], abs(x))

    def subgradient(self, x: NDArray, gradient: NDArray, models: NDArray) -> NDArray:
        """The smallest subgradient of the composite function, of the shape of ``x``.

        For each variable it is the steeper of the two descents: upwards if the derivative to the right is negative,
        downwards if the derivative to the left is positive, unless a bound blocks the move. It is zero everywhere
        exactly at a minimum.

        Parameters
        ----------
        x : (len(models), p)
            Points within the bounds.
        gradient : (len(models), p)
            Gradient of the smooth part.
        models : (len(models),) int
            Indices of the models.

        Returns
        -------
        (len(models), p)
        """
        lasso, lower, upper = self.lasso[models], self.lower[models], self.upper[models]
        right = gradient + np.where(x >= 0, lasso, -lasso)
        left = gradient + np.where(x > 0, lasso, -lasso)
        up, down = (x < upper) & (right < 0), (x > lower) & (left > 0)
        steepest = np.where(up, right, np.where(down, left, 0.0))
        return np.where(np.isfinite(gradient), steepest, gradient)

    def prox(self, x: NDArray, step: NDArray, models: NDArray) -> NDArray:
        """See :class:`~treefold.optim.composite.Separable`."""
        shrunk = np.sign(x) * np.maximum(abs(x) - step[:, None] * self.lasso[models], 0.0)
        return np.clip(shrunk, self.lower[models], self.upper[models])

    def clip(self, x: NDArray) -> NDArray:
        """The nearest point within the bounds, for all models."""
        return np.clip(x, self.lower, self.upper)
