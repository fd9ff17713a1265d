"""The statistic of local descent: every lane goes through its own rows from the same weights and moments."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear.objective import weight_of
from treefold.algorithms.perceptron.minibatch import dropout_of
from treefold.algorithms.perceptron.network import Network
from treefold.algorithms.perceptron.objective import features_and_targets
from treefold.dataset.block import Block
from treefold.dataset.blocks import holds_blocks
from treefold.dataset.lanes import LaneSums
from treefold.dataset.minibatch import MiniBatch, gathered
from treefold.optim.fused_updates import FusedUpdate


class Steps(NamedTuple):
    """How the steps of an epoch are taken.

    Attributes
    ----------
    update : FusedUpdate
    rates : (steps, models)
        Step sizes.
    ridge : (models,)
        L2 strengths.
    first : int
        Number of steps before the epoch.
    """

    update: FusedUpdate
    rates: NDArray
    ridge: NDArray
    first: int


class LocalSums(NamedTuple):
    """Sums over lanes.

    Attributes
    ----------
    x, mean, square : (models, size)
        Weights and biases and the averages of gradients at the end of each lane, times the weight of the lane.
    loss : (models,)
        Loss of the rows during the epoch.
    weight : float
        Sum of the weights of the rows.
    """

    x: NDArray
    mean: NDArray
    square: NDArray
    loss: NDArray
    weight: float


@holds_blocks
def lane_epochs(
    blocks: Iterable[Block],
    batch: MiniBatch,
    x: NDArray,
    mean: NDArray,
    square: NDArray,
    steps: Steps,
    network: Network,
    by_class: NDArray | None = None,
    dropout: float = 0.0,
) -> LaneSums:
    """An epoch of mini-batches within each lane, all from the same weights and averages.

    Parameters
    ----------
    blocks : iterable of Block
        The blocks of a task.
    batch : MiniBatch
        The first one of the epoch; each step takes its rows of one lane.
    x, mean, square : (models, size)
        Weights and biases, and the averages of gradients.
    steps : Steps
        How the steps are taken.
    network : Network
        The network.
    by_class : (classes,), optional
        Factors of the weights of rows.
    dropout : float, default 0
        Probability with which a hidden unit is dropped for a row, in [0, 1).
    """
    return LaneSums.of(
        (lane, _walk(group, lane, batch, (x, mean, square), steps, network, by_class, dropout))
        for lane, group in batch.lanes.split(blocks)
    )


def _walk(
    group: list[Block],
    lane: int,
    batch: MiniBatch,
    start: tuple[NDArray, NDArray, NDArray],
    steps: Steps,
    network: Network,
    by_class: NDArray | None,
    dropout: float,
) -> LocalSums:
    x, mean, square = (np.array(part) for part in start)
    penalised, gradient = network.layers.penalised.astype(x.dtype), np.empty(x.shape[1], x.dtype)
    loss, total = np.zeros(len(x)), 0.0
    for step in range(batch.steps):
        rows = gathered(group, batch._replace(step=step), lane)
        weight = weight_of(rows.block, by_class)
        mass = float(weight.sum(dtype=np.float64))
        if not mass > 0:
            continue
        total += mass
        X, target = features_and_targets(rows.block, network.layers.inputs)
        drops = dropout_of(batch, dropout, rows.position)
        for m in range(len(x)):
            loss[m] += network.gradient(X, target, weight, x[m], gradient, drops)
            gradient *= x.dtype.type(1 / mass)
            ridge, rate = float(steps.ridge[m]), float(steps.rates[step, m])
            steps.update(x[m], gradient, mean[m], square[m], penalised, ridge, rate, steps.first + step)
    mass = x.dtype.type(total)
    return LocalSums(x * mass, mean * mass, square * mass, loss, total)
