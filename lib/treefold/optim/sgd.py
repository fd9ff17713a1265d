"""Stochastic gradient descent for a batch of models, in two distributed forms.

*Mini-batches*: a pass sums the gradient of a sample of the rows of every block, and the driver takes one step. *Local*:
each block runs SGD over its rows from the same point, a step for every few rows, and the end points are averaged by
weight. Momentum, AdaGrad and Adam are applied to the pseudo-gradient ``x - average`` exactly as to a gradient. The prox
of an L1 penalty or bounds is taken after the step of a mini-batch.

References
----------
Zinkevich, Weimer, Smola & Li, "Parallelized stochastic gradient descent", NIPS 2010.
McMahan et al., "Communication-efficient learning of deep networks from decentralized data", AISTATS 2017.
Reddi et al., "Adaptive federated optimization", ICLR 2021.
Duchi & Singer, "Efficient online and batch learning using forward backward splitting", JMLR 10, 2009.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.optim.composite import Separable, composite_value_and_subgradient
from treefold.optim.needs import Needs
from treefold.optim.schedules import Constant, Schedule, first_steps, shrunk
from treefold.optim.status import DIVERGED, RUNNING, put, running
from treefold.optim.update_rules import Momentum, UpdateRule


class SgdState(NamedTuple):
    """State of stochastic gradient descent.

    Attributes
    ----------
    x, at : (models, p)
        The result so far, and the point of the next step; they differ if iterates are averaged.
    value : (models,)
        Estimated from the rows that were seen.
    mean, square : (models, p)
        Averages of gradients that the update rule keeps.
    shrink, best, stale : (models,)
        State of a schedule that shrinks: factor of the step, least value, iterations without a better one.
    """

    x: NDArray
    at: NDArray
    value: NDArray
    gradient: NDArray
    mean: NDArray
    square: NDArray
    shrink: NDArray
    best: NDArray
    stale: NDArray
    iteration: NDArray
    status: NDArray


class Sgd(NamedTuple):
    """Stochastic gradient descent.

    ``fun`` needs the methods ``sampled(x, models, fraction, iteration)``, which returns values and gradients, and
    ``local_epochs(x, models, batch, rate, iteration)``, which returns values and end points.

    Attributes
    ----------
    step_size : (models,) or float
        Largest step size of the schedule.
    horizon : int
        Number of planned iterations.
    schedule : Schedule
        One of :mod:`treefold.optim.schedules`.
    rule : UpdateRule
        One of :mod:`treefold.optim.update_rules`.
    average : bool
        Whether the result is the mean of the iterates of the second half of ``horizon`` (Polyak & Juditsky 1992).
    fraction : float
        Share of the rows in a mini-batch, in (0, 1].
    local : int
        Rows of a step of local descent; 0 for mini-batches.
    term : Separable, optional
        L1 penalties and bounds; only for mini-batches and a rule that does not normalise.
    """

    step_size: ArrayLike = 0.1
    horizon: int = 100
    schedule: Schedule = Constant()
    rule: UpdateRule = Momentum()
    average: bool = False
    fraction: float = 1.0
    local: int = 0
    term: Separable | None = None

    @property
    def needs(self) -> Needs:
        """Steps of single rows for local descent; nothing for mini-batches."""
        return Needs(row_steps=self.local > 0)

    @property
    def estimates(self) -> bool:
        """True: values are estimated from a sample of the rows; kinks of the loss are not smoothed."""
        return True

    def with_term(self, term: Separable) -> "Sgd":
        """The solver for a function plus L1 penalties and bounds.

        Parameters
        ----------
        term : Separable
            The penalties and bounds.

        Returns
        -------
        Sgd

        Raises
        ------
        TypeError
            For local descent and for a rule that normalises gradients, because no prox exists for them.
        """
        if self.local or self.rule.normalises:
            raise TypeError("neither local steps nor AdaGrad and Adam take an L1 penalty or bounds")
        return self._replace(term=term)

    def init(self, fun: Any, x0: NDArray) -> SgdState:
        """State at ``x0``, moved within the bounds: one evaluation, of all rows."""
        x0, everyone = x0 if self.term is None else self.term.clip(x0), np.arange(len(x0))
        smooth, slope = fun(x0, everyone)
        value, gradient = composite_value_and_subgradient(self.term, x0, smooth, slope, everyone)
        none, count = np.zeros(x0.shape), np.zeros(len(x0), np.int64)
        status = np.where(np.isfinite(value), RUNNING, DIVERGED)
        return SgdState(x0, x0, value, gradient, none, none, np.ones(len(x0)), value, count, count, status)

    def step(self, fun: Any, state: SgdState) -> SgdState:
        """One step of every running model, or one local epoch over all blocks: one pass."""
        tried = running(state.status)
        t = int(state.iteration[tried[0]])  # all running models are at the same iteration
        rate = self.schedule.rate(first_steps(self.step_size, state.shrink, tried), t)
        at = state.at[tried]
        if self.local:
            value, end = fun.local_epochs(at, tried, self.local, rate, t)
            gradient = at - end  # the pseudo-gradient already contains the step sizes
            rate = rate if self.rule.normalises else np.ones_like(rate)
        else:
            value, gradient = fun.sampled(at, tried, self.fraction, t)
        direction, mean, square = self.rule.direction(gradient, state.mean[tried], state.square[tried], t)
        x = at - rate[:, None] * direction
        if self.term is not None:
            x = self.term.prox(x, rate, tried)
            value, gradient = composite_value_and_subgradient(self.term, at, value, gradient, tried)
        fine = np.isfinite(value) & np.isfinite(x).all(axis=1)
        kept, t0 = tried[fine], self.horizon // 2
        result = state.x[kept] + (x[fine] - state.x[kept]) / max(1, t + 1 - t0) if self.average else x[fine]
        state = state._replace(
            status=put(state.status, tried, np.where(fine, RUNNING, DIVERGED)),
            x=put(state.x, kept, result if t >= t0 or not self.average else x[fine]),
            at=put(state.at, kept, x[fine]),
            value=put(state.value, kept, value[fine]),
            gradient=put(state.gradient, kept, gradient[fine]),
            mean=put(state.mean, kept, mean[fine]),
            square=put(state.square, kept, square[fine]),
            iteration=put(state.iteration, kept, state.iteration[kept] + 1),
        )
        return shrunk(state, kept) if self.schedule.shrinks else state
