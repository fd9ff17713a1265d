"""The penalties of a batch of linear models, and the bounds of their coefficients."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Bounds(NamedTuple):
    """Least and greatest coefficients, ``(outputs, features + 1)``, the intercept last; infinite for no bound."""

    lower: NDArray
    upper: NDArray


class Penalties(NamedTuple):
    """Strengths of the penalties of each model, and the bounds of the coefficients of all.

    Attributes
    ----------
    l2, l1 : (models,)
        Strengths in the units of the data, >= 0.
    bounds : Bounds, optional
        Bounds of the coefficients for the data.
    """

    l2: NDArray
    l1: NDArray
    bounds: Bounds | None = None

    @classmethod
    def of(cls, models: int, ridge: ArrayLike, lasso: ArrayLike | None, bounds: Bounds | None) -> "Penalties":
        """The penalties of a number of models, from numbers or arrays.

        Parameters
        ----------
        models : int
            Number of models.
        ridge : (models,) or float
            L2 strength.
        lasso : (models,), float or None
            L1 strength.
        bounds : Bounds or None
            Bounds of the coefficients.

        Returns
        -------
        Penalties
        """
        l2, l1 = (np.broadcast_to(np.asarray(0.0 if s is None else s, np.float64), models) for s in (ridge, lasso))
        return cls(l2, l1, bounds)

    @property
    def smooth(self) -> bool:
        """Whether there is neither an L1 penalty nor a bound."""
        return self.bounds is None and not self.l1.any()

    @property
    def free_intercept(self) -> bool:
        """Whether no intercept is bounded."""
        return self.bounds is None or bool(np.isinf(np.stack(self.bounds)[..., -1]).all())

    @property
    def determine(self) -> NDArray:
        """Which models have a penalty or bounds, ``(models,)``: these determine what the loss leaves open."""
        return (self.l2 > 0) | (self.l1 > 0) | (self.bounds is not None)
