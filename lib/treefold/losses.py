"""Losses of one row: ``(margin, label) -> (loss, slope)``.

Margins are ``(models, outputs, rows)``, labels ``(rows,)``; the loss is ``(models, rows)`` and the slope, its
derivative with respect to the margin, ``(models, outputs, rows)``. A loss knows no data and no coefficients. Rows come
last, so that every operation runs along contiguous memory; results are in the type of the margins. A loss with a
``smoothing`` has a kink where that is 0, and its slope there is a subgradient.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Loss(Protocol):
    """A loss and its slope."""

    def __call__(self, margin: NDArray, label: NDArray, /) -> tuple[NDArray, NDArray]:
        """Loss ``(models, rows)`` and slope ``(models, outputs, rows)``."""
        ...


def squared(margin: NDArray, label: NDArray) -> tuple[NDArray, NDArray]:
    """``(margin - label)^2 / 2``, one output."""
    slope = margin - label
    return 0.5 * slope[:, 0] ** 2, slope


def logistic(margin: NDArray, label: NDArray) -> tuple[NDArray, NDArray]:
    """``log(1 + exp(margin)) - label * margin`` for labels 0 and 1, one output.

    Written with ``e = exp(-|margin|)``, which neither overflows nor cancels.
    """
    e = np.exp(-np.abs(margin))
    loss = np.maximum(margin, 0)
    loss -= margin * label  # exactly 0 on the right side, so that the small rest below is kept
    loss += np.log1p(e)
    slope = np.where(margin >= 0, np.ones((), margin.dtype), e)
    e += 1
    slope /= e
    slope -= label
    return loss[:, 0], slope


def softmax(margin: NDArray, label: NDArray) -> tuple[NDArray, NDArray]:
    """``log(sum_k exp(margin_k)) - margin_label`` for labels 0 .. outputs - 1, one output a class."""
    shifted = margin - margin.max(axis=1, keepdims=True)
    row, chosen = np.arange(margin.shape[2]), label.astype(np.intp)
    loss = -shifted[:, chosen, row]
    slope = np.exp(shifted, out=shifted)
    total = slope.sum(axis=1)
    loss += np.log(total)
    slope /= total[:, None]
    slope[:, chosen, row] -= 1
    return loss, slope


def squared_hinge(margin: NDArray, label: NDArray) -> tuple[NDArray, NDArray]:
    """``max(0, 1 - sign * margin)^2``, the sign +1 for label 1 and -1 for 0; of many outputs one a class, added.

    With one output a class, class k's is +1 for its own rows and -1 for all others: one against the rest.
    """
    sign = _signs(margin, label)
    gap = np.maximum(1 - sign * margin, 0)
    return np.square(gap).sum(axis=1), -2 * sign * gap


def poisson(margin: NDArray, label: NDArray) -> tuple[NDArray, NDArray]:
    """``exp(margin) - label * margin``, one output: minus the log-likelihood of a count of mean ``exp(margin)``."""
    with np.errstate(over="ignore"):  # a step too far is infinitely bad, and searched nearer
        mean = np.exp(margin)
    return (mean - label * margin)[:, 0], mean - label


class Hinge(NamedTuple):
    """``max(0, 1 - sign * margin)``, with signs and outputs as in :func:`squared_hinge`.

    Attributes
    ----------
    smoothing : float
        Width h over which the kink is a parabola; what it takes from the loss is within ``[0, h / 2]``.
    """

    smoothing: float = 0.0

    def __call__(self, margin: NDArray, label: NDArray) -> tuple[NDArray, NDArray]:
        """Loss and slope."""
        sign = _signs(margin, label)
        loss, slope = _ramp(1 - sign * margin, self.smoothing)
        return loss.sum(axis=1), -sign * slope


class Tube(NamedTuple):
    """``max(0, |margin - label| - width)``, one output: the loss of support vector regression.

    Attributes
    ----------
    width : float
        In the units of the label.
    smoothing : float
        As in :class:`Hinge`, in the units of the label.
    """

    width: float = 0.0
    smoothing: float = 0.0

    def __call__(self, margin: NDArray, label: NDArray) -> tuple[NDArray, NDArray]:
        """Loss and slope."""
        error = margin - label
        loss, slope = _ramp(abs(error) - margin.dtype.type(self.width), self.smoothing)
        return loss[:, 0], np.sign(error) * slope


class Quantile(NamedTuple):
    """``level * r`` of a residual ``r = label - margin >= 0``, and ``(level - 1) * r`` of one below; one output.

    Attributes
    ----------
    level : float
        Of the quantile, within (0, 1).
    smoothing : float
        h of the Moreau envelope ``min_s loss(s) + (s - r)^2 / (2 h)``, in the units of the label; what it takes from
        the loss is within ``[0, h / 2]``.
    """

    level: float = 0.5
    smoothing: float = 0.0

    def __call__(self, margin: NDArray, label: NDArray) -> tuple[NDArray, NDArray]:
        """Loss and slope."""
        residual = label - margin
        if not self.smoothing:
            pull = np.where(residual > 0, self.level, np.where(residual < 0, self.level - 1, 0)).astype(margin.dtype)
            return (pull * residual)[:, 0], -pull
        pull = np.clip(residual / margin.dtype.type(self.smoothing), self.level - 1, self.level).astype(margin.dtype)
        return (pull * (residual - margin.dtype.type(self.smoothing / 2) * pull))[:, 0], -pull


class Huber(NamedTuple):
    """``(s + h(r / s) s) / 2`` of the residual ``r = label - margin`` and a scale ``s`` that is fitted with the rest.

    ``h(z)`` is ``z^2`` up to ``epsilon`` and ``2 epsilon |z| - epsilon^2`` beyond: Huber & Ronchetti, Robust
    Statistics, 2nd ed., sec. 7.7, as in MLlib; scikit-learn's is twice that. Two outputs, of which the second is ``s``.

    Attributes
    ----------
    epsilon : float
        Where squares end, in scales; > 1.
    """

    epsilon: float = 1.35

    def __call__(self, margin: NDArray, label: NDArray) -> tuple[NDArray, NDArray]:
        """Loss and slope. A scale that is not positive is infinitely bad."""
        epsilon = margin.dtype.type(self.epsilon)
        residual, scale = label - margin[:, 0], margin[:, 1]
        valid = scale > 0
        z = residual / np.where(valid, scale, 1)
        bent = np.clip(z, -epsilon, epsilon)
        loss = scale * (1 + bent * (2 * z - bent)) / 2
        slope = np.stack([-bent, (1 - bent * bent) / 2], axis=1)
        return np.where(valid, loss, np.inf), slope


def curvature(loss: Loss, margin: NDArray, label: NDArray) -> NDArray:
    """Second derivatives of a smooth loss with respect to the margins, ``(models, parts, rows)``.

    A part is an output with itself, for losses that are sums over outputs; at the end of a parabola the greater of the
    two. Of softmax the parts are the pairs of ``np.triu_indices(outputs)``; those of two outputs are not positive.

    Raises
    ------
    TypeError
        For the other losses.
    """
    if loss is squared:
        return np.ones_like(margin)
    if loss is logistic:
        e = np.exp(-np.abs(margin))
        return e / np.square(1 + e)
    if loss is softmax:
        share = np.exp(margin - margin.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        k, other = np.triu_indices(margin.shape[1])
        rest = np.where((k == other)[:, None], 1 - share[:, k], -share[:, other])
        return share[:, k] * rest
    if loss is poisson:
        return poisson(margin, np.zeros((), margin.dtype))[1]
    if loss is squared_hinge:
        return 2.0 * (_signs(margin, label) * margin <= 1)
    raise TypeError(f"{loss} has no second derivative")


def _signs(margin: NDArray, label: NDArray) -> NDArray:
    """+1 or -1 for each output and row, ``(outputs, rows)``."""
    outputs = margin.shape[1]
    own = label == (1 if outputs == 1 else np.arange(outputs)[:, None])
    return np.atleast_2d(np.where(own, 1, -1)).astype(margin.dtype)


def _ramp(gap: NDArray, smoothing: float) -> tuple[NDArray, NDArray]:
    """``max(0, gap)`` and its slope, the kink a parabola over ``[0, smoothing]``."""
    if not smoothing:
        return np.maximum(gap, 0), (gap > 0).astype(gap.dtype)
    width = gap.dtype.type(smoothing)
    slope = np.clip(gap / width, 0, 1)
    return slope * (gap - width * slope / 2), slope
