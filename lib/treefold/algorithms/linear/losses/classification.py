"""Losses of class labels 0, 1, ...: logistic, softmax, and the hinge losses of support vector machines."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear.losses.base import Loss, Start
from treefold.algorithms.linear.losses.ramp import ramp
from treefold.statistics.label_summary import DataSummary

LEAST_SHARE = 1e-6  # least share of a class at the start, so that a class without rows has a finite intercept


@dataclass(frozen=True)
class Logistic(Loss):
    """``log(1 + exp(margin)) - label * margin`` for labels 0 and 1, one output."""

    twice_differentiable = True
    row_kernel = "logistic"

    def __call__(self, margin: NDArray, label: NDArray, /) -> tuple[NDArray, NDArray]:
        """Loss and slope, computed from ``e = exp(-|margin|)``, which neither overflows nor cancels."""
        e = np.exp(-np.abs(margin))
        loss = np.maximum(margin, 0)
        loss -= margin * label  # exactly 0 for a correct class, so that the small term below is not rounded away
        loss += np.log1p(e)
        slope = np.where(margin >= 0, np.ones((), margin.dtype), e)
        e += 1
        slope /= e
        slope -= label
        return loss[:, 0], slope

    def curvature(self, margin: NDArray, label: NDArray) -> NDArray:
        """``p (1 - p)`` of the probability p."""
        e = np.exp(-np.abs(margin))
        return e / np.square(1 + e)

    def start(self, summary: DataSummary) -> Start:
        """The log-odds of the classes."""
        likely = np.maximum(_shares(summary), LEAST_SHARE)
        log_share = np.log(likely)
        return Start(log_share[1:] - log_share[:1], np.prod(likely, keepdims=True)[None])

    def slope_kernel(self) -> Callable:
        """Loss and slope in one loop."""
        from treefold.algorithms.linear.kernels import logistic_slopes  # numba takes half a second to import

        kernel: Callable = logistic_slopes
        return kernel


@dataclass(frozen=True)
class Softmax(Loss):
    """``log(sum_k exp(margin_k)) - margin_label`` for labels 0 .. outputs - 1, one output for each class."""

    twice_differentiable = True
    shift_invariant = True

    def __call__(self, margin: NDArray, label: NDArray, /) -> tuple[NDArray, NDArray]:
        """Loss and slope; the greatest margin is subtracted first."""
        shifted = margin - margin.max(axis=1, keepdims=True)
        row, chosen = np.arange(margin.shape[2]), label.astype(np.intp)
        loss = -shifted[:, chosen, row]
        slope = np.exp(shifted, out=shifted)
        total = slope.sum(axis=1)
        loss += np.log(total)
        slope /= total[:, None]
        slope[:, chosen, row] -= 1
        return loss, slope

    def curvature(self, margin: NDArray, label: NDArray) -> NDArray:
        """``p_k (1 - p_k)`` for output k, ``-p_k p_j`` for two outputs: the pairs of ``np.triu_indices``."""
        share = np.exp(margin - margin.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        k, other = np.triu_indices(margin.shape[1])
        rest = np.where((k == other)[:, None], 1 - share[:, k], -share[:, other])
        return share[:, k] * rest

    def start(self, summary: DataSummary) -> Start:
        """The logarithms of the shares of the classes, minus their mean."""
        likely = np.maximum(_shares(summary), LEAST_SHARE)
        log_share = np.log(likely)
        hessian = np.diag(likely) - np.outer(likely, likely) / likely.sum()
        return Start(log_share - log_share.mean(), hessian, len(likely))


@dataclass(frozen=True)
class SquaredHinge(Loss):
    """``max(0, 1 - sign * margin)^2``, summed over the outputs.

    With one output the sign is +1 for label 1 and -1 for label 0. With one output for each class (one versus rest), the
    sign of output k is +1 for rows of class k and -1 for all others.
    """

    twice_differentiable = True
    row_kernel = "squared_hinge"

    def __call__(self, margin: NDArray, label: NDArray, /) -> tuple[NDArray, NDArray]:
        """Loss and slope."""
        sign = _signs(margin, label)
        gap = np.maximum(1 - sign * margin, 0)
        return np.square(gap).sum(axis=1), -2 * sign * gap

    def curvature(self, margin: NDArray, label: NDArray) -> NDArray:
        """2 where the hinge is positive, else 0; 2 at the kink of the slope."""
        return 2.0 * (_signs(margin, label) * margin <= 1)

    def start(self, summary: DataSummary) -> Start:
        """Intercepts of 0."""
        outputs = _hinge_outputs(summary)
        return Start(np.zeros(outputs), 2.0 * np.eye(outputs), outputs)


@dataclass(frozen=True)
class Hinge(Loss):
    """``max(0, 1 - sign * margin)``, with signs and outputs as in :class:`SquaredHinge`.

    Attributes
    ----------
    smoothing : float, default 0
        Width over which the kink is replaced by a parabola.
    """

    smoothing: float = 0.0
    row_kernel = "hinge"

    def __call__(self, margin: NDArray, label: NDArray, /) -> tuple[NDArray, NDArray]:
        """Loss and slope."""
        sign = _signs(margin, label)
        loss, slope = ramp(1 - sign * margin, self.smoothing)
        return loss.sum(axis=1), -sign * slope

    def start(self, summary: DataSummary) -> Start:
        """Intercepts of 0."""
        outputs = _hinge_outputs(summary)
        return Start(np.zeros(outputs), np.eye(outputs), outputs)

    def smoothed(self, width: float) -> Self:
        """The loss with a parabola over ``[0, width]`` in place of the kink."""
        return replace(self, smoothing=width)


def _shares(summary: DataSummary) -> NDArray:
    """Share of the weight of each class; at least two classes."""
    weight = np.pad(summary.classes, (0, max(0, 2 - len(summary.classes))))  # there may be only one class
    shares: NDArray = weight / weight.sum()
    return shares


def _hinge_outputs(summary: DataSummary) -> int:
    return 1 if len(summary.classes) <= 2 else len(summary.classes)


def _signs(margin: NDArray, label: NDArray) -> NDArray:
    """+1 or -1 for each output and row, ``(outputs, rows)``."""
    outputs = margin.shape[1]
    own = label == (1 if outputs == 1 else np.arange(outputs)[:, None])
    return np.atleast_2d(np.where(own, 1, -1)).astype(margin.dtype)
