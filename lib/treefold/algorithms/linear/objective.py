"""The statistic of a linear model: its loss and gradient, for a batch of models in one product."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.folds import Holdout, training_weight
from treefold.block import Block
from treefold.losses import Loss


class Objective(NamedTuple):
    """Weighted sums over rows.

    Attributes
    ----------
    loss : (models,)
    coef : (models, outputs, features)
        Derivative of the loss with respect to the coefficients.
    intercept : (models, outputs)
        Derivative with respect to the intercepts.
    weight : (models,), or (1,) where every model sees every row
    """

    loss: NDArray
    coef: NDArray
    intercept: NDArray
    weight: NDArray


def margins(X: NDArray, coef: NDArray) -> NDArray:
    """Margins ``W x + b``, ``(models, outputs, rows)``, in the type of ``X``.

    ``coef`` is ``(models, outputs, features + 1)``, the intercept last.
    """
    models, outputs, columns = coef.shape
    weights = coef[..., :-1].reshape(-1, columns - 1).astype(X.dtype)
    margin = (weights @ X.T).reshape(models, outputs, len(X))
    margin += coef[..., -1:].astype(X.dtype)
    return margin


def objective(
    block: Block, coef: NDArray, loss: Loss, holdout: Holdout | None = None, shift: NDArray | None = None
) -> Objective:
    """Loss and gradient of a batch of models on one block.

    Parameters
    ----------
    coef : (models, outputs, features + 1)
        For the rows less ``shift``, ``(features + 1,)``, the last element for the label.
    """
    X, y = block.X, block.y
    if shift is not None:
        X, y = (X - shift[:-1]).astype(X.dtype), (y - shift[-1]).astype(y.dtype)
    value, slope = loss(margins(X, coef), y)
    weight = training_weight(block, holdout)
    slope *= weight[:, None]
    value *= weight
    if not weight.all():  # a row of weight 0 is absent, even where its loss is infinite
        slope[np.broadcast_to((weight == 0)[:, None], slope.shape)] = 0
        value[np.broadcast_to(weight == 0, value.shape)] = 0
    models, outputs, rows = slope.shape
    gradient = slope.reshape(-1, rows) @ X
    return Objective(
        value.sum(axis=1, dtype=np.float64),
        gradient.reshape(models, outputs, -1),
        slope.sum(axis=2, dtype=np.float64),
        weight.sum(axis=1, dtype=np.float64),
    )
