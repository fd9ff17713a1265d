"""Stochastic gradient descent for a batch of models, both ways in which it is really distributed.

*Mini-batches*: a pass sums the gradient of a sample of the rows of every block, and the driver takes one step. *Local*:
a pass walks through every block from the same point, a step a few rows, and the ends are averaged by weight (Zinkevich,
Weimer, Smola & Li, "Parallelized stochastic gradient descent", NIPS 2010; McMahan et al., "Communication-efficient
learning of deep networks from decentralized data", AISTATS 2017). What the driver makes of a gradient, it makes of the
way from the point to that average as well (Reddi et al., "Adaptive federated optimization", ICLR 2021). The prox of an
L1 penalty or bounds is taken after the step of a mini-batch (Duchi & Singer, "Efficient online and batch learning
using forward backward splitting", JMLR 10, 2009).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.solvers.proximal import Separable, whole
from treefold.solvers.status import DIVERGED, RUNNING, put, running

PATIENCE, CUT = 3, 0.2  # of the adaptive schedule: iterations without a better value, and what the step then shrinks to
BETTER = 1e-4  # relative decrease that counts
WARM_UP, LAST = 0.3, 0.01  # of the one-cycle schedule: share of the iterations, and the last step
MEAN, SQUARE = 0.9, 0.999  # decay of Adam's averages (Kingma & Ba, ICLR 2015)


class SgdState(NamedTuple):
    """Where models are.

    ``x`` ``(models, p)`` is the result so far, ``at`` where the next step begins; they differ where iterates are
    averaged. ``value`` is estimated from the rows seen. ``mean`` and ``square`` are momenta of the gradients;
    ``shrink``, ``best`` and ``stale``, ``(models,)``, the state of the adaptive schedule.
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

    ``fun`` has the methods ``sampled(x, models, windows, iteration)``, which returns values and gradients, and
    ``walked(x, models, batch, rate, iteration)``, which returns values and ends.

    Attributes
    ----------
    step_size : (models,) or float
    horizon : int
        Iterations planned, for the one-cycle schedule and the averaging.
    schedule : str
        ``constant``; ``invscaling``, ``step_size / (1 + t)^power``; ``adaptive``, which cuts the step when the value no
        longer falls; ``onecycle`` (Smith, "A disciplined approach to neural network hyper-parameters", 2018).
    rule : str
        ``sgd`` with ``momentum``, Nesterov's if ``nesterov``; ``adagrad`` (Duchi, Hazan & Singer, JMLR 12, 2011) or
        ``adam``.
    average : bool
        Whether the result is the mean of the iterates of the second half (Polyak & Juditsky 1992).
    fraction : float
        Share of the rows in a mini-batch.
    local : int
        Rows a step of local descent; 0 for mini-batches.
    term : Separable, optional
        L1 penalties and bounds, for mini-batches and the rule ``sgd``.
    """

    step_size: ArrayLike = 0.1
    horizon: int = 100
    schedule: str = "constant"
    power: float = 0.5
    rule: str = "sgd"
    momentum: float = 0.0
    nesterov: bool = False
    average: bool = False
    fraction: float = 1.0
    local: int = 0
    term: Separable | None = None

    def init(self, fun: Any, x0: NDArray) -> SgdState:
        """State at ``x0``, moved within the bounds: one evaluation, of all rows."""
        x0, everyone = x0 if self.term is None else self.term.clip(x0), np.arange(len(x0))
        smooth, slope = fun(x0, everyone)
        value, gradient = whole(self.term, x0, smooth, slope, everyone)
        none, count = np.zeros(x0.shape), np.zeros(len(x0), np.int64)
        status = np.where(np.isfinite(value), RUNNING, DIVERGED)
        return SgdState(x0, x0, value, gradient, none, none, np.ones(len(x0)), value, count, count, status)

    def step(self, fun: Any, state: SgdState) -> SgdState:
        """One step of every running model, or one walk through all blocks: one pass."""
        tried = running(state.status)
        t = int(state.iteration[tried[0]])  # running models run abreast
        rate = self._rate(state.shrink[tried], t, tried)
        at = state.at[tried]
        if self.local:
            value, end = fun.walked(at, tried, self.local, rate, t)
            gradient = at - end  # of length one: the steps are in it
            rate = rate if self.rule in ("adagrad", "adam") else np.ones_like(rate)
        else:
            value, gradient = fun.sampled(at, tried, max(1, round(1 / self.fraction)), t)
        way, mean, square = self._way(gradient, state.mean[tried], state.square[tried], t)
        x = at - rate[:, None] * way
        if self.term is not None:
            x, (value, gradient) = self.term.prox(x, rate, tried), whole(self.term, at, value, gradient, tried)
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
        return _watched(state, kept) if self.schedule == "adaptive" else state

    def _rate(self, shrink: NDArray, t: int, models: NDArray) -> NDArray:
        size = np.asarray(self.step_size, np.float64)
        size = (size[models] if size.ndim else np.full(len(models), size)) * shrink
        if self.schedule == "invscaling":
            return size / (1 + t) ** self.power
        if self.schedule == "onecycle":
            done, top = t / max(1, self.horizon - 1), WARM_UP
            return size * (0.1 + 0.9 * done / top if done < top else LAST ** ((done - top) / (1 - top)))
        return size

    def _way(self, gradient: NDArray, mean: NDArray, square: NDArray, t: int) -> tuple[NDArray, NDArray, NDArray]:
        if self.rule == "adagrad":
            square = square + gradient**2
            return gradient / (np.sqrt(square) + 1e-10), mean, square
        if self.rule == "adam":
            mean, square = MEAN * mean + (1 - MEAN) * gradient, SQUARE * square + (1 - SQUARE) * gradient**2
            return mean / (1 - MEAN ** (t + 1)) / (np.sqrt(square / (1 - SQUARE ** (t + 1))) + 1e-8), mean, square
        mean = self.momentum * mean + gradient
        return gradient + self.momentum * mean if self.nesterov else mean, mean, square


def _watched(state: SgdState, models: NDArray) -> SgdState:
    """The adaptive schedule: a model whose value has not fallen for a while takes shorter steps."""
    value, best = state.value[models], state.best[models]
    better = value < best - BETTER * abs(best)
    stale = np.where(better, 0, state.stale[models] + 1)
    cut = stale >= PATIENCE
    return state._replace(
        best=put(state.best, models, np.minimum(value, best)),
        stale=put(state.stale, models, np.where(cut, 0, stale)),
        shrink=put(state.shrink, models, state.shrink[models] * np.where(cut, CUT, 1.0)),
    )
