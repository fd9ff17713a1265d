"""The statistic of synchronous mini-batches: the gradient of a few rows of every lane."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear.objective import weight_of
from treefold.algorithms.perceptron.network import Dropout, Network
from treefold.algorithms.perceptron.objective import Objective, features_and_targets
from treefold.dataset.block import Block
from treefold.dataset.blocks import holds_blocks
from treefold.dataset.lanes import LaneSums
from treefold.dataset.minibatch import Gathered, MiniBatch, gathered
from treefold.dataset.random import splitmix64, substream

DROPOUT_STREAM = 0xD1


def dropout_of(batch: MiniBatch, probability: float, position: NDArray) -> Dropout | None:
    """The dropout of rows of a mini-batch.

    Parameters
    ----------
    batch : MiniBatch
        Its seed and epoch determine the units.
    probability : float
        With which a hidden unit is dropped for a row, in [0, 1).
    position : (rows,) int64
        Of the rows in the data set.

    Returns
    -------
    Dropout or None
        None if nothing is dropped.
    """
    if not probability:
        return None
    stream = substream(batch.seed, batch.epoch, DROPOUT_STREAM)
    return Dropout(probability, splitmix64(position.astype(np.uint64), stream))


@holds_blocks
def lane_gradients(
    blocks: Iterable[Block],
    batch: MiniBatch,
    flat: NDArray,
    network: Network,
    by_class: NDArray | None = None,
    dropout: float = 0.0,
) -> LaneSums:
    """Loss and gradient of the rows of a mini-batch, summed by lane; the gradient in the type of the rows.

    Parameters
    ----------
    blocks : Iterable[Block]
        The data set.
    batch : MiniBatch
        Rows of the step.
    flat : (models, size)
        Weights and biases.
    network : Network
        Layers, activation and loss.
    by_class : (classes,), optional
        Factors of the weights of rows.
    dropout : float, default 0
        Probability with which a hidden unit is dropped for a row, in [0, 1).
    """

    def of_lane(group: list[Block], lane: int) -> Objective:
        rows = gathered(group, batch, lane)
        return _gradient(rows, flat, network, by_class, dropout_of(batch, dropout, rows.position))

    return LaneSums.of((lane, of_lane(group, lane)) for lane, group in batch.lanes.split(blocks))


def _gradient(
    rows: Gathered, flat: NDArray, network: Network, by_class: NDArray | None, dropout: Dropout | None
) -> Objective:
    X, target = features_and_targets(rows.block, network.layers.inputs)
    weight, flat = weight_of(rows.block, by_class), flat.astype(X.dtype, copy=False)
    loss, gradient = np.zeros(len(flat)), np.zeros(flat.shape, X.dtype)
    if X.shape[0]:
        for m, one in enumerate(flat):
            loss[m] = network.gradient(X, target, weight, one, gradient[m], dropout)
    return Objective(loss, gradient, float(weight.sum(dtype=np.float64)))
