"""Mini-batch descent: one step of the driver after each pass over a mini-batch, and one state after each epoch."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.algorithms.early_stopping import HELD, EarlyStopping, ValidationLoss
from treefold.algorithms.perceptron.local_epoch import LocalSums, Steps, lane_epochs
from treefold.algorithms.perceptron.minibatch import lane_gradients
from treefold.algorithms.perceptron.objective import Objective, validation_loss
from treefold.algorithms.perceptron.problem import Problem
from treefold.dataset.folds import held_out
from treefold.dataset.lanes import Lanes, lanes_of, merge_lanes
from treefold.dataset.minibatch import MiniBatch
from treefold.dataset.random import substream
from treefold.dataset.splits import Part, Split
from treefold.optim.fused_updates import FusedAdam, FusedUpdate
from treefold.optim.schedules import Adaptive, Constant, InverseScaling, OneCycle, Schedule, first_steps, shrunk
from treefold.optim.status import DIVERGED, RUNNING, running

ORDER_STREAM = 0x0D


class MiniBatches(NamedTuple):
    """Settings of a fit by mini-batches.

    Attributes
    ----------
    rows : int
        Rows of a mini-batch.
    lanes : int
        Number of lanes from which a mini-batch takes its rows; see :mod:`treefold.dataset.lanes`.
    step_size : (models,) or float
    schedule : str
        Schedule of the step size: ``constant``, ``invscaling``, ``adaptive`` (shortened if epochs bring no progress) or
        ``onecycle``.
    update : FusedUpdate
    dropout : float
        Probability with which a hidden unit is dropped for a row, in [0, 1).
    epochs : int
        Most epochs, for which the schedule is planned.
    seed : int
    dtype : str
        Type of the variables and of the averages of gradients, which is that of the rows.
    local : bool
        Whether each lane takes the steps of an epoch by itself, ``rows`` of its own rows a step. Weights and moments
        are then averaged by the weights of the lanes.
    slow : float
        Share of the previous move that is added after the average, in [0, 1), for ``local``: Wang, Tantia, Ballas &
        Rabbat, "SlowMo: improving communication-efficient distributed SGD with slow momentum", ICLR 2020, alg. 1.
    """

    rows: int
    lanes: int
    step_size: ArrayLike = 1e-3
    schedule: str = "constant"
    update: FusedUpdate = FusedAdam()
    dropout: float = 0.0
    epochs: int = 10
    seed: int = 0
    dtype: str = "float32"
    local: bool = False
    slow: float = 0.0

    def schedule_of(self, steps: int) -> Schedule:
        """The schedule for ``steps`` steps of an epoch."""
        schedules: dict[str, Schedule] = {
            "constant": Constant(), "invscaling": InverseScaling(), "adaptive": Adaptive(),
            "onecycle": OneCycle(steps * self.epochs),
        }  # fmt: skip
        return schedules[self.schedule]


class EpochState(NamedTuple):
    """State after an epoch.

    ``x``, ``mean`` and ``square`` are ``(models, size)``: weights and biases, and averages of gradients. ``value`` is
    the mean objective met in the epoch; ``gradient`` is that of the last mini-batch, or of local descent the last move.
    ``shrink``, ``best`` and ``stale``, ``(models,)``, are the state of a schedule that shrinks; ``iteration`` counts
    epochs.
    """

    x: NDArray
    value: NDArray
    gradient: NDArray
    mean: NDArray
    square: NDArray
    shrink: NDArray
    best: NDArray
    stale: NDArray
    iteration: NDArray
    status: NDArray


class Moving(NamedTuple):
    """The running models within an epoch: as of :class:`EpochState`, and the mean loss ``met`` on the way."""

    x: NDArray
    mean: NDArray
    square: NDArray
    gradient: NDArray
    met: NDArray = np.zeros(0)


class Epochs:
    """Runs a batch of models through epochs.

    The objective is that of a :class:`~treefold.algorithms.perceptron.problem.Problem` without held-out rows.

    Parameters
    ----------
    problem : Problem
        Network, rows and penalty of each model.
    how : MiniBatches
        Size, schedule and update rule of the mini-batches.
    split : Split or None, default None
        Fold 1 of it is held out.
    stopping : EarlyStopping or None, default None
        Records the loss of the held-out rows.
    """

    def __init__(
        self, problem: Problem, how: MiniBatches, split: Split | None = None, stopping: EarlyStopping | None = None
    ) -> None:
        self.problem, self.how, self.split, self.stopping = problem, how, split, stopping
        self.parts = () if split is None else (Part(split, HELD, inside=False),)
        self.lanes: Lanes = lanes_of(problem.blocks, how.lanes)
        longest = int(self.lanes.lengths().max()) if how.local else self.lanes.rows
        self.steps = max(1, -(-longest // how.rows))
        self.schedule = how.schedule_of(self.steps)
        self.penalised = problem.network.layers.penalised.astype(how.dtype)

    def begin(self, start: NDArray) -> EpochState:
        """State at the initial weights: the objective of all rows, one pass."""
        x = np.array(start, self.how.dtype)
        models, none = len(x), np.zeros_like(x)
        value = self.objective(x, np.arange(models))
        status, count = np.where(np.isfinite(value), RUNNING, DIVERGED), np.zeros(models, np.int64)
        self._validate(x, np.arange(models))
        return EpochState(x, value, none, none.copy(), none.copy(), np.ones(models), value, count, count, status)

    def objective(self, x: NDArray, models: NDArray) -> NDArray:
        """Objectives of some models over all rows that are not held out: one pass."""
        blocks = self.problem.fitted_on(self.split)
        sums: ValidationLoss = blocks.sum(validation_loss, x, self.problem.network, self.problem.by_class)
        return sums.loss / sums.weight + self.problem.penalty(x.astype(np.float64), models)[0]

    def step(self, state: EpochState) -> EpochState:
        """The state after one more epoch of the running models."""
        models = running(state.status)
        x, mean, square = (np.array(part[models]) for part in (state.x, state.mean, state.square))
        epoch = int(state.iteration[models[0]])  # running models run abreast
        rates = self._rates(state, models, epoch)
        run = self._local_epoch if self.how.local else self._epoch
        moved = run(Moving(x, mean, square, state.gradient[models]), models, rates, epoch)
        fine = np.isfinite(moved.met) & np.isfinite(moved.x).all(axis=1)
        penalty = self.problem.penalty(moved.x.astype(np.float64), models)[0]
        return self._after(state, models, fine, moved, moved.met + penalty)

    def _epoch(self, at: "Moving", models: NDArray, rates: NDArray, epoch: int) -> "Moving":
        """Synchronous steps: a pass for each."""
        met, weight, gradient = np.zeros(len(models)), 0.0, at.gradient
        for step in range(self.steps):
            total: Objective = self._pass(lane_gradients, epoch, step, at.x)
            if not total.weight > 0:
                continue
            met, weight = met + total.loss, weight + total.weight
            gradient = total.gradient * at.x.dtype.type(1 / total.weight)
            for m, model in enumerate(models):
                ridge, t = float(self.problem.ridge[model]), epoch * self.steps + step
                self.how.update(
                    at.x[m], gradient[m], at.mean[m], at.square[m], self.penalised, ridge, float(rates[step, m]), t
                )
        return at._replace(gradient=gradient, met=met / max(weight, np.finfo(float).tiny))

    def _local_epoch(self, at: "Moving", models: NDArray, rates: NDArray, epoch: int) -> "Moving":
        """Steps within each lane and their average: one pass. The gradient is the slow move."""
        steps = Steps(self.how.update, rates, self.problem.ridge[models], epoch * self.steps)
        total: LocalSums = self._pass(lane_epochs, epoch, 0, at.x, at.mean, at.square, steps)
        x, mean, square = (part / at.x.dtype.type(total.weight) for part in (total.x, total.mean, total.square))
        move = at.x.dtype.type(self.how.slow) * at.gradient + (at.x - x)
        return Moving(at.x - move, mean, square, move, total.loss / total.weight)

    def _rates(self, state: EpochState, models: NDArray, epoch: int) -> NDArray:
        """Step sizes ``(steps, models)`` of an epoch."""
        size, first = first_steps(self.how.step_size, state.shrink, models), epoch * self.steps
        return np.stack([self.schedule.rate(size, first + step) for step in range(self.steps)])

    def _pass(self, stat: Callable, epoch: int, step: int, *args: Any) -> Any:
        """Sums of a statistic over lanes: one pass."""
        seed = substream(self.how.seed, ORDER_STREAM)
        batch = MiniBatch(self.lanes, seed, epoch, step, self.steps, self.parts)
        others = (self.problem.network, self.problem.by_class, self.how.dropout)
        return self.problem.blocks.reduce_tasks(stat, batch, *args, *others, merge=merge_lanes).total

    def _after(self, state: EpochState, models: NDArray, fine: NDArray, moved: "Moving", value: NDArray) -> EpochState:
        """The state after an epoch; a model that diverged keeps its previous state."""
        kept, status, iteration = models[fine], state.status.copy(), state.iteration.copy()
        status[models[~fine]] = DIVERGED
        iteration[kept] += 1
        fields = moved._asdict() | {"value": value}
        del fields["met"]
        put = {name: getattr(state, name).copy() for name in fields}
        for name, rows in fields.items():
            put[name][kept] = rows[fine]
        state = state._replace(**put, status=status, iteration=iteration)
        if len(kept):
            self._validate(state.x[kept], kept)
        shrinks = self.schedule.shrinks and len(kept)
        return shrunk(state, kept) if shrinks else state

    def _validate(self, x: NDArray, models: NDArray) -> None:
        """Compute the loss of the held-out rows, if there are any: one pass."""
        if self.stopping is None or self.split is None:
            return
        rows = held_out(self.problem.blocks, self.split, HELD)
        self.stopping.check(rows.sum(validation_loss, x, self.problem.network, self.problem.by_class), x, models)
