"""Newton's method for a batch of models: the matrix of second derivatives is summed in the pass that sums the gradient.

``Newton`` looks at a new matrix each iteration: iteratively reweighted least squares, and with an L1 penalty or bounds
the outer loop of glmnet (Friedman, Hastie & Tibshirani, "Regularization paths for generalized linear models via
coordinate descent", Journal of Statistical Software 33, 2010, sec. 3). ``Normal`` is for functions that are quadratic:
one pass says all, and the rest happens on the driver.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.solvers.kernels import descend_dense
from treefold.solvers.proximal import Separable, shorter, whole
from treefold.solvers.status import DIVERGED, NO_PROGRESS, RUNNING, put, running
from treefold.threads import all_for

DECREASE = 1e-4  # of the decrease that the model foretells
INNER = 1e-6  # slopes left by coordinate descent, of the largest at its start
MOST_SWEEPS = 10_000
MOST_TRIALS = 40


class NewtonState(NamedTuple):
    """Accepted iterates and the way to ``target`` under way.

    ``hessian`` is ``(models, p, p)``; the rest is as in :class:`~treefold.solvers.proximal.ProximalState`.
    """

    x: NDArray
    value: NDArray
    gradient: NDArray
    slope: NDArray
    hessian: NDArray
    target: NDArray
    foretold: NDArray
    step: NDArray
    trials: NDArray
    iteration: NDArray
    status: NDArray


class Newton(NamedTuple):
    """Newton's method with a backtracking line search, for few variables.

    ``fun`` has a method ``quadratic(x, models)`` that returns values, gradients and second derivatives.

    Attributes
    ----------
    term : Separable, optional
        L1 penalties and bounds.
    noise : float
        Relative rounding error of the values of ``fun``.
    """

    term: Separable | None = None
    noise: float = 1e-15

    def init(self, fun: Any, x0: NDArray) -> NewtonState:
        """State at ``x0``, moved within the bounds: one evaluation."""
        x0, everyone = x0 if self.term is None else self.term.clip(x0), np.arange(len(x0))
        smooth, slope, hessian = fun.quadratic(x0, everyone)
        value, gradient = whole(self.term, x0, smooth, slope, everyone)
        fine = np.isfinite(value) & np.isfinite(slope).all(axis=1) & np.isfinite(hessian).all(axis=(1, 2))
        state = NewtonState(
            x0, value, gradient, slope, hessian, x0, np.zeros(len(x0)), np.ones(len(x0)),
            np.zeros(len(x0), np.int64), np.zeros(len(x0), np.int64), np.where(fine, RUNNING, DIVERGED),
        )  # fmt: skip
        return aimed(self.term, state, running(state.status))

    def step(self, fun: Any, state: NewtonState) -> NewtonState:
        """Try one step of every running model: one evaluation."""
        tried = running(state.status)
        step, start, target = state.step[tried, None], state.x[tried], state.target[tried]
        x = np.where(step == 1, target, start + step * (target - start))
        smooth, slope, hessian = fun.quadratic(x, tried)
        value, gradient = whole(self.term, x, smooth, slope, tried)
        before, foretold = state.value[tried], state.foretold[tried] * step[:, 0]
        enough = value <= before + DECREASE * foretold
        # Where values drown in rounding, the gradient decides.
        drowned = ~enough & (abs(value - before) <= self.noise * abs(before))
        falling = abs(gradient).max(axis=1, initial=0) < abs(state.gradient[tried]).max(axis=1, initial=0)
        accepted = enough | (drowned & falling)
        trials = np.where(accepted, 0, state.trials[tried] + 1)
        ended = ~accepted & (drowned | (trials >= MOST_TRIALS))
        kept = tried[accepted]
        state = state._replace(
            step=put(state.step, tried, np.where(accepted, 1.0, shorter(step[:, 0], value - before, foretold))),
            trials=put(state.trials, tried, trials),
            status=put(state.status, tried, np.where(ended, NO_PROGRESS, RUNNING)),
            x=put(state.x, kept, x[accepted]),
            value=put(state.value, kept, value[accepted]),
            gradient=put(state.gradient, kept, gradient[accepted]),
            slope=put(state.slope, kept, slope[accepted]),
            hessian=put(state.hessian, kept, hessian[accepted]),
            iteration=put(state.iteration, kept, state.iteration[kept] + 1),
        )
        return aimed(self.term, state, kept)


class Normal(NamedTuple):
    """The minimum of a quadratic function from one evaluation; attributes as of :class:`Newton`."""

    term: Separable | None = None
    noise: float = 1e-15

    def init(self, fun: Any, x0: NDArray) -> NewtonState:
        """State at ``x0``: one evaluation, and the only one."""
        return Newton(self.term, self.noise).init(fun, x0)

    def step(self, fun: Any, state: NewtonState) -> NewtonState:
        """Move to the minima of the quadratic functions; what rounding has left is seen to again."""
        models = running(state.status)
        way = state.target[models] - state.x[models]
        turn = np.einsum("apq,aq->ap", state.hessian[models], way)
        before = state.value[models]
        if self.term is not None:
            before = before - self.term.value(state.x[models], models)
        smooth = before + np.einsum("ap,ap->a", way, state.slope[models] + turn / 2)
        slope, x = state.slope[models] + turn, state.target[models]
        value, gradient = whole(self.term, x, smooth, slope, models)
        falling = abs(gradient).max(axis=1, initial=0) < abs(state.gradient[models]).max(axis=1, initial=0)
        kept = models[falling]
        state = state._replace(
            status=put(state.status, models, np.where(falling, RUNNING, NO_PROGRESS)),
            x=put(state.x, kept, x[falling]),
            value=put(state.value, kept, value[falling]),
            gradient=put(state.gradient, kept, gradient[falling]),
            slope=put(state.slope, kept, slope[falling]),
            iteration=put(state.iteration, kept, state.iteration[kept] + 1),
        )
        return aimed(self.term, state, kept)


def aimed(term: Separable | None, state: NewtonState, models: NDArray) -> NewtonState:
    """Let ``models`` aim at the minima of their quadratic models."""
    target = state.x[models].copy()
    for row, m in zip(target, models, strict=True):
        if term is None:
            row -= _solved(state.hessian[m], state.slope[m])
            continue
        enough = INNER * abs(state.gradient[m]).max(initial=0.0)
        descend_dense(row, state.slope[m], *term.rows(m), state.hessian[m], enough, MOST_SWEEPS)
    x = state.x[models]
    foretold = np.einsum("ap,ap->a", state.slope[models], target - x)
    if term is not None:
        foretold += term.value(target, models) - term.value(x, models)
    return state._replace(target=put(state.target, models, target), foretold=put(state.foretold, models, foretold))


def _solved(hessian: NDArray, slope: NDArray) -> NDArray:
    """The shortest of the solutions of ``hessian @ d = slope``: collinear columns share what is theirs."""
    diagonal = np.diag(hessian)
    unit = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    with all_for(len(hessian)):
        values, vectors = np.linalg.eigh(hessian * unit[:, None] * unit)
    kept = values > len(values) * np.finfo(float).eps * max(values[-1], 0.0)
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=kept)
    return unit * (vectors @ (inverse * (vectors.T @ (unit * slope))))
