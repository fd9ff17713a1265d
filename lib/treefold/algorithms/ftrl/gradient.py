"""The statistic of a clock: tasks pull the coefficients of the rows of a mini-batch and push their gradients."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.ftrl.rule import Ftrl
from treefold.algorithms.linear.losses import Loss
from treefold.algorithms.linear.objective import weight_of
from treefold.dataset.block import Block
from treefold.dataset.csr import as_csr
from treefold.dataset.lanes import LaneSums
from treefold.dataset.minibatch import MiniBatch, gathered
from treefold.parameters.clock import Push
from treefold.parameters.shard_group import ShardGroup


class Objective(NamedTuple):
    """What the rows of a mini-batch are fitted to.

    Attributes
    ----------
    loss : Loss
        Of one output.
    intercept : bool
        Whether there is an intercept, whose key follows those of the features.
    by_class : (classes,), optional
        Factors of the weights of rows by label.
    shift, scale : float
        The label is reduced by ``shift`` and then divided by ``scale``.
    """

    loss: Loss
    intercept: bool = True
    by_class: NDArray | None = None
    shift: float = 0.0
    scale: float = 1.0


class Met(NamedTuple):
    """Weighted sum of the losses of rows, at the coefficients before they were learned from, and sum of weights."""

    loss: float
    weight: float


class LaneRows(NamedTuple):
    """The rows of a lane, with columns for the keys that occur alone.

    Attributes
    ----------
    X : (rows, occurring) CSR
    keys : (occurring,) int64
        Keys of the columns, increasing; last that of the intercept, which has no column, if there is one.
    y, weight : (rows,) float64
    """

    X: csr_array
    keys: NDArray[np.int64]
    y: NDArray
    weight: NDArray


def lane_pushes(
    blocks: Iterable[Block], batch: MiniBatch, clock: int, shards: ShardGroup, rule: Ftrl, objective: Objective
) -> LaneSums:
    """Push the gradient of each lane of a task; returns the losses by lane.

    Parameters
    ----------
    blocks : Iterable[Block]
        Blocks of the task.
    batch : MiniBatch
        Rows of the clock.
    clock : int
        Number of the clock.
    shards : ShardGroup
        Where coefficients are pulled from and gradients are pushed to.
    rule : Ftrl
        Its state before the clock.
    objective : Objective
        Loss, intercept, and units of the label.

    Returns
    -------
    LaneSums
    """
    lanes = [
        (lane, lane_rows(gathered(group, batch, lane).block, objective)) for lane, group in batch.lanes.split(blocks)
    ]
    keys = np.unique(np.concatenate([rows.keys for _, rows in lanes]))
    values = shards.pull(clock, keys, rule)
    pushes, met = [], []
    for lane, rows in lanes:
        push, lost = gradient(lane, rows, values[np.searchsorted(keys, rows.keys)], objective)
        pushes.append(push)
        met.append((lane, lost))
    shards.push(clock, pushes)
    return LaneSums.of(met)


def lane_rows(block: Block, objective: Objective) -> LaneRows:
    """The rows of positive weight, with columns for the features that occur."""
    weight = weight_of(block, objective.by_class).astype(np.float64)
    kept = weight > 0
    X = as_csr(block.X[kept], np.float64)
    found, columns = np.unique(X.indices, return_inverse=True)
    last = [X.shape[1]] if objective.intercept else []
    narrow = csr_array((X.data, columns.astype(np.int32), X.indptr), shape=(X.shape[0], len(found)))
    label = (block.y[kept].astype(np.float64) - objective.shift) / objective.scale
    return LaneRows(narrow, np.concatenate([found, last]).astype(np.int64), label, weight[kept])


def gradient(lane: int, rows: LaneRows, coef: NDArray, objective: Objective) -> tuple[Push, Met]:
    """The gradient of the loss of a lane as a push, and the loss.

    Parameters
    ----------
    lane : int
        Number of the lane.
    rows : LaneRows
        Its rows.
    coef : (keys,) float64
        Coefficients of the keys of the rows.
    objective : Objective
        The loss.

    Returns
    -------
    tuple of Push and Met
    """
    columns = rows.X.shape[1]
    margin = rows.X @ coef[:columns]
    if objective.intercept:
        margin += coef[-1]
    value, slope = objective.loss(margin[None, None], rows.y)
    pull = slope[0, 0] * rows.weight
    slopes = rows.X.T @ pull
    if objective.intercept:
        slopes = np.append(slopes, pull.sum())
    return Push(lane, rows.keys, slopes), Met(float(value[0] @ rows.weight), float(rows.weight.sum()))
