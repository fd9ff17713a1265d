"""Mean, squares and extremes of a number, without cancellation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class UnivariateMoments:
    """Weighted moments of one number in each model of a batch; moments of two parts can be added.

    Attributes
    ----------
    weight, mean : (models,)
    squares : (models,)
        ``sum_i w_i (x_i - mean)^2``
    low, high : (models,)
        Extremes over the rows of positive weight.
    """

    weight: NDArray
    mean: NDArray
    squares: NDArray
    low: NDArray
    high: NDArray

    @classmethod
    def of(cls, value: NDArray, weight: NDArray) -> "UnivariateMoments":
        """Moments of values ``(models, rows)`` with weights of that shape; a row of weight 0 is absent."""
        total, some = weight.sum(axis=1), weight > 0
        value = np.where(some, value, 0.0)
        over = np.where(total > 0, total, 1.0)
        mean = (weight * value).sum(axis=1) / over
        off = value - mean[:, None]
        return cls(
            total,
            mean,
            (weight * off**2).sum(axis=1),
            np.where(some, value, np.inf).min(axis=1, initial=np.inf),
            np.where(some, value, -np.inf).max(axis=1, initial=-np.inf),
        )

    def __add__(self, other: "UnivariateMoments") -> "UnivariateMoments":
        """Moments of the union, by Chan, Golub & LeVeque 1979, eq. 2.1, as in :mod:`treefold.statistics.moments`."""
        total = self.weight + other.weight
        share = other.weight / np.where(total > 0, total, 1.0)
        gap = other.mean - self.mean
        return UnivariateMoments(
            total,
            self.mean + gap * share,
            self.squares + other.squares + gap**2 * self.weight * share,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )

    def squares_about(self, centre: NDArray) -> NDArray:
        """Weighted squares about a centre: ``sum_i w_i (x_i - centre)^2``."""
        about: NDArray = self.squares + self.weight * (self.mean - centre) ** 2
        return about
