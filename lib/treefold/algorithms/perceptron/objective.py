"""The statistic of a network: loss and gradient of a batch of models."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.early_stopping import ValidationLoss
from treefold.algorithms.linear.objective import weight_of
from treefold.algorithms.perceptron.network import Network
from treefold.dataset.block import Block, Matrix

TILE = 2048  # rows whose activations stay in a core's cache


class Objective(NamedTuple):
    """Weighted sums over rows: ``loss`` ``(models,)``, its ``gradient`` ``(models, size)``, and ``weight``."""

    loss: NDArray
    gradient: NDArray
    weight: float


def features_and_targets(block: Block, inputs: int) -> tuple[Matrix, NDArray]:
    """Features ``(rows, inputs)`` of a block, and targets: the columns after them, or else the label ``(rows, 1)``."""
    if block.X.shape[1] == inputs:
        return block.X, block.y[:, None]
    return block.X[:, :inputs], block.X[:, inputs:]


def objective(block: Block, flat: NDArray, network: Network, by_class: NDArray | None = None) -> Objective:
    """Loss and gradient of a batch of networks on one block.

    Parameters
    ----------
    block : Block
        Rows.
    flat : (models, size)
        Weights and biases.
    network : Network
        Layers, activation and loss.
    by_class : (classes,), optional
        Factors of the weights of rows.
    """
    X, target = features_and_targets(block, network.layers.inputs)
    weight, flat = weight_of(block, by_class), flat.astype(X.dtype, copy=False)
    loss, gradient = np.zeros(len(flat)), np.zeros(flat.shape)
    part = np.empty(flat.shape[1], X.dtype)
    for first in range(0, len(weight), TILE):
        rows = slice(first, first + TILE)
        for m, one in enumerate(flat):
            loss[m] += network.gradient(X[rows], target[rows], weight[rows], one, part)
            gradient[m] += part
    return Objective(loss, gradient, float(weight.sum(dtype=np.float64)))


def validation_loss(block: Block, flat: NDArray, network: Network, by_class: NDArray | None = None) -> ValidationLoss:
    """Loss of one block's rows of positive weight.

    Parameters
    ----------
    block : Block
        Rows of the validation set; other rows have weight 0.
    flat : (models, parameters)
        Weights and biases of each model.
    network : Network
        Layers, activation and loss.
    by_class : (classes,) or None, default None
        Factors of the weights by class.

    Returns
    -------
    ValidationLoss
        Weighted loss ``(models,)``, and the weight of the rows.
    """
    rows = np.flatnonzero(block.weight > 0)
    mine = Block(block.X[rows], block.y[rows], block.weight[rows], block.id)
    X, target = features_and_targets(mine, network.layers.inputs)
    weight, flat = weight_of(mine, by_class), flat.astype(X.dtype, copy=False)
    loss = np.array([network.loss_of(X, target, weight, one) for one in flat])
    return ValidationLoss(loss, float(weight.sum(dtype=np.float64)))
