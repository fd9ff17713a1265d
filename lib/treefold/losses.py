"""Losses of one row: ``(margin, label) -> (loss, slope)``.

Margins are ``(models, outputs, rows)``, labels ``(rows,)``; the loss is ``(models, rows)`` and the slope, its
derivative with respect to the margin, ``(models, outputs, rows)``. A loss knows no data and no coefficients. Rows come
last, so that every operation runs along contiguous memory; results are in the type of the margins.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Loss = Callable[[NDArray, NDArray], tuple[NDArray, NDArray]]


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
