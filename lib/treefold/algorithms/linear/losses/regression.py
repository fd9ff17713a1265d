"""Losses of numeric labels: squared, Poisson, epsilon-insensitive, quantile, and Huber with its scale."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear.losses.base import Loss, Start
from treefold.algorithms.linear.losses.ramp import ramp
from treefold.errors import InputError
from treefold.statistics.label_summary import DataSummary

LEAST_MEAN = 1e-6  # least mean count at the start, so that counts of 0 alone have a finite intercept


@dataclass(frozen=True)
class Squared(Loss):
    """``(margin - label)^2 / 2``, one output."""

    homogeneity = 2
    constant_curvature = True
    twice_differentiable = True
    row_kernel = "squared"

    def __call__(self, margin: NDArray, label: NDArray, /) -> tuple[NDArray, NDArray]:
        """Loss and slope."""
        slope = margin - label
        return 0.5 * slope[:, 0] ** 2, slope

    def curvature(self, margin: NDArray, label: NDArray) -> NDArray:
        """1 everywhere."""
        return np.ones_like(margin)


@dataclass(frozen=True)
class Poisson(Loss):
    """``exp(margin) - label * margin``, one output: the negative log-likelihood of a count of mean ``exp(margin)``."""

    twice_differentiable = True
    row_kernel = "poisson"

    def __call__(self, margin: NDArray, label: NDArray, /) -> tuple[NDArray, NDArray]:
        """Loss and slope. The loss is infinite where ``exp`` overflows, so that the line search shortens its step."""
        with np.errstate(over="ignore"):
            mean = np.exp(margin)
        return (mean - label * margin)[:, 0], mean - label

    def curvature(self, margin: NDArray, label: NDArray) -> NDArray:
        """``exp(margin)``."""
        with np.errstate(over="ignore"):
            return np.exp(margin)

    def start(self, summary: DataSummary) -> Start:
        """The logarithm of the mean count.

        Raises
        ------
        InputError
            If a count is negative.
        """
        if summary.moments.low[-1] < 0:
            raise InputError(f"a label is {summary.moments.low[-1]:g}: counts are 0 or more")
        mean = np.maximum(summary.moments.mean[-1:], LEAST_MEAN)
        return Start(np.log(mean), mean[:, None])

    def offset_shift(self, mean: float, log_mean_exp: float) -> float:
        """``log_mean_exp`` if it is finite: the best intercept of a model without features; else the mean."""
        return log_mean_exp if np.isfinite(log_mean_exp) else mean


@dataclass(frozen=True)
class EpsilonInsensitive(Loss):
    """``max(0, |margin - label| - width)``, one output: the loss of support vector regression.

    Attributes
    ----------
    width : float
        Half-width of the tube without loss, in the units of the label.
    smoothing : float, default 0
        As in :class:`~treefold.algorithms.linear.losses.Hinge`, in the units of the label.
    """

    width: float = 0.0
    smoothing: float = 0.0
    homogeneity = 1
    row_kernel = "epsilon_insensitive"

    def __call__(self, margin: NDArray, label: NDArray, /) -> tuple[NDArray, NDArray]:
        """Loss and slope."""
        error = margin - label
        loss, slope = ramp(abs(error) - margin.dtype.type(self.width), self.smoothing)
        return loss[:, 0], np.sign(error) * slope

    def row_parameter(self, label_scale: float) -> float:
        """The width."""
        return self.width / label_scale

    def smoothed(self, width: float) -> Self:
        """The loss with parabolas over ``width`` outside of the tube in place of the kinks."""
        return replace(self, smoothing=width)


@dataclass(frozen=True)
class Quantile(Loss):
    """``level * r`` for a residual ``r = label - margin >= 0``, else ``(level - 1) * r``; one output.

    Attributes
    ----------
    level : float
        Level of the quantile, in (0, 1).
    smoothing : float, default 0
        h of the Moreau envelope ``min_s loss(s) + (s - r)^2 / (2 h)``, in the units of the label.
    """

    level: float = 0.5
    smoothing: float = 0.0
    homogeneity = 1
    row_kernel = "quantile"

    def __call__(self, margin: NDArray, label: NDArray, /) -> tuple[NDArray, NDArray]:
        """Loss and slope."""
        residual = label - margin
        if not self.smoothing:
            pull = np.where(residual > 0, self.level, np.where(residual < 0, self.level - 1, 0)).astype(margin.dtype)
            return (pull * residual)[:, 0], -pull
        pull = np.clip(residual / margin.dtype.type(self.smoothing), self.level - 1, self.level).astype(margin.dtype)
        return (pull * (residual - margin.dtype.type(self.smoothing / 2) * pull))[:, 0], -pull

    def row_parameter(self, label_scale: float) -> float:
        """The level."""
        return self.level

    def smoothed(self, width: float) -> Self:
        """The Moreau envelope of that width."""
        return replace(self, smoothing=width)


@dataclass(frozen=True)
class Huber(Loss):
    """``(s + h(r / s) s) / 2`` of the residual ``r = label - margin`` and a fitted scale ``s``.

    ``h(z)`` is ``z^2`` up to ``epsilon`` and ``2 epsilon |z| - epsilon^2`` beyond, as in MLlib; scikit-learn's is twice
    that. There are two outputs: the margin and ``s``.

    Attributes
    ----------
    epsilon : float
        Residual, in scales, at which the loss becomes linear; > 1.

    References
    ----------
    Huber & Ronchetti, Robust Statistics, 2nd ed., sec. 7.7.
    """

    epsilon: float = 1.35
    homogeneity = 1

    def __call__(self, margin: NDArray, label: NDArray, /) -> tuple[NDArray, NDArray]:
        """Loss and slope. The loss is infinite for a scale that is not positive."""
        epsilon = margin.dtype.type(self.epsilon)
        residual, scale = label - margin[:, 0], margin[:, 1]
        valid = scale > 0
        z = residual / np.where(valid, scale, 1)
        bent = np.clip(z, -epsilon, epsilon)
        loss = scale * (1 + bent * (2 * z - bent)) / 2
        slope = np.stack([-bent, (1 - bent * bent) / 2], axis=1)
        return np.where(valid, loss, np.inf), slope

    def start(self, summary: DataSummary) -> Start:
        """The mean label, and its deviation as the scale."""
        moments = summary.moments
        return Start(np.append(moments.mean[-1:], moments.label_deviation), np.eye(2))
