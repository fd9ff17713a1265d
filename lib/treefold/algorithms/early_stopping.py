"""Early stopping: the loss of held-out rows, computed in the passes of the fit."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.blocks import Blocks, WidenedStatistic, add
from treefold.dataset.folds import FoldStatistic
from treefold.dataset.fused_statistic import FusedMerge, FusedStatistic
from treefold.dataset.splits import Part, Split
from treefold.errors import InputError
from treefold.optim.status import HALTED

HELD = 1  # the fold that is held out


class ValidationLoss(NamedTuple):
    """Weighted sum of the loss over rows, ``(models,)``, and their weight."""

    loss: NDArray
    weight: float


class EarlyStopping:
    """Records the loss of the rows of fold 1 of a split at every point at which a fit evaluates its objective.

    Parameters
    ----------
    blocks : Blocks
        All rows, of both folds.
    split : Split
        Fold 0 is trained on, fold 1 is held out.
    patience : int
        Iterations without a lower loss after which a model stops.
    loss : Any
        First argument of ``held`` after the variables.
    x0 : (models, p)
        Variables at the start.
    held : callable
        Statistic of the held-out rows, with the fields ``loss`` and ``weight``.

    Attributes
    ----------
    best : (models,)
        Least loss so far.
    x : (models, p)
        Variables at which the loss was least.
    history : list of list of float
        For each model the loss at the start and after each iteration.
    halted : (models,) bool
        Which models have had ``patience`` iterations without a lower loss.
    """

    def __init__(self, blocks: Blocks, split: Split, patience: int, loss: Any, x0: NDArray, held: Callable) -> None:
        self.blocks, self.split, self.patience, self.loss, self.held = blocks, split, patience, loss, held
        models = len(x0)
        self.x, self.best, self.last = x0.copy(), np.full(models, np.inf), np.full(models, np.nan)
        self.history: list[list[float]] = [[] for _ in range(models)]
        self.stale, self.least = np.zeros(models, np.int64), np.full(models, np.inf)
        self.halted, self.iteration = np.zeros(models, bool), np.full(models, -1)

    def sum(self, stat: Callable, *args: Any, x: NDArray, models: NDArray, about: tuple) -> Any:
        """Sum of ``stat`` over the training rows, and in the same pass the loss of the held-out rows at ``x``.

        Parameters
        ----------
        stat : callable
            Statistic of the training rows.
        *args
            Arguments of ``stat``.
        x : (len(models), p)
            Variables of the models.
        models : (len(models),) int
            Indices of the models.
        about : tuple
            Arguments of ``held`` at ``x``, without the loss.

        Returns
        -------
        NamedTuple
            The sum of ``stat``.

        Raises
        ------
        InputError
            If no held-out row has a positive weight.
        """
        stats: list[Callable] = [
            FoldStatistic(WidenedStatistic(stat), Part(self.split, HELD, inside=False)),
            FoldStatistic(WidenedStatistic(self.held), Part(self.split, HELD, inside=True)),
        ]
        first, *others = about
        merge = FusedMerge([add, add])
        found, held = self.blocks.reduce(FusedStatistic(stats), args, (first, self.loss, *others), merge=merge)
        self.check(held, x, models)
        return found

    def check(self, held: Any, x: NDArray, models: NDArray) -> None:
        """Take note of the sums over the rows held out, of some models at ``x``.

        Parameters
        ----------
        held : ValidationLoss
            Loss and weight of the rows held out.
        x : (len(models), p)
            Coefficients at which they were computed.
        models : (m,) int
            The models concerned.

        Raises
        ------
        InputError
            If none of these rows has a positive weight.
        """
        if not held.weight > 0:
            raise InputError("no row of positive weight is held out for validation: hold out more")
        value = held.loss / held.weight
        self.last[models] = value
        better = value < self.best[models]
        self.best[models[better]], self.x[models[better]] = value[better], x[better]

    def begin(self) -> None:
        """Start another stage of the fit, at iteration 0."""
        self.iteration[:] = -1

    def select(self, state: Any) -> NDArray:
        """Which models to end, given the solver's state after a step."""
        for m in np.flatnonzero(state.iteration > self.iteration):
            self.history[m].append(float(self.last[m]))
            self.stale[m] = 0 if self.best[m] < self.least[m] else self.stale[m] + 1
        self.iteration = np.maximum(self.iteration, state.iteration)
        self.least = np.minimum(self.least, self.best)
        self.halted |= self.stale >= self.patience
        return self.halted

    def ended(self, state: Any) -> Any:
        """The last state of a solver with the variables of least loss, and the status of the models it has ended."""
        return state._replace(x=self.x, status=np.where(self.halted, HALTED, state.status))
