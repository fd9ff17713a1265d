"""The loop of FTRL-Proximal: a pass over the rows of a mini-batch for each clock."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.ftrl.gradient import Met, Objective, lane_pushes
from treefold.algorithms.ftrl.rule import Ftrl, nonzero
from treefold.dataset.blocks import Blocks
from treefold.dataset.lanes import lanes_of, merge_lanes
from treefold.dataset.minibatch import MiniBatch
from treefold.dataset.random import substream
from treefold.optim.status import DIVERGED, MAX_ITER
from treefold.parameters.shard_group import ShardGroup

ORDER_STREAM = 0xF7


class FtrlSettings(NamedTuple):
    """How mini-batches are drawn.

    Attributes
    ----------
    rows : int
        Rows of a mini-batch, which is a clock.
    lanes : int
        Number of lanes from which it takes them; see :mod:`treefold.dataset.lanes`.
    epochs : int
        Passes over all rows.
    seed : int
        Determines the order of the rows.
    """

    rows: int
    lanes: int
    epochs: int = 1
    seed: int = 0


class FtrlFit(NamedTuple):
    """A fitted model.

    Attributes
    ----------
    coef : (features + 1,) float64
        Coefficients, the intercept last; 0 if there is none.
    losses : list of float
        Progressive validation loss of each epoch: the mean loss of each row at the coefficients before they learned
        from it, in units of the label.
    nonzero : int
        Number of coefficients that are not 0, without the intercept.
    status : int
        As in :mod:`treefold.optim.status`.
    """

    coef: NDArray
    losses: list[float]
    nonzero: int
    status: int


def fit(
    blocks: Blocks,
    objective: Objective,
    shards: ShardGroup,
    rule: Ftrl,
    how: FtrlSettings,
    on_clock: Callable[[int, float], None] = lambda epoch, loss: None,
) -> FtrlFit:
    """Fit a linear model: each clock is one pass over its rows, after which the shards apply what was pushed.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    objective : Objective
        Loss, intercept, and units of the label.
    shards : ShardGroup
        New shards of ``blocks.features + 1`` coefficients.
    rule : Ftrl
        Step size and penalties; its weight is 0.
    how : FtrlSettings
        Size and order of mini-batches.
    on_clock : callable, optional
        Called after each clock with the number of the epoch and its progressive validation loss so far.

    Returns
    -------
    FtrlFit
    """
    lanes, seed = lanes_of(blocks, how.lanes), substream(how.seed, ORDER_STREAM)
    steps, losses, status, unit = max(1, -(-lanes.rows // how.rows)), [], MAX_ITER, objective.scale**2
    for epoch in range(how.epochs):
        met = Met(0.0, 0.0)
        for step in range(steps):
            clock, batch = epoch * steps + step, MiniBatch(lanes, seed, epoch, step, steps)
            found: Met = blocks.reduce_tasks(
                lane_pushes, batch, clock, shards, rule, objective, merge=merge_lanes
            ).total
            shards.apply(clock, len(lanes.starts), rule)
            rule = rule._replace(weight=rule.weight + found.weight)
            met = Met(met.loss + found.loss, met.weight + found.weight)
            on_clock(epoch + 1, unit * met.loss / met.weight if met.weight else 0.0)
            if not np.isfinite(met.loss):
                break
        losses.append(unit * met.loss / met.weight)
        if not np.isfinite(met.loss):
            status = DIVERGED
            break
    coef = objective.scale * shards.values(rule)
    coef[-1] += objective.shift if objective.intercept else 0.0
    return FtrlFit(coef, losses, shards.sum(nonzero, rule).total, status)
