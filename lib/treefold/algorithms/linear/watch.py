"""Early stopping: the loss of rows held out, measured in the passes of the fit."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear.objective import margins, shifted, weight_of
from treefold.algorithms.splits import Kept, Split
from treefold.block import Block
from treefold.blocks import Blocks, Leaf, add
from treefold.errors import InputError
from treefold.losses import Loss
from treefold.together import Joint, JointMerge

HELD = 1  # the fold that is held out


class Held(NamedTuple):
    """Weighted sum of the loss over rows, ``(models,)``, and their weight."""

    loss: NDArray
    weight: float


def held_loss(
    block: Block, coef: NDArray, loss: Loss, shift: NDArray | None, by_class: NDArray | None, with_offset: bool
) -> Held:
    """Loss of one block's rows of positive weight; arguments as of the objective."""
    rows = np.flatnonzero(block.weight > 0)
    extra = tuple(column[rows] for column in block.extra)
    mine = Block(block.X[rows], block.y[rows], block.weight[rows], block.id, extra)
    weight = weight_of(mine, by_class).astype(np.float64)
    X, y, coef, _ = shifted(mine, coef, shift)
    margin = margins(X, coef)
    if with_offset:
        margin[:, 0] += mine.extra[0]
    value = loss(margin, y)[0].astype(np.float64)
    return Held(np.where(weight > 0, value, 0.0) @ weight, float(weight.sum()))


class Watch:
    """Watches the loss of the rows of fold 1 of a split, at every point where a fit evaluates its objective.

    Attributes
    ----------
    best : (models,)
        Least loss so far.
    x : (models, p)
        Where it was.
    history : for each model the loss at the start and after each iteration
    halted : (models,) bool
        Which models have had ``patience`` iterations without a better one.
    """

    def __init__(self, blocks: Blocks, split: Split, patience: int, loss: Loss, x0: NDArray) -> None:
        self.blocks, self.split, self.patience, self.loss = blocks, split, patience, loss
        models = len(x0)
        self.x, self.best, self.last = x0.copy(), np.full(models, np.inf), np.full(models, np.nan)
        self.history: list[list[float]] = [[] for _ in range(models)]
        self.stale, self.least = np.zeros(models, np.int64), np.full(models, np.inf)
        self.halted, self.iteration = np.zeros(models, bool), np.full(models, -1)

    def sum(self, stat: Callable, *args: Any, x: NDArray, models: NDArray, about: tuple) -> Any:
        """Sum of ``stat`` over the other rows; ``about`` are the arguments of the loss at ``x``, but for the loss."""
        stats: list[Callable] = [
            Kept(Leaf(stat), self.split, HELD, False, True),
            Kept(Leaf(held_loss), self.split, HELD, True, True),
        ]
        coef, *others = about
        merge = JointMerge([add, add])
        found, held = self.blocks.fold(Joint(stats), args, (coef, self.loss, *others), merge=merge)
        if not held.weight > 0:
            raise InputError("no row of positive weight is held out for validation: hold out more")
        self._saw(x, models, held.loss / held.weight)
        return found

    def _saw(self, x: NDArray, models: NDArray, value: NDArray) -> None:
        self.last[models] = value
        better = value < self.best[models]
        self.best[models[better]], self.x[models[better]] = value[better], x[better]

    def begin(self) -> None:
        """Another stage of the fit begins, at iteration 0."""
        self.iteration[:] = -1

    def judge(self, state: Any) -> NDArray:
        """Which models are to end, given the solver's state after a step."""
        for m in np.flatnonzero(state.iteration > self.iteration):
            self.history[m].append(float(self.last[m]))
            self.stale[m] = 0 if self.best[m] < self.least[m] else self.stale[m] + 1
        self.iteration = np.maximum(self.iteration, state.iteration)
        self.least = np.minimum(self.least, self.best)
        self.halted |= self.stale >= self.patience
        return self.halted
