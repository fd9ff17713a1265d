"""Newton's method for a batch of models.

The pass that sums the gradient also sums the matrix of second derivatives. ``Newton`` computes a new matrix in every
iteration: iteratively reweighted least squares, and with an L1 penalty or bounds the outer loop of glmnet. ``Normal``
is for quadratic functions: after one pass the remaining work is done on the driver.

References
----------
Friedman, Hastie & Tibshirani, "Regularization paths for generalized linear models via coordinate descent", Journal of
Statistical Software 33, 2010, sec. 3.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.optim.composite import Separable, composite_value_and_subgradient
from treefold.optim.coordinate_descent import descend_dense
from treefold.optim.needs import Needs
from treefold.optim.proximal_lbfgs import shorter
from treefold.optim.status import DIVERGED, NO_PROGRESS, RUNNING, put, running
from treefold.runtime.blas_threads import all_for

DECREASE = 1e-4  # least share of the predicted decrease that is accepted
INNER = 1e-6  # ratio of slopes at which coordinate descent ends, relative to the largest at its start
MOST_SWEEPS = 10_000
MOST_TRIALS = 40


class NewtonState(NamedTuple):
    """Accepted iterates and the current line search towards ``target``.

    ``hessian`` is ``(models, p, p)``; the other fields are as in :class:`~treefold.optim.proximal_lbfgs.ProximalState`.
    """

    x: NDArray
    value: NDArray
    gradient: NDArray
    slope: NDArray
    hessian: NDArray
    target: NDArray
    predicted_decrease: NDArray
    step: NDArray
    trials: NDArray
    iteration: NDArray
    status: NDArray


class Newton(NamedTuple):
    """Newton's method with a backtracking line search, for few variables.

    ``fun`` needs a method ``quadratic(x, models)`` that returns values, gradients and second derivatives.

    Attributes
    ----------
    term : Separable, optional
        L1 penalties and bounds.
    noise : float, default 1e-15
        Relative rounding error of the values of ``fun``.
    """

    term: Separable | None = None
    noise: float = 1e-15

    @property
    def needs(self) -> Needs:
        """Second derivatives."""
        return Needs(hessian=True)

    @property
    def estimates(self) -> bool:
        """False: values are computed from all rows."""
        return False

    def with_term(self, term: Separable) -> "Newton":
        """The solver for a function plus L1 penalties and bounds."""
        return self._replace(term=term)

    def init(self, fun: Any, x0: NDArray) -> NewtonState:
        """State at ``x0``, moved within the bounds: one evaluation."""
        x0, everyone = x0 if self.term is None else self.term.clip(x0), np.arange(len(x0))
        smooth, slope, hessian = fun.quadratic(x0, everyone)
        value, gradient = composite_value_and_subgradient(self.term, x0, smooth, slope, everyone)
        fine = np.isfinite(value) & np.isfinite(slope).all(axis=1) & np.isfinite(hessian).all(axis=(1, 2))
        state = NewtonState(
            x0, value, gradient, slope, hessian, x0, np.zeros(len(x0)), np.ones(len(x0)),
            np.zeros(len(x0), np.int64), np.zeros(len(x0), np.int64), np.where(fine, RUNNING, DIVERGED),
        )  # fmt: skip
        return solve_subproblem(self.term, state, running(state.status))

    def step(self, fun: Any, state: NewtonState) -> NewtonState:
        """Try one step of every running model: one evaluation."""
        tried = running(state.status)
        step, start, target = state.step[tried, None], state.x[tried], state.target[tried]
        x = np.where(step == 1, target, start + step * (target - start))
        smooth, slope, hessian = fun.quadratic(x, tried)
        value, gradient = composite_value_and_subgradient(self.term, x, smooth, slope, tried)
        before, predicted_decrease = state.value[tried], state.predicted_decrease[tried] * step[:, 0]
        enough = value <= before + DECREASE * predicted_decrease
        # If values differ by rounding alone, the gradient decides.
        drowned = ~enough & (abs(value - before) <= self.noise * abs(before))
        falling = abs(gradient).max(axis=1, initial=0) < abs(state.gradient[tried]).max(axis=1, initial=0)
        accepted = enough | (drowned & falling)
        trials = np.where(accepted, 0, state.trials[tried] + 1)
        ended = ~accepted & (drowned | (trials >= MOST_TRIALS))
        kept = tried[accepted]
        state = state._replace(
            step=put(
                state.step, tried, np.where(accepted, 1.0, shorter(step[:, 0], value - before, predicted_decrease))
            ),
            trials=put(state.trials, tried, trials),
            status=put(state.status, tried, np.where(ended, NO_PROGRESS, RUNNING)),
            x=put(state.x, kept, x[accepted]),
            value=put(state.value, kept, value[accepted]),
            gradient=put(state.gradient, kept, gradient[accepted]),
            slope=put(state.slope, kept, slope[accepted]),
            hessian=put(state.hessian, kept, hessian[accepted]),
            iteration=put(state.iteration, kept, state.iteration[kept] + 1),
        )
        return solve_subproblem(self.term, state, kept)


class Normal(NamedTuple):
    """The minimum of a quadratic function from one evaluation; attributes as in :class:`Newton`."""

    term: Separable | None = None
    noise: float = 1e-15

    @property
    def needs(self) -> Needs:
        """A quadratic function."""
        return Needs(hessian=True, constant_hessian=True)

    @property
    def estimates(self) -> bool:
        """False: values are computed from all rows."""
        return False

    def with_term(self, term: Separable) -> "Normal":
        """The solver for a function plus L1 penalties and bounds."""
        return self._replace(term=term)

    def init(self, fun: Any, x0: NDArray) -> NewtonState:
        """State at ``x0``: the only evaluation."""
        return Newton(self.term, self.noise).init(fun, x0)

    def step(self, fun: Any, state: NewtonState) -> NewtonState:
        """Move to the minima of the quadratic functions. Further steps correct what rounding has left."""
        models = running(state.status)
        direction = state.target[models] - state.x[models]
        hessian_direction = np.einsum("apq,aq->ap", state.hessian[models], direction)
        before = state.value[models]
        if self.term is not None:
            before = before - self.term.value(state.x[models], models)
        smooth = before + np.einsum("ap,ap->a", direction, state.slope[models] + hessian_direction / 2)
        slope, x = state.slope[models] + hessian_direction, state.target[models]
        value, gradient = composite_value_and_subgradient(self.term, x, smooth, slope, models)
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
        return solve_subproblem(self.term, state, kept)


def solve_subproblem(term: Separable | None, state: NewtonState, models: NDArray) -> NewtonState:
    """Set the targets of ``models`` to the minima of their quadratic models.

    Parameters
    ----------
    term : Separable or None
        L1 penalties and bounds.
    state : NewtonState
        State of the solver.
    models : (len(models),) int
        Indices of the models.

    Returns
    -------
    NewtonState
        With new ``target`` and ``predicted_decrease``.
    """
    target = state.x[models].copy()
    for row, m in zip(target, models, strict=True):
        if term is None:
            row -= _solved(state.hessian[m], state.slope[m])
            continue
        enough = INNER * abs(state.gradient[m]).max(initial=0.0)
        descend_dense(row, state.slope[m], *term.rows(m), state.hessian[m], enough, MOST_SWEEPS)
    x = state.x[models]
    predicted_decrease = np.einsum("ap,ap->a", state.slope[models], target - x)
    if term is not None:
        predicted_decrease += term.value(target, models) - term.value(x, models)
    return state._replace(
        target=put(state.target, models, target),
        predicted_decrease=put(state.predicted_decrease, models, predicted_decrease),
    )


def _solved(hessian: NDArray, slope: NDArray) -> NDArray:
    """The solution of ``hessian @ d = slope`` of least norm, so that collinear columns share their coefficient."""
    diagonal = np.diag(hessian)
    unit = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    with all_for(len(hessian)):
        values, vectors = np.linalg.eigh(hessian * unit[:, None] * unit)
    kept = values > len(values) * np.finfo(float).eps * max(values[-1], 0.0)
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=kept)
    return unit * (vectors @ (inverse * (vectors.T @ (unit * slope))))
