"""The loss of rows that are held out, by which early stopping ends a fit."""

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.early_stopping import ValidationLoss
from treefold.algorithms.linear.losses import Loss
from treefold.algorithms.linear.objective import margins, shifted, weight_of
from treefold.dataset.block import Block


def validation_loss(
    block: Block, coef: NDArray, loss: Loss, shift: NDArray | None, by_class: NDArray | None, with_offset: bool
) -> ValidationLoss:
    """Loss of the rows of positive weight of one block.

    Parameters
    ----------
    block : Block
        Rows of the validation set; other rows have weight 0.
    coef : (models, outputs, features + 1)
        Coefficients, the intercept last.
    loss : Loss
        Loss of a margin and a label.
    shift : (features + 1,) or None
        Subtracted from the features, and last from the label.
    by_class : (classes,) or None
        Factors of the weights by class.
    with_offset : bool
        Whether ``block.extra[0]`` is added to the margin.

    Returns
    -------
    ValidationLoss
        Weighted loss ``(models,)``, and the weight of the rows.
    """
    rows = np.flatnonzero(block.weight > 0)
    extra = tuple(column[rows] for column in block.extra)
    mine = Block(block.X[rows], block.y[rows], block.weight[rows], block.id, extra)
    weight = weight_of(mine, by_class).astype(np.float64)
    X, y, coef, _ = shifted(mine, coef, shift)
    margin = margins(X, coef)
    if with_offset:
        margin[:, 0] += mine.extra[0]
    value = loss(margin, y)[0].astype(np.float64)
    return ValidationLoss(np.where(weight > 0, value, 0.0) @ weight, float(weight.sum()))
